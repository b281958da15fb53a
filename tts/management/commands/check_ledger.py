"""Proves that the ledger and the balances agree."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError

from billing.selectors import find_ledger_mismatches
from tts.management.output import OperatorCommand


class Command(OperatorCommand):
    help = "Check, for every account, that its entries add up to its balance. Exits with 1 when one does not."

    def handle(self, *args: Any, **options: Any) -> None:
        checked, mismatches = find_ledger_mismatches()
        if options["json"]:
            self.stdout.write(json.dumps({"accounts": checked, "mismatches": [asdict(each) for each in mismatches]}))
        else:
            self.stdout.write(f"{checked} accounts checked.")
            for each in mismatches:
                self.stdout.write(
                    f"{each.account_id}: entries {each.entries_microcredits}, balance {each.balance_microcredits}"
                )
        if mismatches:
            raise CommandError(f"{len(mismatches)} accounts do not add up.")

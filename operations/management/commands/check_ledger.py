"""Checks that the ledger and the balances agree."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError

from billing.selectors import find_ledger_mismatches, find_over_refunded_jobs
from operations.management.output import OperatorCommand


class Command(OperatorCommand):
    help = (
        "Check that every account's entries add up to its balance, and that no job was refunded more than it was "
        "charged. Exits with 1 if a check fails."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        checked, mismatches = find_ledger_mismatches()
        over_refunded = find_over_refunded_jobs()
        if options["json"]:
            report = {
                "accounts": checked,
                "mismatches": [asdict(mismatch) for mismatch in mismatches],
                "over_refunded_jobs": over_refunded,
            }
            self.stdout.write(json.dumps(report))
        else:
            self.stdout.write(f"{checked} accounts checked.")
            for row in mismatches:
                self.stdout.write(
                    f"{row.account_id}: entries {row.entries_microcredits}, balance {row.balance_microcredits}"
                )
            for job_id in over_refunded:
                self.stdout.write(f"Job {job_id} was refunded more than it was charged.")
        if mismatches or over_refunded:
            raise CommandError(
                f"{len(mismatches)} accounts do not balance, {len(over_refunded)} jobs are over-refunded."
            )

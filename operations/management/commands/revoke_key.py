"""Revokes an API key."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.errors import NothingToChange
from accounts.selectors import find_keys
from accounts.services.audit import COMMAND_LINE
from accounts.services.operator_actions import revoke_key_for_customer
from operations.management.output import OperatorCommand


class Command(OperatorCommand):
    help = "Revoke an API key. Further requests with the key are rejected."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("key", help="key ID, the full key, or its prefix if it is unique")
        parser.add_argument(
            "--reason", default="Revoked from the command line.", help="reason, stored in the audit trail"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        found = list(find_keys(options["key"])[:2])
        if len(found) != 1:
            how_many = "No key" if not found else "More than one key"
            raise CommandError(f"{how_many} matches. Use the key ID.")
        try:
            revoke_key_for_customer(api_key=found[0], actor=COMMAND_LINE, reason=options["reason"])
            was_revoked_before = False
        except NothingToChange:
            was_revoked_before = True
        values = {
            "key_id": str(found[0].pk),
            "account_id": str(found[0].account_id),
            "name": found[0].name,
            "revoked": True,
            "was_revoked_before": was_revoked_before,
        }
        self.report(values, as_json=options["json"])

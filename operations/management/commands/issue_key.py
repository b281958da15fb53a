"""Creates an API key for an account."""

from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from accounts.keys import SCOPES
from accounts.selectors import get_account
from accounts.services.api_keys import issue_key
from accounts.services.audit import COMMAND_LINE
from config.api import format_time
from operations.management.output import OperatorCommand, at_most


class Command(OperatorCommand):
    help = "Create an API key. The key is printed once and cannot be shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("account", help="account ID, or the email of a member")
        parser.add_argument("--name", type=at_most(80), default="Created by an operator")
        parser.add_argument("--scope", action="append", choices=SCOPES, help="can be repeated; default: all scopes")
        parser.add_argument("--days", type=int, help="days until it expires; default: never")
        parser.add_argument(
            "--reason", default="Created from the command line.", help="reason, stored in the audit trail"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["days"] is not None and not 1 <= options["days"] <= 3650:
            raise CommandError("--days must be between 1 and 3650.")
        account = get_account(options["account"])
        expires_at = timezone.now() + timedelta(days=options["days"]) if options["days"] else None
        row, key = issue_key(
            account=account,
            name=options["name"],
            actor=COMMAND_LINE,
            reason=options["reason"],
            scopes=options["scope"] or SCOPES,
            expires_at=expires_at,
        )
        values = {
            "key_id": str(row.pk),
            "account_id": str(account.pk),
            "name": row.name,
            "scopes": row.scopes,
            "expires_at": format_time(expires_at) if expires_at else None,
            "api_key": key,
        }
        self.report(values, as_json=options["json"])

"""Grants credits to an account."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.selectors import get_account
from accounts.services.audit import COMMAND_LINE
from billing.models import EntryKind
from billing.money import format_credits, parse_credits
from billing.selectors import get_balance
from billing.services.ledger import adjust_credits
from operations.management.output import OperatorCommand, at_most


class Command(OperatorCommand):
    help = "Grant credits to an account, with a note that is stored in the ledger and the audit trail."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("account", help="account ID, or the email of a member")
        parser.add_argument("credits", help="amount, such as 100 or 2.5")
        parser.add_argument("--note", type=at_most(500), required=True, help="reason, stored in the ledger")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            amount = parse_credits(options["credits"])
        except ValueError as error:
            raise CommandError(str(error)) from error
        if amount <= 0:
            raise CommandError("A grant must be more than 0 credits.")
        account = get_account(options["account"])
        adjust_credits(
            account=account,
            amount_microcredits=amount,
            kind=EntryKind.GRANT,
            actor=COMMAND_LINE,
            reason=options["note"],
        )
        balance = get_balance(account)
        values = {
            "account_id": str(account.pk),
            "granted": format_credits(amount),
            "available": format_credits(balance.available_microcredits),
            "debt": format_credits(balance.debt_microcredits),
        }
        self.report(values, as_json=options["json"])

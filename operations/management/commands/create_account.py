"""Creates an account and its owner, optionally with credits and an API key."""

import secrets
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.core.validators import validate_email
from django.db import transaction

from accounts.services.api_keys import issue_key
from accounts.services.audit import COMMAND_LINE
from accounts.services.tenants import create_account
from billing.models import EntryKind
from billing.money import format_credits, parse_credits
from billing.services.ledger import adjust_credits
from operations.management.output import OperatorCommand, at_most

WITH_THE_ACCOUNT = "Granted with the account."


class Command(OperatorCommand):
    help = "Create an account and its owner, with a random password. Prints the password and the API key once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", type=at_most(254))
        parser.add_argument("--plan", default="free", help="free, payg, pro or enterprise")
        parser.add_argument("--credits", default="0", help="initial credits, such as 100 or 2.5")
        parser.add_argument("--key", action="store_true", help="also create an API key")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            validate_email(options["email"])
            amount = parse_credits(options["credits"])
        except (ValidationError, ValueError) as error:
            raise CommandError(" ".join(getattr(error, "messages", [str(error)]))) from error
        if amount < 0:
            raise CommandError("--credits cannot be less than 0.")
        password = secrets.token_urlsafe(12)
        with transaction.atomic():
            account = create_account(email=options["email"], password=password, plan_code=options["plan"])
            if amount:
                adjust_credits(
                    account=account,
                    amount_microcredits=amount,
                    actor=COMMAND_LINE,
                    reason=WITH_THE_ACCOUNT,
                    kind=EntryKind.GRANT,
                )
            key = None
            if options["key"]:
                _, key = issue_key(account=account, name="First key", actor=COMMAND_LINE, reason=WITH_THE_ACCOUNT)
        values = {
            "account_id": str(account.pk),
            "email": options["email"],
            "password": password,
            "plan": account.plan_id,
            "credits": format_credits(amount),
            "api_key": key,
        }
        self.report(values, as_json=options["json"])

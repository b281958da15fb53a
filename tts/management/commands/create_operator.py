"""Makes somebody on the staff, for the pages under /admin."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.core.validators import validate_email

from accounts.services.audit import COMMAND_LINE
from accounts.services.standing import create_operator
from tts.management.output import OperatorCommand


class Command(OperatorCommand):
    help = "Make an administrator, or with --support somebody who helps customers. Prints the password once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--support", action="store_true", help="not an administrator: see README")
        parser.add_argument("--reason", default="Made from the command line.", help="why; kept in the audit trail")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            validate_email(options["email"])
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        is_administrator = not options["support"]
        user, password = create_operator(
            email=options["email"], is_administrator=is_administrator, actor=COMMAND_LINE, reason=options["reason"]
        )
        values = {
            "user_id": str(user.pk),
            "email": user.email,
            "role": "administrator" if is_administrator else "support",
            "password": password,
        }
        self.report(values, as_json=options["json"])

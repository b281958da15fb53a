"""Creates a staff member for /admin."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.core.validators import validate_email

from accounts.operators import TABLE
from accounts.services.audit import COMMAND_LINE
from accounts.services.operator_actions import create_operator
from operations.management.output import OperatorCommand


class Command(OperatorCommand):
    help = "Create an operator: an administrator, or a user with the support or billing role. Prints the password once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument(
            "--role", choices=list(TABLE), default="administrator", help="role of the operator; default: administrator"
        )
        parser.add_argument(
            "--reason", default="Created from the command line.", help="reason, stored in the audit trail"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            validate_email(options["email"])
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        user, password = create_operator(
            email=options["email"], role=options["role"], actor=COMMAND_LINE, reason=options["reason"]
        )
        values = {
            "user_id": str(user.pk),
            "email": user.email,
            "role": options["role"],
            "password": password,
        }
        self.report(values, as_json=options["json"])

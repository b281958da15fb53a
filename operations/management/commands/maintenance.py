"""Starts and ends maintenance of the API."""

from typing import Any

from django.core.management.base import CommandParser

from accounts.services.audit import COMMAND_LINE
from accounts.services.maintenance import end_maintenance, start_maintenance
from operations.management.output import OperatorCommand


class Command(OperatorCommand):
    help = (
        "Turn maintenance mode on or off. While it is on, the API returns 503 MAINTENANCE. "
        "Accepted jobs are still completed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("state", choices=["on", "off"])
        parser.add_argument(
            "--reason", default="Switched from the command line.", help="reason, stored in the audit trail"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        switch = start_maintenance if options["state"] == "on" else end_maintenance
        switch(actor=COMMAND_LINE, reason=options["reason"])
        self.report({"maintenance": options["state"]}, as_json=options["json"])

"""Takes the API down on purpose, and up again."""

from typing import Any

from django.core.management.base import CommandParser

from accounts.services.tenants import end_maintenance, start_maintenance
from tts.management.output import OperatorCommand


class Command(OperatorCommand):
    help = "With `on`, the API answers 503 MAINTENANCE within a second; jobs that were accepted are still spoken."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("state", choices=["on", "off"])

    def handle(self, *args: Any, **options: Any) -> None:
        if options["state"] == "on":
            start_maintenance()
        else:
            end_maintenance()
        self.report({"maintenance": options["state"]}, as_json=options["json"])

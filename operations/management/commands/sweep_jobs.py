"""Runs the sweep for lost jobs now."""

from dataclasses import asdict
from typing import Any

from operations.management.output import OperatorCommand
from tts.services.sweep import sweep


class Command(OperatorCommand):
    help = "Requeue jobs of dead workers, notify workers and delete expired data."

    def handle(self, *args: Any, **options: Any) -> None:
        self.report(asdict(sweep()), as_json=options["json"])

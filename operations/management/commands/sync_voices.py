"""Updates the voices from the engines and their providers."""

import json
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from operations.management.output import OperatorCommand
from tts.services.catalogue import sync_voices


class Command(OperatorCommand):
    help = "Update the voice catalogue: add new voices and reject removed ones. Operators' settings are kept."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--provider", action="append", choices=list(settings.SPEECH_ENGINES), help="default: all")

    def handle(self, *args: Any, **options: Any) -> None:
        changes = sync_voices(providers=options["provider"] or list(settings.SPEECH_ENGINES))
        if options["json"]:
            self.stdout.write(json.dumps({"providers": {name: asdict(change) for name, change in changes.items()}}))
            return
        for name, change in changes.items():
            self.stdout.write(f"{name:<8} {change.total:>5} voices, {change.added} new, {change.vanished} removed")

"""Creates missing voice samples, now and in this process."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from operations.management.output import OperatorCommand
from speech.engines.registry import close_engines
from tts.services.samples import make_all_samples
from voices.services import forget_samples


class Command(OperatorCommand):
    help = "Create a sample of each voice that has none. Cloud providers charge for samples as for any other speech."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--provider", action="append", choices=list(settings.SPEECH_ENGINES), help="default: SAMPLE_ENGINES"
        )
        parser.add_argument("--again", action="store_true", help="also recreate existing samples")

    def handle(self, *args: Any, **options: Any) -> None:
        providers = options["provider"] or settings.SAMPLE_ENGINES
        if options["again"]:
            forget_samples(providers=providers)
        try:
            made, failed = make_all_samples(providers=providers)
        finally:
            close_engines()
        self.report({"made": made, "failed": failed}, as_json=options["json"])

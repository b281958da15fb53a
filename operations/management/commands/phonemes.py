"""Shows how a Kokoro voice reads a text: its spoken form, phonemes and words. Needs no database."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from speech.engines.base import EngineError
from speech.engines.kokoro.g2p import Readers
from speech.engines.kokoro.voices import voice_entries
from speech.engines.kokoro.words import pronounce


class Command(BaseCommand):
    help = (
        "Print how a Kokoro voice reads a text: one JSON object for each line, with text, spoken, phonemes and words. "
        "Speaks nothing and changes nothing."
    )
    requires_migrations_checks = False
    requires_system_checks = []  # noqa: RUF012

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--voice", required=True, metavar="ID", help="such as kokoro:en-US-Kokoro-Heart")
        parser.add_argument("--stdin", action="store_true", help="read the text from standard input, line by line")
        parser.add_argument("text", nargs="*", metavar="TEXT", help="the text, if it does not come from standard input")

    def handle(self, *args: Any, **options: Any) -> None:
        tag = _language(options["voice"])
        if options["stdin"] == bool(options["text"]):
            raise CommandError("Give either a text or --stdin.")
        lines: Iterable[str] = sys.stdin if options["stdin"] else " ".join(options["text"]).split("\n")
        readers = Readers()
        try:
            for line in lines:
                pronunciation = pronounce(readers, line.rstrip("\r\n"), tag)
                self.stdout.write(json.dumps(asdict(pronunciation), ensure_ascii=False))
                self.stdout.flush()
        except EngineError as error:
            raise CommandError(str(error)) from error
        finally:
            readers.close()


def _language(voice_id: str) -> str:
    """Returns the BCP 47 tag of a voice. Raises CommandError if Kokoro has no such voice."""
    languages = {entry.voice_id: entry.language for entry in voice_entries({})}
    if voice_id not in languages:
        raise CommandError(f"{voice_id} is no voice of Kokoro. Only Kokoro's voices read phonemes.")
    return languages[voice_id]

"""Shared parts of the operators' commands: `--json`, and our errors as command errors."""

import json
from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.errors import DomainError


def at_most(max_chars: int) -> Callable[[str], str]:
    """Returns an argument type for text of at most `max_chars`, the size of its column."""

    def check(text: str) -> str:
        if len(text) > max_chars:
            raise ArgumentTypeError(f"{len(text)} characters; the maximum is {max_chars}")
        return text

    return check


class OperatorCommand(BaseCommand):
    """A command that prints a mapping: as lines, or as one JSON object with `--json`."""

    requires_migrations_checks = True

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")
        return parser

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except DomainError as error:
            raise CommandError(error.message) from error

    def report(self, values: Mapping[str, Any], *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(values, ensure_ascii=False))
            return
        width = max(map(len, values), default=0)
        for name, value in values.items():
            self.stdout.write(f"{name.replace('_', ' '):<{width}}  {'' if value is None else value}")

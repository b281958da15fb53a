"""Revokes an API key."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.selectors import find_keys
from accounts.services.api_keys import revoke_key
from tts.management.output import OperatorCommand


class Command(OperatorCommand):
    help = "Revoke an API key. It is refused from the next request on."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("key", help="key id, the whole key, or its prefix when only one key has it")

    def handle(self, *args: Any, **options: Any) -> None:
        found = list(find_keys(options["key"])[:2])
        if len(found) != 1:
            how_many = "No key" if not found else "More than one key"
            raise CommandError(f"{how_many} is known by that name. Use the key's id.")
        was_usable = revoke_key(api_key=found[0])
        values = {
            "key_id": str(found[0].pk),
            "account_id": str(found[0].account_id),
            "name": found[0].name,
            "revoked": True,
            "was_revoked_before": not was_usable,
        }
        self.report(values, as_json=options["json"])

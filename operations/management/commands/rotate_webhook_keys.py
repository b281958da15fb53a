"""Encrypts every signing secret with the first of WEBHOOK_SECRET_KEYS. Then the other keys can be removed."""

from typing import Any

from operations.management.output import OperatorCommand
from webhooks.services.endpoints import rotate_keys


class Command(OperatorCommand):
    help = "Re-encrypt customers' signing secrets with the first key in WEBHOOK_SECRET_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        self.report({"endpoints": rotate_keys()}, as_json=options["json"])

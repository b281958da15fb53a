"""Runs one role of the service in this process, for containers and systemd units."""

import os
from typing import Any, NoReturn

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from operations.one_machine import process_commands
from tts.queue import MAINTENANCE_QUEUE
from tts.services.catalogue import sync_catalogue
from webhooks.dispatch import QUEUE as WEBHOOK_QUEUE

ROLES = ["web-api", "web-stream", "worker", "beat", "migrate"]


class Command(BaseCommand):
    requires_system_checks = []  # noqa: RUF012 - logs are JSON; `manage.py check` reports missing settings
    help = "Run one role of the service. Pass a worker the queues that it processes. migrate exits when it is done."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("role", choices=ROLES)
        parser.add_argument(
            "queues", nargs="*", metavar="QUEUE", help="queues of a worker: speech.espeak, maintenance, …"
        )

    def handle(self, *args: Any, role: str, queues: list[str], **options: Any) -> None:
        if bool(queues) != (role == "worker"):
            raise CommandError("Pass queues to a worker, and only to a worker.")
        known = [*settings.SPEECH_QUEUES, MAINTENANCE_QUEUE, WEBHOOK_QUEUE]
        if unknown := [queue for queue in queues if queue not in known]:
            raise CommandError(f"Unknown queue {', '.join(unknown)}. Available queues: {', '.join(known)}.")
        match role:
            case "web-api":
                become(process_commands.web_api())
            case "web-stream":
                become(process_commands.web_stream())
            case "worker":
                become(process_commands.worker(queues))
            case "beat":
                become(process_commands.beat())
            case "migrate":
                migrate(verbosity=options["verbosity"])


def become(arguments: list[str]) -> NoReturn:
    """Replaces this process with the program, so that the program receives signals itself."""
    os.environ["CELERY_SKIP_CHECKS"] = "1"
    os.execv(arguments[0], arguments)  # noqa: S606


def migrate(*, verbosity: int) -> None:
    """Migrates the database: tables, the cache's table, the engines' voices."""
    call_command("migrate", verbosity=verbosity, interactive=False)
    call_command("createcachetable", verbosity=verbosity)
    sync_catalogue()

"""Installs Kokoro's model and voices. Only writes files: it needs no database."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from config.private_files import umask_for
from operations.management.output import OperatorCommand
from operations.management.progress_display import show_progress
from operations.one_machine.background_install import install_until_done
from speech.engines.kokoro import files
from speech.engines.kokoro.installer import InstallFailed, install
from speech.engines.kokoro.processor import default_model


class Command(OperatorCommand):
    help = "Install Kokoro's model and its 54 voices into KOKORO_MODEL_DIR. Files that are right are kept."
    requires_migrations_checks = False
    requires_system_checks = []  # noqa: RUF012

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--again", action="store_true", help="also replace files that were put there by hand")
        parser.add_argument(
            "--keep-trying", action="store_true", help="if it fails, try again after 1, 5 and then every 30 minutes"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        folder = files.model_dir()
        try:
            with umask_for(folder, data_dir=settings.DATA_DIR), _exit_on_sigterm():
                if options["keep_trying"]:
                    install_until_done(write=self.stdout.write)
                    return
                report = install(
                    folder,
                    model=default_model(),
                    on_progress=show_progress(sys.stderr),
                    replace_foreign=options["again"],
                )
        except InstallFailed as error:
            raise CommandError(str(error)) from error
        summary: dict[str, Any] = {"model": report.model, "folder": str(folder), "kept": report.kept}
        summary |= {"fetched": sum(report.fetched.values()), "megabytes": round(report.bytes_fetched / 1e6, 1)}
        summary |= {"seconds": round(report.seconds, 1)}
        if options["json"]:
            self.report(summary | {"places": report.fetched, "foreign": list(report.foreign)}, as_json=True)
            return
        summary |= {f"from {place}": count for place, count in report.fetched.items()}
        self.report(summary, as_json=False)
        if report.foreign:
            self.stdout.write(
                f"Left alone, because it was not installed by this command: {', '.join(report.foreign)}. "
                "Replace it with: manage.py kokoro_install --again"
            )


@contextmanager
def _exit_on_sigterm() -> Iterator[None]:
    """Exits on SIGTERM, for example when a container is stopped, so that package clients end with this process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, lambda *arguments: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)

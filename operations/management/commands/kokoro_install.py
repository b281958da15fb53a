"""Downloads Kokoro's model and voices."""

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from config.private_files import umask_for
from operations.management.output import OperatorCommand
from speech.engines.kokoro import files
from speech.engines.kokoro.deterministic_noise import make_noise_deterministic
from speech.engines.kokoro.hub import INSTALLS, InstallFailed, fetch
from tts.services.catalogue import sync_catalogue


class Command(OperatorCommand):
    help = "Download Kokoro's model and its 54 voices (about 360 MB) into KOKORO_MODEL_DIR. Existing files are kept."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--again", action="store_true", help="download existing files again")

    def handle(self, *args: Any, **options: Any) -> None:
        with umask_for(files.model_dir(), data_dir=settings.DATA_DIR):
            self._install(options)

    def _install(self, options: dict[str, Any]) -> None:
        folder = files.model_dir()
        folder.mkdir(parents=True, exist_ok=True)
        entries = {} if options["again"] else files.manifest()
        fetched = 0
        for wanted in INSTALLS[settings.KOKORO_RUNTIME]:
            target = folder / wanted.target
            entry = entries.get(wanted.target)
            if entry is not None and target.is_file() and target.stat().st_size == entry["bytes"]:
                continue
            try:
                digest, size_bytes = fetch(wanted, folder, self._show)
            except InstallFailed as error:
                raise CommandError(str(error)) from error
            entries[wanted.target] = {"fetched_sha256": digest, "sha256": digest, "bytes": size_bytes}
            if wanted.target == files.ONNX_FILE:
                make_noise_deterministic(target, target)
                entries[wanted.target] |= {"sha256": files.compute_sha256(target), "bytes": target.stat().st_size}
            files.write_manifest(entries)
            fetched += 1
        sync_catalogue()
        self.report({"fetched": fetched, "files": len(entries), "folder": str(folder)}, as_json=options["json"])
        if not options["json"]:
            self.stdout.write("Restart the service to start a worker for Kokoro.")

    def _show(self, name: str, done: int, total: int) -> None:
        if sys.stderr.isatty():
            share = f"{done * 100 // total:3d} %" if total else ""
            self.stderr.write(f"\r{name}  {done / 1e6:8.1f} MB  {share}", ending="\n" if done == total else "")

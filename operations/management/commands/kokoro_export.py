"""Exports Kokoro's ONNX model from the checkpoint, with PyTorch."""

import importlib
import importlib.util
from typing import Any, Final

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from config.private_files import umask_for
from operations.management.output import OperatorCommand
from speech.engines.base import EngineUnavailable
from speech.engines.kokoro import files
from speech.engines.kokoro.export import export_onnx

NEEDED: Final = ("torch", "kokoro", "onnx")


class Command(OperatorCommand):
    help = "Export kokoro-v1_0.pth in KOKORO_MODEL_DIR to model.onnx, and compare the two."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--force", action="store_true", help="replace an existing model.onnx")

    def handle(self, *args: Any, **options: Any) -> None:
        with umask_for(files.model_dir(), data_dir=settings.DATA_DIR):
            self._export(options)

    def _export(self, options: dict[str, Any]) -> None:
        folder = files.model_dir()
        target = folder / files.ONNX_FILE
        missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
        if missing:
            raise CommandError(f"This needs {', '.join(missing)}: pip install -r requirements-kokoro-torch.txt")
        for name in (files.CHECKPOINT_FILE, files.CONFIG_FILE):
            if not (folder / name).is_file():
                raise CommandError(
                    f"{folder / name} is missing: KOKORO_RUNTIME=torch manage.py kokoro_install fetches it."
                )
        if target.exists() and not options["force"]:
            raise CommandError(f"{target} already exists. Use --force to replace it.")
        try:
            deviation = export_onnx(folder / files.CONFIG_FILE, folder / files.CHECKPOINT_FILE, target)
        except EngineUnavailable as error:
            raise CommandError(str(error)) from error
        entries = files.manifest(folder)
        entries[files.ONNX_FILE] = files.entry_for(target, files.compute_sha256(target), place=files.EXPORTED)
        files.write_manifest(folder, entries)
        self.report(
            {"file": str(target), "bytes": target.stat().st_size, "deviation": round(deviation, 3)},
            as_json=options["json"],
        )

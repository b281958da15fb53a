"""Import what a documented configuration needs while only the packages of some requirements files can be found.

    python -m tests.only_requirements requirements.txt [requirements-kokoro-cjk.txt]

The configuration is the environment's. Packages that are installed here for the tests, but named in none of the files,
are hidden, so a missing requirement shows at once, without a virtual environment of its own.
"""

import importlib
import os
import pkgutil
import re
import sys
from collections.abc import Iterable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType

# Nothing here imports a package before the finder stands.
ROOT = Path(__file__).resolve().parent.parent
APPS = ("config", "speech", "accounts", "billing", "voices", "webhooks", "tts", "portal", "operations")
REQUIREMENT = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==", re.MULTILINE)
# Modules that only an optional requirements file makes usable, and the file.
CJK_FILE = "requirements-kokoro-cjk.txt"
OPTIONAL = {
    "operations.management.commands.kokoro_export": "requirements-kokoro-torch.txt",
    "speech.engines.kokoro.export": "requirements-kokoro-torch.txt",
}


class OnlyNamedPackages(MetaPathFinder):
    """Hides every installed package that is not named."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = {normalized(name) for name in names}
        self._distributions = packages_distributions()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        owners = self._distributions.get(fullname.partition(".")[0], [])
        if owners and not any(normalized(owner) in self._names for owner in owners):
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return None


def normalized(name: str) -> str:
    """A project's name as PEP 503 compares them."""
    return re.sub(r"[-_.]+", "-", name).lower()


def requirement_names(files: Iterable[str]) -> set[str]:
    """The projects that compiled requirements files pin."""
    return {name for file in files for name in REQUIREMENT.findall((ROOT / file).read_text())}


def modules_of_the_product(files: Sequence[str]) -> list[str]:
    """Every module of the apps, except those that need a requirements file which is not given."""
    left_out = [name for name, file in OPTIONAL.items() if file not in files]
    found = [
        module.name
        for app in APPS
        for module in pkgutil.walk_packages([str(ROOT / app)], prefix=f"{app}.", onerror=lambda name: None)
    ]
    return [name for name in found if not any(name == one or name.startswith(f"{one}.") for one in left_out)]


def main(files: Sequence[str]) -> int:
    sys.meta_path.insert(0, OnlyNamedPackages(requirement_names(files)))
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"

    import django

    django.setup()
    missing = [complaint for name in modules_of_the_product(files) if (complaint := complaint_about(name))]

    from django.conf import settings
    from django.core.cache import caches
    from django.core.files.storage import storages
    from django.db import connection

    from config.celery import app
    from speech.engines.base import EngineUnavailable
    from speech.engines.kokoro.g2p import Readers

    needs = {
        "the broker": lambda: app.connection_for_write().transport,
        "beat": lambda: importlib.import_module("celery.bin.beat"),
        "a worker": lambda: (importlib.import_module("celery.bin.worker"), importlib.import_module("celery.worker")),
        "tasks": app.loader.import_default_modules,
        "the database": lambda: connection.vendor,  # its driver is imported with it
        "the caches": lambda: [caches[alias] for alias in settings.CACHES],
        "the audio store": lambda: storages["audio"],
        "the web server": lambda: importlib.import_module("granian.cli"),
        "Kokoro's model": lambda: (importlib.import_module("onnxruntime"), importlib.import_module("onnx")),
        "Kokoro's English": lambda: Readers().phonemes("Hello.", "en-US"),
    }
    if CJK_FILE in files:
        needs |= {
            "Kokoro's Japanese": lambda: Readers().phonemes("こんにちは。", "ja-JP"),
            "Kokoro's Chinese": lambda: Readers().phonemes("你好。", "zh-CN"),
        }
    for what, need in needs.items():
        try:
            need()
        except (ImportError, EngineUnavailable) as error:
            missing.append(f"{what}: {error}")
    print(*missing, sep="\n", end="\n" if missing else "")
    return 1 if missing else 0


def complaint_about(module: str) -> str:
    try:
        importlib.import_module(module)
    except ImportError as error:
        return f"{module}: {error}"
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

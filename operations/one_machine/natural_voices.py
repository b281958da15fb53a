"""Checks whether Kokoro's model should be installed in the background. Imports nothing heavy."""

import importlib.util

from django.conf import settings

from speech.engines.kokoro import files
from speech.engines.kokoro.voices import PROVIDER, engine_voices


def is_model_missing() -> bool:
    """Whether Kokoro is enabled and could run, but its files are missing. Checks only the folder."""
    if PROVIDER not in settings.SPEECH_ENGINES:
        return False
    packages = files.NEEDED_PACKAGES[settings.KOKORO_RUNTIME]
    if any(importlib.util.find_spec(name) is None for name in packages):
        return False
    return bool(files.missing_files() or any(files.missing_packs(engine_voices()).values()))

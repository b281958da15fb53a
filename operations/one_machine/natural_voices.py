"""Whether Kokoro's model has to be fetched in the background of a service. Light: whoever asks need not fetch it."""

import importlib.util

from django.conf import settings

from speech.engines.kokoro import files
from speech.engines.kokoro.voices import PROVIDER, engine_voices


def is_model_missing() -> bool:
    """Whether Kokoro is wanted and could run here, but for files that an installation brings. A look at the folder."""
    if PROVIDER not in settings.SPEECH_ENGINES:
        return False
    packages = files.NEEDED_PACKAGES[settings.KOKORO_RUNTIME]
    if any(importlib.util.find_spec(name) is None for name in packages):
        return False
    return bool(files.missing_files() or any(files.missing_packs(engine_voices()).values()))

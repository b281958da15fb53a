"""Whether the natural voices are on their way to this machine, for pages and the API.

The installer writes how far it is into the model folder. A process reads that at most once a second, and asks no
database: every page may ask.
"""

import time
from dataclasses import dataclass
from typing import Final

from django.conf import settings

from speech.engines.kokoro import files
from speech.engines.kokoro.progress import InstallState, read_progress
from speech.engines.kokoro.voices import PROVIDER

CACHE_SECONDS: Final = 1.0

_seen: tuple[float, InstallState | None] = (float("-inf"), None)  # when it was read (monotonic), and what


@dataclass(frozen=True, slots=True)
class Installation:
    """An engine that is being installed. `percent`: 0 to 100, rounded down."""

    provider: str
    percent: int

    @property
    def reason(self) -> str:
        """Why its voices cannot speak yet; without a full stop."""
        return f"Kokoro is being installed ({self.percent} %)"


def get_install_state() -> InstallState | None:
    """Of the last installation of Kokoro in KOKORO_MODEL_DIR, at most a second old. None: there was none."""
    global _seen
    if PROVIDER not in settings.SPEECH_ENGINES:
        return None
    read_at, state = _seen
    if time.monotonic() - read_at >= CACHE_SECONDS:
        state = read_progress(files.model_dir())
        _seen = (time.monotonic(), state)
    return state


def get_running_installation() -> Installation | None:
    """None while nothing is being installed."""
    state = get_install_state()
    if state is None or state.status != "installing":
        return None
    return Installation(PROVIDER, state.progress.percent)

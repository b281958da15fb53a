"""Reports to pages and the API whether the natural voices are being installed on this machine.

The installer writes its progress to the model folder. A process reads it at most once a second, without a database
query, because every page may need it.
"""

import time
from dataclasses import dataclass
from typing import Final

from django.conf import settings

from speech.engines.kokoro import files
from speech.engines.kokoro.progress import InstallState, read_progress
from speech.engines.kokoro.voices import PROVIDER

CACHE_SECONDS: Final = 1.0

_seen: tuple[float, InstallState | None] = (float("-inf"), None)  # when it was read (monotonic), and the state


@dataclass(frozen=True, slots=True)
class Installation:
    """An engine that is being installed. `percent` is 0 to 100, rounded down."""

    provider: str
    percent: int

    @property
    def reason(self) -> str:
        """Why its voices are not available yet, without a full stop."""
        return f"Kokoro is being installed ({self.percent} %)"


def get_install_state() -> InstallState | None:
    """Returns the state of the last installation in KOKORO_MODEL_DIR, at most a second old; None if there was none."""
    global _seen
    if PROVIDER not in settings.SPEECH_ENGINES:
        return None
    read_at, state = _seen
    if time.monotonic() - read_at >= CACHE_SECONDS:
        state = read_progress(files.model_dir())
        _seen = (time.monotonic(), state)
    return state


def get_running_installation() -> Installation | None:
    """Returns the running installation, or None."""
    state = get_install_state()
    if state is None or state.status != "installing":
        return None
    return Installation(PROVIDER, state.progress.percent)

"""Installs Kokoro's model in the background, while the service runs with eSpeak.

Decides when to retry, and what the console shows meanwhile. `speech.engines.kokoro.installer` fetches the files,
`supervisor` runs the processes.
"""

import time
from collections.abc import Callable
from itertools import chain, repeat
from typing import Final

from operations.management.progress_display import describe
from speech.engines.kokoro import files
from speech.engines.kokoro.installer import InstallFailed, install
from speech.engines.kokoro.processor import default_model
from speech.engines.kokoro.progress import Progress

PAUSES_MINUTES: Final = (1, 5, 30)  # after failures; the last one repeats
LINE_SECONDS: Final = 5.0  # minimum time between two lines of progress


def install_until_done(*, write: Callable[[str], None], wait: Callable[[float], None] = time.sleep) -> None:
    """Returns when every file is installed. `write` gets the lines for the console; `wait` takes seconds."""
    for minutes in chain(PAUSES_MINUTES, repeat(PAUSES_MINUTES[-1])):
        try:
            install(files.model_dir(), model=default_model(), on_progress=_progress_lines(write))
        except InstallFailed as error:
            pause = f"{minutes} minute{'s' if minutes > 1 else ''}"
            write(f"No natural voices yet; eSpeak speaks meanwhile. Trying again in {pause}. {error}")
            wait(minutes * 60.0)
        else:
            return


def _progress_lines(write: Callable[[str], None]) -> Callable[[Progress], None]:
    """Returns a function that writes a line now and then: the output of other programs would break a progress bar."""
    told_at = float("-inf")

    def tell(progress: Progress) -> None:
        nonlocal told_at
        if time.monotonic() - told_at >= LINE_SECONDS:
            told_at = time.monotonic()
            write(f"Natural voices: {describe(progress)}")

    return tell

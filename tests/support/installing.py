"""Kokoro as if it were being installed: what the installer writes into its folder, and the lock that it holds."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from speech.engines.kokoro.progress import Progress, install_lock, write_progress


def at_percent(percent: int) -> Progress:
    return Progress(percent, 100, 10.0, 5.0, "downloading model.onnx with pip")


@contextmanager
def installing(folder: Path, percent: int) -> Iterator[None]:
    """As another process sees it: the lock is held, the state is written."""
    folder.mkdir(exist_ok=True)
    with install_lock(folder, on_wait=lambda: pytest.fail("somebody else installs")):
        write_progress(folder, "installing", at_percent(percent))
        yield

"""Where the tests find Kokoro's real model: a folder outside the clone, which KOKORO_CACHE names.

`make test` cleans its environment of every setting of the service, so `tests.run` hands this one on by another name.
Nothing is downloaded for a test: KOKORO_CACHE=FOLDER make kokoro fills the folder.
"""

import os
from pathlib import Path

import pytest

from speech.engines.kokoro.sources import INT8
from tests.run import KOKORO_CACHE_IN_TESTS


def cache_with_real_model() -> Path:
    """Skips the test where there is none."""
    named = os.environ.get(KOKORO_CACHE_IN_TESTS) or os.environ.get("KOKORO_CACHE")
    if not named:
        pytest.skip("KOKORO_CACHE names no folder with Kokoro's model")
    folder = Path(named).expanduser().resolve()
    if not any(path.stat().st_size == INT8.pin.size_bytes for path in folder.rglob("*.onnx")):
        pytest.skip(f"{folder} does not hold Kokoro's model")
    return folder

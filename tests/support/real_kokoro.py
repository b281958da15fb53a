"""The real Kokoro model for the tests: fetched once, kept outside the clone, where the next run finds it.

KOKORO_CACHE names the folder; without it, it is that of the user's caches. `tests.run` fetches what is missing, with
the product's own installer. Where nothing can be fetched, the tests that speak with it are skipped and counted.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODEL_DIR_VARIABLE = "TEST_KOKORO_DIR"
FETCH_SECONDS = 300


def cache_dir() -> Path:
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("KOKORO_CACHE") or Path(caches) / "utterance" / "kokoro")


def fetch(environment: dict[str, str]) -> Path:
    """The model folder inside the cache, with the model in it if it can be had. Prints why it cannot."""
    folder = cache_dir() / "int8"
    settings = {"KOKORO_MODEL_DIR": str(folder), "KOKORO_MODEL": "int8", "KOKORO_CACHE": ""}
    command = [sys.executable, "manage.py", "kokoro_install"]
    try:
        subprocess.run(
            command, cwd=ROOT, env=environment | settings, timeout=FETCH_SECONDS, check=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    except subprocess.CalledProcessError as error:
        print(error.stderr.strip(), "The tests that speak with Kokoro are skipped.", sep="\n", flush=True)
    except subprocess.TimeoutExpired:
        print(f"Kokoro did not come within {FETCH_SECONDS} s. The tests that speak with it are skipped.", flush=True)
    return folder


def model_dir_or_skip() -> Path:
    """Where the model is. Skips the test where it is not."""
    folder = Path(os.environ.get(MODEL_DIR_VARIABLE) or cache_dir() / "int8")
    if not (folder / "model.onnx").is_file():
        pytest.skip(f"the Kokoro model is not in {folder}: `make test` fetches it where it can be had")
    return folder

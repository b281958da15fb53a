"""The checkpoint's true network in PyTorch, and its way to ONNX: made-up weights, real code, real size."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from speech.engines.base import EngineUnavailable
from speech.engines.kokoro import KokoroEngine
from tests.speech.test_kokoro import SENTENCE, speak
from tests.support import kokoro_files

torch = pytest.importorskip("torch", reason="PyTorch is not installed (requirements-kokoro-torch.txt)")
pytest.importorskip("kokoro", reason="kokoro is not installed (requirements-kokoro-torch.txt)")
pytestmark = pytest.mark.filterwarnings("ignore")  # of layers that the checkpoint's own code makes


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kokoro")
    kokoro_files.checkpoint(folder, small=True)
    kokoro_files.packs(folder, ["af_bella"])
    assert (folder / "kokoro-v1_0.pth").stat().st_size < 3_000_000
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path, settings: Any) -> Path:
    settings.KOKORO_MODEL_DIR = tmp_path / "kokoro"
    settings.KOKORO_RUNTIME = "torch"
    shutil.copytree(made, settings.KOKORO_MODEL_DIR)
    return tmp_path / "kokoro"


def test_the_checkpoint_speaks_and_the_same_request_sounds_the_same(folder: Path):
    engine = KokoroEngine()
    pcm = speak(engine, SENTENCE)
    assert 2.5 < len(pcm) / 48_000 < 5.0
    assert np.abs(np.frombuffer(pcm, "<i2")).max() > 100
    assert speak(engine, SENTENCE) == pcm
    assert str(engine.describe()["runtime"]).startswith("torch on ")


def test_a_checkpoint_with_other_keys_is_refused_and_speaks_no_noise(folder: Path):
    path = folder / "kokoro-v1_0.pth"
    parts = torch.load(path, weights_only=True)
    parts["decoder"] = {f"other.{key}": value for key, value in parts["decoder"].items()}
    torch.save(parts, path)
    with pytest.raises(EngineUnavailable, match=r"is missing \d+ weights of decoder"):
        KokoroEngine().warm_up()


def test_a_checkpoint_that_is_cut_off_is_refused(folder: Path):
    path = folder / "kokoro-v1_0.pth"
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(EngineUnavailable, match="is corrupted or not a model"):
        KokoroEngine().warm_up()


def test_an_export_says_the_same_as_the_checkpoint(db: None, folder: Path, settings: Any):
    call_command("kokoro_export", "--json")
    by_torch = speak(KokoroEngine(), SENTENCE)
    settings.KOKORO_RUNTIME = "onnx"
    by_onnx = speak(KokoroEngine(), SENTENCE)
    # Its loudness was compared by the command. Here the checkpoint runs with complex numbers, which ONNX does not have:
    # of made-up weights, whose spectra fit no sound, the two then make something else.
    assert len(by_onnx) == len(by_torch)
    assert speak(KokoroEngine(), SENTENCE) == by_onnx
    with pytest.raises(CommandError, match="Use --force to replace it"):
        call_command("kokoro_export")

"""When Kokoro's model is fetched in the background, and what happens while it cannot be had."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from operations.one_machine.background_install import install_until_done
from operations.one_machine.natural_voices import is_model_missing
from speech.engines.kokoro.voices import engine_voices
from tests.support import kokoro_files
from tests.support.kokoro_places import Places, empty_places

KOKORO = {"kokoro": "speech.engines.kokoro.KokoroEngine"}


@pytest.fixture
def model(tmp_path: Path, settings: Any) -> Path:
    settings.SPEECH_ENGINES = KOKORO
    settings.KOKORO_MODEL_DIR = tmp_path / "kokoro"
    return tmp_path / "kokoro"


@pytest.fixture
def places(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Places]:
    with empty_places(tmp_path, settings, monkeypatch) as places:
        yield places


def test_it_is_fetched_until_model_and_every_voice_are_there(model: Path):
    assert is_model_missing()
    kokoro_files.tone_model(model)
    assert is_model_missing()
    kokoro_files.packs(model, engine_voices()[1:])
    assert is_model_missing()
    kokoro_files.packs(model)
    assert not is_model_missing()


def test_it_is_not_fetched_where_the_engine_is_left_out_or_its_packages_are(
    model: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("speech.engines.kokoro.files.NEEDED_PACKAGES", {"onnx": ("no_such_package",)})
    assert not is_model_missing()
    monkeypatch.undo()
    settings.SPEECH_ENGINES = {}
    assert not is_model_missing()


def test_what_cannot_be_had_is_asked_for_again_with_growing_pauses(places: Places):
    lines: list[str] = []
    pauses: list[float] = []

    def wait(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 4:
            places.offer_hub()

    install_until_done(write=lines.append, wait=wait)

    assert pauses == [60.0, 300.0, 1800.0, 1800.0]
    assert places.installed() == places.contents
    failures = [line for line in lines if line.startswith("No natural voices yet")]
    first = "No natural voices yet; eSpeak speaks meanwhile. Trying again in 1 minute. Kokoro was not installed: "
    assert failures[0].startswith(first)
    assert [line.partition("again in ")[2].partition(".")[0] for line in failures] == [
        *("1 minute", "5 minutes", "30 minutes", "30 minutes")
    ]
    assert [line for line in lines if "\n" in line] == []
    progress = [line for line in lines if line not in failures]
    assert progress
    assert all(line.startswith("Natural voices: ") for line in progress)

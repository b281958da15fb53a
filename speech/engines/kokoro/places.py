"""Defines what a place is that Kokoro's files can come from, and the simplest one: a folder.

A place is a function of the wanted files and a `Site`. It yields each file whose verified bytes are at
`site.whole(file.pin)`, and finally raises PlaceFailed with the reason if it did not have all of them.
"""

import errno
import logging
import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from speech.engines.kokoro import files
from speech.engines.kokoro.progress import Meter
from speech.engines.kokoro.sources import File, Pin

logger = logging.getLogger(__name__)


class PlaceFailed(Exception):
    """The message says what failed, without a full stop."""


@dataclass(frozen=True, slots=True)
class Site:
    """The folders of an installation.

    `parts` has the unfinished files, named by their expected SHA-256, so that the next place can continue them.
    """

    folder: Path
    parts: Path
    meter: Meter

    def whole(self, pin: Pin) -> Path:
        return self.parts / pin.sha256

    def unfinished(self, pin: Pin) -> Path:
        return self.parts / f"{pin.sha256}.part"


Place = Callable[[Sequence[File], Site], Iterator[File]]


def matches(path: Path, pin: Pin) -> bool:
    """Whether a file's content matches its pin, read in full. Raises OSError if it cannot be read."""
    return path.is_file() and path.stat().st_size == pin.size_bytes and files.compute_sha256(path) == pin.sha256


def accept(site: Site, pin: Pin) -> bool:
    """Whether the unfinished file is now correct. Moves it to `whole` if so, else deletes it."""
    path = site.unfinished(pin)
    if matches(path, pin):
        path.replace(site.whole(pin))
        return True
    path.unlink()
    return False


def make_parts_folder(parts: Path) -> None:
    """Creates the folder of parts, and removes what a killed client left and any link. Raises OSError.

    Through a link, another user could have files written or deleted elsewhere.
    """
    if parts.is_symlink():
        parts.unlink()
    parts.mkdir(exist_ok=True)
    for entry in list(parts.iterdir()):
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.is_symlink() or not entry.is_file():
            entry.unlink()


def is_disk_full(error: OSError) -> bool:
    """Whether the disk, or the user's quota, is full."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def from_folder(source: Path) -> Place:
    """Returns the place for a folder. It finds files by their content, whatever their names."""

    def fetch(wanted: Sequence[File], site: Site) -> Iterator[File]:
        if not source.is_dir():
            raise PlaceFailed("the folder does not exist")
        of_size = _files_by_size(source, {file.pin.size_bytes for file in wanted})
        found: dict[str, Path] = {}
        for candidate in (path for paths in of_size.values() for path in paths):
            try:
                found.setdefault(files.compute_sha256(candidate), candidate)
            except OSError:  # not readable, or deleted meanwhile
                continue
        for file in wanted:
            if (path := found.get(file.pin.sha256)) is not None:
                site.meter.start(f"copying from {source}")
                shutil.copyfile(path, site.unfinished(file.pin))
                if accept(site, file.pin):
                    yield file
        if lacking := sum(file.pin.sha256 not in found for file in wanted):
            raise PlaceFailed(f"{lacking} of {len(wanted)} files are not there")

    return fetch


def keep_in_cache(folder: Path, fetched: Collection[File]) -> None:
    """Copies the files to the cache for the next installation. An error here does not fail this one."""
    cache = settings.KOKORO_CACHE
    if cache is None or cache == folder:
        return
    for file in fetched:
        kept = cache / f"{file.pin.sha256[:8]}-{Path(file.name).name}"
        try:
            if kept.is_file() and kept.stat().st_size == file.pin.size_bytes:
                continue
            kept.parent.mkdir(parents=True, exist_ok=True)
            unfinished = kept.with_name(f".{kept.name}.{os.getpid()}.part")
            try:
                shutil.copyfile(folder / file.name, unfinished)
                unfinished.replace(kept)
            finally:
                unfinished.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("%s cannot be kept in KOKORO_CACHE: %s", file.name, error)
            return


def _files_by_size(folder: Path, sizes: set[int]) -> dict[int, list[Path]]:
    """Finds files of these sizes, at any depth. Skips hidden folders and links to folders."""
    of_size: dict[int, list[Path]] = defaultdict(list)
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in sorted(names):
            path = Path(parent, name)
            if path.is_file() and path.stat().st_size in sizes:
                of_size[path.stat().st_size].append(path)
    return of_size

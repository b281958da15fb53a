"""What every place that Kokoro's files can come from has in common, and the simplest place: a folder.

A place is a function of the files that are wanted and a `Site`. It yields each file whose bytes lie, checked, at
`site.whole(file.pin)`, and raises PlaceFailed with the reason when it is at its end and not everything was there.
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
    """The message says what was wrong, without a full stop."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where an installation works. `parts`: unfinished files, by the SHA-256 that they must have, so that whatever
    place comes next continues them.
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
    """Whether a file is what it must be, read to its last byte. Raises OSError when it cannot be read."""
    return path.is_file() and path.stat().st_size == pin.size_bytes and files.compute_sha256(path) == pin.sha256


def accept(site: Site, pin: Pin) -> bool:
    """Whether the unfinished file is now what it must be; it is `whole` then, else it is gone."""
    path = site.unfinished(pin)
    if matches(path, pin):
        path.replace(site.whole(pin))
        return True
    path.unlink()
    return False


def is_disk_full(error: OSError) -> bool:
    """Or the user's share of it."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def from_folder(source: Path) -> Place:
    """Files of that folder by their content, whatever they are called."""

    def fetch(wanted: Sequence[File], site: Site) -> Iterator[File]:
        if not source.is_dir():
            raise PlaceFailed("the folder does not exist")
        of_size = _files_by_size(source, {file.pin.size_bytes for file in wanted})
        found: dict[str, Path] = {}
        for candidate in (path for paths in of_size.values() for path in paths):
            try:
                found.setdefault(files.compute_sha256(candidate), candidate)
            except OSError:  # not ours to read, or gone by now
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
    """For the next installation. Whether that works or not, this one is done."""
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
    """What has one of these sizes, at any depth; links to folders and hidden folders are not followed."""
    of_size: dict[int, list[Path]] = defaultdict(list)
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in sorted(names):
            path = Path(parent, name)
            if path.is_file() and path.stat().st_size in sizes:
                of_size[path.stat().st_size].append(path)
    return of_size

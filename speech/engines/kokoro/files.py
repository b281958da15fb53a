"""Defines the files in KOKORO_MODEL_DIR, and checks them. Does not load the model; see `runtimes`.

model.onnx             the network for ONNX Runtime
kokoro-v1_0.pth        the checkpoint for PyTorch, with its config.json
en_core_web_sm.bin     the English tagger; without it, English is read by fewer rules
voices/af_bella.bin    a voice pack for each voice: float32, little-endian, 510 × 1 × 256
installed.json         the files that `installer` verified, see Entry; files copied by hand are not listed
"""

import hashlib
import json
import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NotRequired, TypedDict, TypeGuard

from django.conf import settings

ONNX_FILE: Final = "model.onnx"
DETERMINISTIC_FILE: Final = "model.deterministic.onnx"
CHECKPOINT_FILE: Final = "kokoro-v1_0.pth"
CONFIG_FILE: Final = "config.json"
TAGGER_FILE: Final = "en_core_web_sm.bin"
MANIFEST_FILE: Final = "installed.json"
PACK_SHAPE: Final = (510, 1, 256)
PACK_BYTES: Final = 510 * 256 * 4
HOW_TO: Final = "run `make kokoro`"
EXPORTED: Final = "kokoro_export"  # the place of a network that was exported on this machine

NEEDED_PACKAGES: Final = {"onnx": ("onnxruntime",), "torch": ("torch", "kokoro")}
PACKAGES_FILE: Final = {"onnx": "requirements.txt", "torch": "requirements-kokoro-torch.txt"}
NEEDED_FILES: Final = {"onnx": (ONNX_FILE,), "torch": (CHECKPOINT_FILE, CONFIG_FILE)}


class Entry(TypedDict):
    """A file as it was when its content was last verified.

    `modified` is in whole seconds since the epoch, because archives such as image layers keep no fractions. `place` is
    where the file came from, `made_from` the SHA-256 of the file that it was made from.
    """

    bytes: int
    sha256: str
    modified: NotRequired[int]
    place: NotRequired[str]
    made_from: NotRequired[str]


def model_dir() -> Path:
    return Path(settings.KOKORO_MODEL_DIR)


def pack_path(engine_voice: str) -> Path:
    return model_dir() / "voices" / f"{engine_voice}.bin"


def missing_files() -> str:
    """Returns why the model cannot be loaded, judging by the folder; "" if it can.

    Cheap: a file is only read if its time differs from the manifest's, and once for each change.
    """
    folder = model_dir()
    for name in NEEDED_FILES[settings.KOKORO_RUNTIME]:
        if not (folder / name).is_file():
            return f"the model is not installed: {name} is missing; {HOW_TO}"
        if damage := _damage(folder, name, manifest(folder).get(name)):
            return damage
    return ""


def missing_packs(engine_voices: Iterable[str]) -> dict[str, str]:
    """Returns the same for each voice's pack."""
    folder, entries = model_dir(), manifest(model_dir())
    return {voice: _missing_pack(folder, voice, entries) for voice in engine_voices}


def model_version() -> str:
    """Identifies the network by its hash in the manifest, or else by its size; "" if there is none."""
    folder, name = model_dir(), NEEDED_FILES[settings.KOKORO_RUNTIME][0]
    try:
        size_bytes = (folder / name).stat().st_size
    except OSError:
        return ""
    entry = manifest(folder).get(name)
    return f"{settings.KOKORO_RUNTIME} {entry['sha256'][:12] if entry else size_bytes}"


def model_state() -> tuple[int, ...]:
    """Changes when a file of the model is replaced or written to; empty if one is missing."""
    folder = model_dir()
    try:
        states = [(folder / name).stat() for name in NEEDED_FILES[settings.KOKORO_RUNTIME]]
    except OSError:
        return ()
    return tuple(number for state in states for number in (state.st_ino, state.st_size, state.st_mtime_ns))


def damaged_model() -> str:
    """Returns why the model must not be loaded, after reading its files in full; "" if it can be."""
    return missing_files() or _changed_content(NEEDED_FILES[settings.KOKORO_RUNTIME])


def damaged_pack(engine_voice: str) -> str:
    """Returns the same for a voice's pack."""
    return missing_packs([engine_voice])[engine_voice] or _changed_content([f"voices/{engine_voice}.bin"])


def _changed_content(names: Iterable[str]) -> str:
    folder, entries = model_dir(), manifest(model_dir())
    for name in names:
        if name in entries and compute_sha256(folder / name) != entries[name]["sha256"]:
            return f"{name} was changed after it was installed; {HOW_TO}"
    return ""


def _missing_pack(folder: Path, engine_voice: str, entries: dict[str, Entry]) -> str:
    path = pack_path(engine_voice)
    if not path.is_file():
        return f"its voice pack is not installed; {HOW_TO}"
    if path.stat().st_size != PACK_BYTES:
        return f"its voice pack is {path.stat().st_size:,} bytes instead of {PACK_BYTES:,}; {HOW_TO}"
    name = path.relative_to(folder).as_posix()
    return _damage(folder, name, entries.get(name))


def _damage(folder: Path, name: str, entry: Entry | None) -> str:
    """Returns how a file differs from the installed one; "" if it does not, or if it is not in the manifest."""
    path = folder / name
    try:
        state = path.stat()
        if entry is None or is_untouched(state, entry):
            return ""
        if state.st_size != entry["bytes"]:
            return f"{name} is {state.st_size:,} bytes instead of {entry['bytes']:,}; {HOW_TO}"
        if _cached_sha256(path, state.st_ino, state.st_size, state.st_mtime_ns) == entry["sha256"]:
            return ""
    except OSError as error:
        return f"{name} cannot be read ({error.strerror}); {HOW_TO}"
    return f"{name} was changed after it was installed; {HOW_TO}"


def manifest(folder: Path) -> dict[str, Entry]:
    """Returns the manifest's valid entries; empty if everything was installed by hand, or the manifest is damaged."""
    try:
        entries: Any = json.loads((folder / MANIFEST_FILE).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(entries, dict):
        return {}
    return {name: entry for name, entry in entries.items() if _is_entry(entry)}


def _is_entry(entry: Any) -> TypeGuard[Entry]:
    return isinstance(entry, dict) and isinstance(entry.get("bytes"), int) and isinstance(entry.get("sha256"), str)


def write_manifest(folder: Path, entries: dict[str, Entry]) -> None:
    """Replaces the manifest. Raises OSError."""
    write_atomically(folder / MANIFEST_FILE, json.dumps(entries, indent=1, sort_keys=True).encode())


def entry_for(path: Path, sha256: str, *, place: str) -> Entry:
    """Builds the entry of a file that was just verified to have this SHA-256."""
    state = path.stat()
    return {"bytes": state.st_size, "sha256": sha256, "modified": int(state.st_mtime), "place": place}


def is_untouched(state: os.stat_result, entry: Entry) -> bool:
    """Whether size and time match the entry, so that the file was not written to."""
    return state.st_size == entry["bytes"] and int(state.st_mtime) == entry.get("modified")


def write_atomically(path: Path, content: bytes) -> None:
    """Writes a file completely or not at all. Raises OSError, and then leaves an existing file as it was."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")  # per process, so that writers do not collide
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def compute_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache(maxsize=256)
def _cached_sha256(path: Path, inode: int, size_bytes: int, modified_ns: int) -> str:
    """Returns the same, reading the file once for each of its states."""
    return compute_sha256(path)

"""What must lie in KOKORO_MODEL_DIR, and whether it does. Reads no model: that is for `runtimes`.

model.onnx             the network for ONNX Runtime
kokoro-v1_0.pth        the checkpoint for PyTorch, with its config.json
voices/af_bella.bin    a voice pack for each voice: float32, little-endian, 510 × 1 × 256
installed.json         what `kokoro_install` put there: {file: {"bytes": …, "sha256": …}}
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Final

from django.conf import settings

ONNX_FILE: Final = "model.onnx"
CHECKPOINT_FILE: Final = "kokoro-v1_0.pth"
CONFIG_FILE: Final = "config.json"
MANIFEST_FILE: Final = "installed.json"
PACK_SHAPE: Final = (510, 1, 256)
PACK_BYTES: Final = 510 * 256 * 4
HOW_TO: Final = "run `make kokoro`"

NEEDED_PACKAGES: Final = {"onnx": ("onnxruntime",), "torch": ("torch", "kokoro")}
NEEDED_FILES: Final = {"onnx": (ONNX_FILE,), "torch": (CHECKPOINT_FILE, CONFIG_FILE)}


def model_dir() -> Path:
    return Path(settings.KOKORO_MODEL_DIR)


def pack_path(engine_voice: str) -> Path:
    return model_dir() / "voices" / f"{engine_voice}.bin"


def missing_files() -> str:
    """What keeps the model from being loaded, as far as a look at the folder tells; "" when nothing does."""
    folder = model_dir()
    for name in NEEDED_FILES[settings.KOKORO_RUNTIME]:
        if not (folder / name).is_file():
            return f"the model is not installed: {name} is missing; {HOW_TO}"
    for name, entry in manifest().items():
        path = folder / name
        if path.is_file() and path.stat().st_size != entry["bytes"]:
            return f"{name} is {path.stat().st_size:,} bytes instead of {entry['bytes']:,}; {HOW_TO}"
    return ""


def missing_pack(engine_voice: str) -> str:
    """The same for a voice."""
    path = pack_path(engine_voice)
    if not path.is_file():
        return f"its voice pack is not installed; {HOW_TO}"
    if path.stat().st_size != PACK_BYTES:
        return f"its voice pack is {path.stat().st_size:,} bytes instead of {PACK_BYTES:,}; {HOW_TO}"
    return ""


def manifest() -> dict[str, dict[str, Any]]:
    try:
        entries: dict[str, dict[str, Any]] = json.loads((model_dir() / MANIFEST_FILE).read_text())
    except (OSError, ValueError):
        return {}  # installed by hand
    return entries


def write_manifest(entries: dict[str, dict[str, Any]]) -> None:
    path = model_dir() / MANIFEST_FILE
    unfinished = path.with_suffix(".part")
    unfinished.write_text(json.dumps(entries, indent=1, sort_keys=True))
    unfinished.replace(path)


def compute_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""Which of the two networks is the faster one on this processor."""

import platform
from collections.abc import Collection
from pathlib import Path
from typing import Final, Literal, cast

from django.conf import settings

from speech.engines.kokoro import files
from speech.engines.kokoro.hub import is_reachable
from speech.engines.kokoro.sources import INSTALLS, Model

CPU_INFO: Final = Path("/proc/cpuinfo")
# Instructions that multiply bytes. Measured with onnxruntime 1.32 on AVX512-VNNI: a second of speech costs int8 0.27 s
# of a core, and fp32 0.34 s. Without such kernels (onnxruntime 1.30) int8 cost 2.4 times as much as fp32.
INT8_FLAGS: Final = frozenset({"avx512_vnni", "avx_vnni", "asimddp", "i8mm"})


def default_model() -> Model:
    """What to install and load here: KOKORO_MODEL, or what is installed already, or what suits the processor."""
    if settings.KOKORO_RUNTIME == "torch":
        return "torch"
    if settings.KOKORO_MODEL:
        return cast(Model, settings.KOKORO_MODEL)  # the settings let nothing else through
    if (installed := _installed_model()) is not None:
        return installed
    model = faster_model(_cpu_flags())
    # The smaller one can be had in more places, and is better than none.
    return model if model == "int8" or is_reachable(INSTALLS[model][0]) else "int8"


def faster_model(flags: Collection[str]) -> Literal["int8", "fp32"]:
    """`flags`: of the processor, as Linux names them. int8, the smaller one, where they are not known."""
    return "int8" if not flags or INT8_FLAGS & set(flags) else "fp32"


def _installed_model() -> Model | None:
    entry = files.manifest(files.model_dir()).get(files.ONNX_FILE)
    models: tuple[Model, Model] = ("int8", "fp32")
    return next((name for name in models if entry and entry["sha256"] == INSTALLS[name][0].pin.sha256), None)


def _cpu_flags() -> list[str]:
    try:
        lines = CPU_INFO.read_text().splitlines()
    except OSError:  # not Linux
        return ["asimddp"] if platform.machine() == "arm64" else []  # every Mac with an M processor has it
    return next((line.partition(":")[2].split() for line in lines if line.startswith(("flags", "Features"))), [])

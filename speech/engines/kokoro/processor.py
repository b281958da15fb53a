"""Chooses the faster of the two networks for this processor."""

import platform
from collections.abc import Collection
from pathlib import Path
from typing import Final, Literal, cast

from django.conf import settings

from speech.engines.kokoro import files
from speech.engines.kokoro.hub import is_reachable
from speech.engines.kokoro.sources import INSTALLS, Model

CPU_INFO: Final = Path("/proc/cpuinfo")
# Instructions that multiply bytes. Measured with onnxruntime 1.32 on AVX512-VNNI: a second of speech takes 0.27 s of a
# core with int8, and 0.34 s with fp32. Without such kernels (onnxruntime 1.30) int8 took 2.4 times as long as fp32.
INT8_FLAGS: Final = frozenset({"avx512_vnni", "avx_vnni", "asimddp", "i8mm"})


def default_model() -> Model:
    """Returns the model to install and load: KOKORO_MODEL, else the installed one, else the faster one."""
    if settings.KOKORO_RUNTIME == "torch":
        return "torch"
    if settings.KOKORO_MODEL:
        return cast(Model, settings.KOKORO_MODEL)  # validated by the settings
    if (installed := _installed_model()) is not None:
        return installed
    model = faster_model(_cpu_flags())
    # The smaller one is available from more places, and better than none.
    return model if model == "int8" or is_reachable(INSTALLS[model][0]) else "int8"


def faster_model(flags: Collection[str]) -> Literal["int8", "fp32"]:
    """Returns int8 if it is faster, or if Linux's `flags` of the processor are unknown: it is the smaller one."""
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

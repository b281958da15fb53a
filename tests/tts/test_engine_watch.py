"""A model's files are damaged, repaired and replaced while its worker runs."""

import io
import os
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError

from speech.engines.kokoro import files
from speech.engines.registry import get_engine
from tests.factories import make_admission
from tests.support import kokoro_files
from tests.support.envelopes import data_of, error_of
from tests.support.waiting import wait_for
from tests.support.workers import assert_failed_and_refunded
from tts import tasks
from tts.models import Job
from tts.requests import SpeechRequest
from tts.services import catalogue
from tts.services.submit import submit_job
from tts.stopping import worker_is_stopping
from tts.worker import engine_watch
from tts.worker.engine_watch import Seen, look_at_engines
from voices.models import Voice

BELLA = "kokoro:en-US-Kokoro-Bella"
ANNIE = "espeak:en-US-eSpeak-Annie"
QUEUE = "speech.kokoro"
SENTENCE = "The quick brown fox jumps over the lazy dog."
ENGINES = {"espeak": "speech.engines.espeak.EspeakEngine", "kokoro": "speech.engines.kokoro.KokoroEngine"}


@pytest.fixture
def model(tmp_path: Path, settings: Any) -> Path:
    """Installed, in the catalogue, and loaded."""
    folder: Path = tmp_path / "kokoro"
    settings.KOKORO_MODEL_DIR, settings.SPEECH_ENGINES = folder, ENGINES
    kokoro_files.tone_model(folder)
    kokoro_files.packs(folder)
    paths = [folder / "model.onnx", *(folder / "voices").iterdir()]
    files.write_manifest(
        folder,
        {
            path.relative_to(folder).as_posix(): files.entry_for(path, files.compute_sha256(path), place="hub")
            for path in paths
        },
    )
    get_engine("kokoro").close()
    return folder


def reasons() -> set[str]:
    return set(Voice.objects.filter(provider="kokoro").values_list("unavailable_reason", flat=True))


def submit(account: Any) -> Job:
    request = SpeechRequest(text=SENTENCE, voice_id=BELLA)
    return Job.objects.get(pk=submit_job(admission=make_admission(account), request=request).job_id)


def damage(path: Path) -> None:
    """Other bytes, the same size, a moment later."""
    content = path.read_bytes()
    path.write_bytes(bytes(len(content)))
    os.utime(path, (path.stat().st_atime, path.stat().st_mtime + 5))


def test_a_damaged_model_takes_its_voices_away_and_a_repaired_one_brings_them_back(
    committed_db: None, model: Path, account: Any, api: Any
):
    seen: dict[str, Seen] = {}
    look_at_engines([QUEUE], seen)
    assert reasons() == {""}
    get_engine("kokoro").warm_up()
    waiting = submit(account)
    good = (model / "model.onnx").read_bytes()
    damage(model / "model.onnx")

    look_at_engines([QUEUE], seen)

    reason = "model.onnx was changed after it was installed; run `make kokoro`"
    assert reasons() == {reason}
    refusal = error_of(api.post("/api/v1/tts", {"text": SENTENCE, "voice_id": BELLA}), 400, "INVALID_VOICE")
    assert refusal["message"] == f"The voice {BELLA} is not available here: {reason}."
    tasks.speak_next(QUEUE)
    assert_failed_and_refunded(waiting)
    assert data_of(api.get(f"/api/v1/voices/{ANNIE}"))["voice_id"] == ANNIE

    (model / "model.onnx").write_bytes(good)
    look_at_engines([QUEUE], seen)

    assert reasons() == {""}
    job = data_of(api.post("/api/v1/tts", {"text": SENTENCE, "voice_id": BELLA}), 202)
    tasks.speak_next(QUEUE)
    assert data_of(api.get(job["poll_url"]))["status"] == "completed"


def test_a_truncated_or_removed_model_says_so(db: None, model: Path):
    seen: dict[str, Seen] = {}
    look_at_engines([QUEUE], seen)
    size = (model / "model.onnx").stat().st_size
    os.truncate(model / "model.onnx", 100)
    look_at_engines([QUEUE], seen)
    assert reasons() == {f"model.onnx is 100 bytes instead of {size:,}; run `make kokoro`"}
    (model / "model.onnx").unlink()
    look_at_engines([QUEUE], seen)
    assert reasons() == {"the model is not installed: model.onnx is missing; run `make kokoro`"}


def test_a_damaged_pack_takes_one_voice_away(committed_db: None, model: Path, account: Any):
    seen: dict[str, Seen] = {}
    look_at_engines([QUEUE], seen)
    get_engine("kokoro").warm_up()
    waiting = submit(account)
    damage(model / "voices" / "af_bella.bin")

    look_at_engines([QUEUE], seen)

    assert dict(Voice.objects.exclude(unavailable_reason="").values_list("voice_id", "unavailable_reason")) == {
        BELLA: "voices/af_bella.bin was changed after it was installed; run `make kokoro`"
    }
    tasks.speak_next(QUEUE)
    assert_failed_and_refunded(waiting)


def test_a_model_that_comes_while_the_worker_runs_is_offered(db: None, model: Path):
    hidden = model.with_name("not yet")
    model.rename(hidden)
    seen: dict[str, Seen] = {}
    look_at_engines([QUEUE], seen)
    assert reasons() == {"the model is not installed: model.onnx is missing; run `make kokoro`"}
    hidden.rename(model)
    look_at_engines([QUEUE], seen)
    assert reasons() == {""}


def test_a_model_that_comes_back_but_does_not_load_is_not_offered(db: None, model: Path):
    (model / files.MANIFEST_FILE).unlink()
    seen: dict[str, Seen] = {}
    good = (model / "model.onnx").read_bytes()
    (model / "model.onnx").unlink()
    look_at_engines([QUEUE], seen)
    (model / "model.onnx").write_bytes(good[:300])
    look_at_engines([QUEUE], seen)
    assert reasons() == {"Kokoro is not available: model.onnx is corrupted or not a model; run `make kokoro`"}


def test_what_turned_out_not_to_work_is_not_offered_again_by_a_look(db: None, model: Path):
    (model / files.MANIFEST_FILE).unlink()
    (model / "model.onnx").write_bytes(b"not a model")
    seen: dict[str, Seen] = {}
    for _ in range(3):
        look_at_engines([QUEUE], seen)
        assert reasons() == {"Kokoro is not available: model.onnx is corrupted or not a model; run `make kokoro`"}


@pytest.mark.parametrize("command", [("sync_voices",), ("start", "migrate")])
def test_what_a_process_without_the_model_says_is_put_right(
    db: None, model: Path, settings: Any, tmp_path: Path, command: tuple[str, ...]
):
    seen: dict[str, Seen] = {}
    look_at_engines([QUEUE], seen)
    settings.KOKORO_MODEL_DIR = tmp_path / "an operator's shell without this setting"
    call_command(*command, stdout=io.StringIO(), verbosity=0)
    assert reasons() == {"the model is not installed: model.onnx is missing; run `make kokoro`"}
    settings.KOKORO_MODEL_DIR = model

    look_at_engines([QUEUE], seen)

    assert reasons() == {""}


def test_a_voice_without_its_language_is_not_noted_again_and_again(
    db: None, model: Path, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
):
    monkeypatch.setattr("speech.engines.kokoro.g2p.PACKAGES", {"j": ("no_such_package",)})
    seen: dict[str, Seen] = {}
    look_at_engines([QUEUE], seen)
    assert len(reasons()) == 2
    with django_assert_num_queries(1):
        look_at_engines([QUEUE], seen)


def test_only_the_engines_of_this_workers_queues_are_looked_at(db: None, model: Path):
    seen: dict[str, Seen] = {}
    look_at_engines(["speech.espeak", "maintenance"], seen)
    assert list(seen) == ["espeak"]


def test_a_worker_of_maintenance_leaves_local_voices_alone(db: None, model: Path, settings: Any, tmp_path: Path):
    look_at_engines([QUEUE], {})
    settings.KOKORO_MODEL_DIR = tmp_path / "a machine without the model"
    tasks.sync_voices()
    assert reasons() == {""}


def test_a_change_is_noted_once_the_database_is_back(db: None, model: Path, monkeypatch: pytest.MonkeyPatch):
    seen: dict[str, Seen] = {}
    look_at_engines([QUEUE], seen)
    damage(model / "model.onnx")

    def fail(**arguments: Any) -> None:
        raise OperationalError("it is away")

    with monkeypatch.context() as patch:
        patch.setattr(catalogue, "sync_voices", fail)
        look_at_engines([QUEUE], seen)
    assert reasons() == {""}
    look_at_engines([QUEUE], seen)
    assert reasons() == {"model.onnx was changed after it was installed; run `make kokoro`"}


def test_a_running_worker_goes_on_looking(committed_db: None, model: Path, settings: Any):
    settings.WORKER_PRESENCE_SECONDS = 0.05
    thread = engine_watch.start_watching([QUEUE])
    try:
        assert reasons() == {""}
        damage(model / "model.onnx")
        wait_for(lambda: "" not in reasons(), "the voices to be taken away")
    finally:
        worker_is_stopping.set()
        thread.join(10)
        worker_is_stopping.clear()
    assert not thread.is_alive()

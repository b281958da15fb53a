"""Kokoro in the service: its voices in the catalogue, its jobs, and what a damaged model does to them."""

from pathlib import Path
from typing import Any

import pytest

from speech.engines.registry import get_engine
from tests.factories import make_admission
from tests.support import kokoro_files
from tests.support.envelopes import data_of, error_of
from tests.support.workers import assert_failed_and_refunded
from tts import tasks
from tts.models import Job
from tts.requests import SpeechRequest
from tts.services import lifecycle
from tts.services.catalogue import sync_catalogue
from tts.services.submit import submit_job
from tts.worker.engine_watch import look_at_engines
from voices.models import Voice

BELLA = "kokoro:en-US-Kokoro-Bella"


KOKORO = {"kokoro": "speech.engines.kokoro.KokoroEngine"}


SENTENCE = "The quick brown fox jumps over the lazy dog."


@pytest.fixture
def model(tmp_path: Path, settings: Any) -> Path:
    settings.KOKORO_MODEL_DIR = tmp_path / "kokoro"
    kokoro_files.tone_model(settings.KOKORO_MODEL_DIR)
    kokoro_files.packs(settings.KOKORO_MODEL_DIR)
    return tmp_path / "kokoro"


@pytest.fixture
def catalogue(db: None, model: Path, settings: Any) -> None:
    settings.SPEECH_ENGINES = KOKORO
    sync_catalogue()


def test_its_voices_are_offered_where_the_model_is(catalogue: None, anonymous: Any):
    data = data_of(anonymous.get("/api/v1/voices?provider=kokoro"))
    assert data["total"] == 54
    assert data_of(anonymous.get(f"/api/v1/voices/{BELLA}"))["language_name"] == "English (United States)"


def test_a_request_without_the_model_is_told_why_and_costs_nothing(
    api: Any, account: Any, voices: None, settings: Any, tmp_path: Path
):
    settings.SPEECH_ENGINES = KOKORO
    settings.KOKORO_MODEL_DIR = tmp_path / "nothing"
    sync_catalogue()
    refusal = error_of(api.post("/api/v1/tts", {"text": "Hello.", "voice_id": BELLA}), 400, "INVALID_VOICE")
    reason = "the model is not installed: model.onnx is missing; run `make kokoro`"
    assert refusal["message"] == f"The voice {BELLA} is not available here: {reason}."
    account.balance.refresh_from_db()
    assert account.balance.available_microcredits == 100_000_000


def test_ssml_and_long_texts_are_refused_with_the_reason(catalogue: None, api: Any):
    body = {"text": "<speak>Hi</speak>", "voice_id": BELLA, "format": "ssml"}
    refusal = error_of(api.post("/api/v1/tts", body), 400, "VALIDATION_ERROR")
    assert refusal["details"] == {"format": ["Bella does not support SSML."]}
    body = {"text": "x" * 500_001, "voice_id": BELLA}
    refusal = error_of(api.post("/api/v1/tts", body), 400, "VALIDATION_ERROR")
    assert refusal["details"] == {"text": ["The text is 500,001 bytes. Bella accepts at most 500,000 bytes."]}
    body = {"text": "x" * 100_001, "voice_id": BELLA, "delivery_mode": "stream"}
    refusal = error_of(api.post("/api/v1/tts", body), 400, "VALIDATION_ERROR")
    message = "The text is 100,001 bytes. Bella accepts at most 100,000 bytes when streaming."
    assert refusal["details"] == {"text": [message]}


def test_a_job_is_spoken(committed_db: None, catalogue: None, api: Any):
    data = data_of(api.post("/api/v1/tts", {"text": SENTENCE, "voice_id": BELLA, "output_format": "mp3"}), 202)
    tasks.speak_next("speech.kokoro")
    job = data_of(api.get(data["poll_url"]))
    assert (job["status"], job["output_format"]) == ("completed", "mp3")
    assert 2.5 < job["duration_seconds"] < 4.5


def test_a_job_that_meets_a_damaged_model_fails_and_is_refunded(
    committed_db: None, account: Any, catalogue: None, model: Path
):
    request = SpeechRequest(text=SENTENCE, voice_id=BELLA)
    job = Job.objects.get(pk=submit_job(admission=make_admission(account), request=request).job_id)
    (model / "model.onnx").write_bytes(b"not a model")
    get_engine("kokoro").close()
    tasks.speak_next("speech.kokoro")
    assert_failed_and_refunded(job)


def test_a_worker_that_cannot_load_the_model_takes_its_voices_off_the_list(catalogue: None, model: Path):
    (model / "model.onnx").write_bytes(b"not a model")
    get_engine("kokoro").close()
    look_at_engines(["speech.kokoro"], {})
    reasons = set(Voice.objects.filter(provider="kokoro").values_list("unavailable_reason", flat=True))
    assert reasons == {"Kokoro is not available: model.onnx is corrupted or not a model; run `make kokoro`"}
    assert lifecycle.claim_next_job(queue="speech.kokoro") is None

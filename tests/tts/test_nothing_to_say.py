"""A text with nothing to say gives 250 ms of silence and a refund, through any API, and no engine is called."""

from collections.abc import Generator
from typing import Any

import pytest
from django.test import Client

from speech.engines.base import EngineUnavailable, Segment
from speech.engines.espeak import EspeakEngine
from tests.factories import make_admission
from tests.portal.test_playground import form
from tests.support.audio import decode_audio, measure_audio
from tests.support.envelopes import data_of
from tests.support.waiting import wait_for
from tests.support.workers import (
    QUEUE,
    VOICE,
    Background,
    assert_charged_once,
    available,
    entries_of,
    ledger_adds_up,  # noqa: F401
    own_queue,  # noqa: F401
    spool_files,
    submit,
)
from tts.job_events import job_event_data
from tts.models import Job
from tts.services.resubmit import resubmit_job
from tts.storage import store
from tts.tasks import speak_next
from tts.usage import get_usage

PATH = "/api/v1/tts"
NOTHING = [".", "...", "—", "\u200b", '"', "\ue000"]
FORMATS = ["wav", "mp3", "ogg_opus"]


class UntouchableEngine(EspeakEngine):
    """Counts the calls that would generate speech, and fails them."""

    calls = 0

    def _refuse(self, *_: Any, **__: Any) -> Any:
        type(self).calls += 1
        raise EngineUnavailable("It must not be asked.")

    split = sample_rate_hertz = warm_up = describe = _refuse

    def speak(self, segment: Segment) -> Generator[bytes, None, None]:
        self._refuse()
        yield b""


@pytest.fixture(autouse=True)
def the_engine(voices: None, own_queue: None, settings: Any) -> type[UntouchableEngine]:  # noqa: F811
    settings.SPEECH_ENGINES = {"espeak": f"{__name__}.UntouchableEngine"}
    UntouchableEngine.calls = 0
    return UntouchableEngine


def assert_silent_and_free(job: Job) -> None:
    job.refresh_from_db()
    duration_ms = 279 if job.output_format == "aac" else 250  # whole frames
    assert (job.status, job.attempt, job.duration_ms, job.progress_percent) == ("completed", 1, duration_ms, 100)
    assert job.refunded_microcredits == job.cost_microcredits > 0
    assert entries_of(job) == [("charge", -job.cost_microcredits), ("refund", job.cost_microcredits)]
    with store.open_audio(job.audio_key) as file:
        audio = file.read()
    assert len(audio) == job.audio_bytes
    if job.output_format == "pcm":
        assert audio == bytes(2 * 6000)
    else:
        assert abs(decode_audio(audio)[1]).max() < 0.001
    assert spool_files() == []
    assert UntouchableEngine.calls == 0


def spoken(job_id: Any) -> Job:
    speak_next(QUEUE)
    return Job.objects.get(pk=job_id)


@pytest.mark.parametrize("text", NOTHING)
def test_by_the_api(api, account, text):
    data = data_of(api.post(PATH, {"text": text, "voice_id": VOICE}), 202)
    assert (data["status"], data["chars_charged"]) == ("pending", len(text))
    job = spoken(data["job_id"])
    assert_silent_and_free(job)
    assert available(account) == 100_000_000
    status = data_of(api.get(f"{PATH}/{job.pk}"), 200)
    assert (status["status"], status["duration_seconds"], status["progress"]) == ("completed", 0.25, 100)
    assert (status["refunded"], status["credits_refunded"]) == (True, status["credits_charged"])
    [listed] = data_of(api.get(PATH), 200)["jobs"]
    assert (listed["refunded"], listed["credits_refunded"]) == (True, status["credits_charged"])
    assert measure_audio(api.get(status["audio_url"]).getvalue()).duration_seconds == pytest.approx(0.25, abs=0.0001)


@pytest.mark.parametrize("output_format", FORMATS)
def test_in_every_format(account, output_format):
    job = submit(account, "...", output_format=output_format)
    assert_silent_and_free(spoken(job.pk))


@pytest.mark.parametrize("output_format", FORMATS)
def test_as_a_stream(api, client, output_format):
    data = data_of(api.post(f"{PATH}/stream", {"text": "…", "voice_id": VOICE, "output_format": output_format}), 202)
    job = spoken(data["job_id"])
    response = client.get(data["stream_url"])
    assert response.status_code == 200
    assert len(b"".join(response.streaming_content)) == job.audio_bytes
    assert_silent_and_free(job)


@pytest.mark.parametrize("response_format", ["mp3", "opus", "aac", "flac", "wav", "pcm"])
def test_in_openais_shape(api, account, response_format):
    body = {"model": "tts-1", "voice": VOICE, "input": ".", "response_format": response_format}
    answers: list[tuple[int, bytes]] = []

    def ask() -> None:
        response: Any = Client().post("/v1/audio/speech", body, content_type="application/json", headers=api.headers)
        answers.append((response.status_code, b"".join(response.streaming_content)))

    with Background(ask):
        wait_for(Job.objects.exists, "the job")
        job = spoken(Job.objects.get().pk)
    [(status, audio)] = answers
    assert (status, len(audio)) == (200, job.audio_bytes)
    assert_silent_and_free(job)
    assert available(account) == 100_000_000


def test_from_the_playground_and_submitted_again(signed_in: Client, account):
    answer = signed_in.post("/playground", form(text="—"))
    assert answer.status_code == 302
    first = spoken(Job.objects.get().pk)
    assert_silent_and_free(first)
    page = signed_in.get(f"/jobs/{first.pk}").content.decode()
    assert "This text contains nothing to say." in page
    assert "refunded" in page
    second = spoken(resubmit_job(admission=make_admission(account), job=first, form_token="a"))
    assert_silent_and_free(second)
    assert available(account) == 100_000_000


def test_ssml_without_words(account):
    silent = submit(account, "<speak><p>.</p></speak>", text_format="ssml")
    assert_silent_and_free(spoken(silent.pk))


@pytest.mark.parametrize(
    ("text", "text_format", "seconds"),
    [("<speak><break time='700ms'/></speak>", "ssml", 0.7), ("<break time='1s'/>.", "ssml", 1.0), ("%", "text", 0.3)],
)
def test_a_pause_and_a_symbol_with_a_name_are_spoken_and_charged(account, settings, text, text_format, seconds):
    settings.SPEECH_ENGINES = {"espeak": "speech.engines.espeak.EspeakEngine"}
    job = spoken(submit(account, text, text_format=text_format).pk)
    assert (job.status, job.refunded_microcredits) == ("completed", 0)
    assert job.duration_ms >= seconds * 1000
    assert_charged_once(job)


def test_the_webhook_and_the_usage_say_it(account):
    job = spoken(submit(account, ".").pk)
    data = job_event_data([job.pk])[job.pk]
    assert (data["status"], data["refunded"], data["credits_refunded"]) == ("completed", True, "0.001")
    assert data["audio_url"]
    today = job.created_at.date()
    [used] = get_usage(account=account, first_day=today, last_day=today, by="day")
    assert (used.requests, used.characters, used.microcredits) == (1, 1, 0)

"""`POST /v1/audio/speech` and the job behind it: what it asks, what is heard, how it ends badly."""

import base64
import json
import struct
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from tests.support.audio import measure_audio, without_header
from tests.support.envelopes import everything_that_costs
from tests.support.waiting import wait_for
from tests.support.workers import (
    QUEUE,
    Background,
    assert_charged_once,
    assert_failed_after_heard,
    assert_failed_and_refunded,
    available,
    ledger_adds_up,  # noqa: F401
    own_queue,  # noqa: F401
    scripted_engine,  # noqa: F401
)
from tests.tts.test_openai_refusals import AUNTIE, BODY, SPEECH, openai_error_of
from tts.errors import StreamBroken
from tts.models import Job
from tts.requests import OPENAI_BYTES
from tts.storage import store
from tts.streaming.signed_urls import stream_url
from tts.tasks import speak_next
from voices.models import ModelAlias, Voice, VoiceAlias

GATED = "A first sentence. GATE to wait for."
# What fails is longer than what a second of it can stand for: that second may be handed out before it fails.
HEARD_THEN_FAILED = f"Fine at first. GATE to be heard. PERMANENT trouble then{' and then' * 40}."


@pytest.fixture(autouse=True)
def the_engine(voices: None, own_queue: None, scripted_engine: Any) -> Any:  # noqa: F811
    return scripted_engine


class Caller:
    """Sends a request in a thread of its own and keeps what comes."""

    def __init__(self, api: Any, body: dict[str, Any], **headers: str) -> None:
        self.received = bytearray()
        self.error: BaseException | None = None
        self.response: Any = None
        self._request = {"data": json.dumps(body), "content_type": "application/json", "headers": api.headers | headers}
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.response = Client().post(SPEECH, **self._request)
            if self.response.streaming:
                for chunk in self.response.streaming_content:
                    self.received += chunk
            self.response.close()
        except BaseException as error:
            self.error = error
        finally:
            connections.close_all()

    def join(self) -> "Caller":
        self.thread.join(30)
        assert not self.thread.is_alive(), "the answer does not end"
        return self

    def events(self) -> list[dict[str, Any]]:
        *lines, end = bytes(self.received).split(b"\n\n")
        assert end == b""
        return [json.loads(line.removeprefix(b"data: ")) for line in lines]


@pytest.fixture
def ask(api: Any) -> Any:
    return lambda headers={}, **fields: Caller(api, BODY | fields, **headers)


def newest_job(count: int = 1) -> Job:
    """Of those that are there; waits until there are so many."""
    wait_for(lambda: Job.objects.count() == count, f"{count} jobs")
    return Job.objects.latest("created_at")


def spoken(caller: Caller, count: int = 1) -> Job:
    """The job, once a worker has spoken it and the caller has heard it."""
    job = newest_job(count)
    speak_next(QUEUE)
    caller.join()
    job.refresh_from_db()
    return job


def failed_after_heard(caller: Caller, the_engine: Any) -> Job:
    """The job, once it failed after its first sentence was heard."""
    job = newest_job()
    with Background(lambda: speak_next(QUEUE)):
        wait_for(lambda: Job.objects.get(pk=job.pk).chars_handed_out > 0, "the first sentence to be heard")
        the_engine.gate.set()
    caller.join()
    job.refresh_from_db()
    return job


def stored(job: Job) -> bytes:
    with store.open_audio(job.audio_key) as file:
        return file.read()


# --- the job -------------------------------------------------------------------------------------


def test_the_request_is_a_job_that_it_hears_itself(ask, account):
    job = spoken(caller := ask(input="Good morning. How are you?"))
    assert (caller.error, caller.response.status_code, job.status) == (None, 200, "completed")
    assert (job.voice_id, job.output_format, job.sample_rate_hertz, job.bitrate_kbps) == (AUNTIE, "mp3", 22_050, 128)
    assert (job.text, job.speed, job.text_format, job.metadata) == ("Good morning. How are you?", 1.0, "text", None)
    assert job.stream_opened_at == job.stream_expires_at == job.created_at
    assert without_header(bytes(caller.received)) == without_header(stored(job))
    headers = caller.response.headers
    assert (headers["Content-Type"], headers["Cache-Control"]) == ("audio/mpeg", "no-store")
    assert (headers["X-Job-ID"], headers["X-Credits-Charged"]) == (str(job.pk), "0.026")
    assert (headers["X-RateLimit-Bucket"], headers["X-RateLimit-Remaining"]) == ("generate", "999")
    assert "Idempotent-Replayed" not in headers
    assert_charged_once(job)
    assert available(account) == 100_000_000 - 26_000


@pytest.mark.parametrize(
    ("response_format", "content_type", "encoding"),
    [
        ("mp3", "audio/mpeg", ("mp3", 22_050, 128)),
        ("opus", "audio/opus", ("ogg_opus", 48_000, 64)),
        ("aac", "audio/aac", ("aac", 22_050, 96)),
        ("flac", "audio/flac", ("flac", 22_050, None)),
        ("wav", "audio/wav", ("wav", 22_050, None)),
        ("pcm", "audio/pcm", ("pcm", 24_000, None)),
    ],
)
def test_every_format_is_encoded_as_openais_clients_expect_it(ask, client, response_format, content_type, encoding):
    job = spoken(caller := ask(response_format=response_format))
    assert caller.response.headers["Content-Type"] == content_type
    assert (job.output_format, job.sample_rate_hertz, job.bitrate_kbps) == encoding
    assert without_header(bytes(caller.received)) == without_header(stored(job))
    link = client.get(store.signed_url(job.audio_key, base_url="").url)
    assert link.status_code == 200
    assert link.headers["Content-Type"] == {"opus": "audio/ogg"}.get(response_format, content_type)
    link.close()


def test_fields_that_are_null_or_not_known_are_left_out(ask):
    job = spoken(ask(speed=None, response_format=None, stream_format=None, instructions=None, user="7", colour="red"))
    assert (job.status, job.output_format, job.speed) == ("completed", "mp3", 1.0)


def test_the_voice_may_be_one_of_ours_as_a_string_or_an_object(ask):
    french = "espeak:fr-FR-eSpeak-Lee"
    assert spoken(ask(voice=french, speed=2)).voice_id == french
    assert spoken(ask(voice={"id": french}), 2).voice_id == french


def test_instructions_are_ignored_by_voices_that_take_none(ask):
    job = spoken(ask(input="Hello.", instructions="Cheerfully."))
    assert (job.status, job.prompt, job.model, job.chars_charged) == ("completed", "", "", 6)


def test_instructions_are_the_prompt_of_voices_that_take_one_and_are_billed(ask):
    models = {"models": ["gemini-2.5-flash-tts", "gemini-2.5-pro-tts"]}
    Voice.objects.filter(voice_id=AUNTIE).update(supports_prompt=True, characteristics=models)
    ModelAlias.objects.filter(name="gpt-4o-mini-tts").update(engine_model="gemini-2.5-flash-tts")
    job = spoken(caller := ask(model="gpt-4o-mini-tts", input="Hello.", instructions="Cheerfully."))
    assert (job.prompt, job.model, job.chars_charged) == ("Cheerfully.", "gemini-2.5-flash-tts", 17)
    assert caller.response.headers["X-Credits-Charged"] == "0.017"
    assert spoken(ask(instructions=" \n"), 2).prompt == ""


@pytest.mark.parametrize(
    ("max_text", "max_stream", "limit"),
    [
        (500_000, 20_000, 20_000),  # what streams
        (100_000, 3_000, OPENAI_BYTES),  # but not less than OpenAI takes
        (5_000, 5_000, 5_000),  # as far as the voice can
        (4_000, 20_000, 4_000),
    ],
)
def test_a_text_may_be_as_long_as_the_voice_streams_and_as_openai_takes(
    api, ask, max_text: int, max_stream: int, limit: int
):
    Voice.objects.filter(voice_id=AUNTIE).update(max_text_bytes=max_text, max_stream_bytes=max_stream)
    before = everything_that_costs()
    message = openai_error_of(
        api.post(SPEECH, BODY | {"input": "é" * (limit // 2) + "!"}), 400, "invalid_value", param="input"
    )
    assert message == f"input: The text is {limit + 1:,} bytes. Auntie accepts at most {limit:,} bytes."
    assert everything_that_costs() == before
    job = spoken(ask(input="QUICKLY " + "a" * (limit - 8)))
    assert (job.status, job.chars_charged) == ("completed", limit)


def test_it_is_listed_and_can_be_asked_for_but_not_streamed_again(ask, api, client):
    job = spoken(ask(response_format="flac"))
    [listed] = api.get("/api/v1/tts").json()["data"]["jobs"]
    detail = api.get(f"/api/v1/tts/{job.pk}").json()["data"]
    for shown in (listed, detail):
        assert (shown["job_id"], shown["output_format"], shown["status"]) == (str(job.pk), "flac", "completed")
        assert shown["credits_charged"] == "0.006"
    assert client.get(stream_url(job.pk, base_url="")).json()["error"]["code"] == "STREAM_CONSUMED"


# --- what is heard -------------------------------------------------------------------------------


def test_sound_comes_while_the_text_is_still_being_spoken(ask, the_engine):
    caller = ask(input=GATED, response_format="pcm")
    job = newest_job()
    with Background(lambda: speak_next(QUEUE)):
        the_engine.reached.wait(10)
        wait_for(lambda: len(caller.received) > 20_000, "the first sentence to be heard")
        job.refresh_from_db()
        assert job.status == "processing"
        the_engine.gate.set()
    caller.join()
    job.refresh_from_db()
    assert (caller.error, bytes(caller.received)) == (None, stored(job))


@pytest.mark.parametrize("response_format", ["mp3", "opus", "aac", "flac", "wav", "pcm"])
def test_what_is_complete_in_time_goes_out_whole_with_its_true_length(ask, monkeypatch, response_format):
    monkeypatch.setattr("tts.api.openai.api.WHOLE_WITHIN_SECONDS", 30)
    job = spoken(caller := ask(input="Good morning.", response_format=response_format))
    assert bytes(caller.received) == stored(job)
    assert caller.response.headers["Content-Length"] == str(job.audio_bytes)
    if response_format == "wav":
        assert struct.unpack("<I", caller.received[40:44])[0] == job.audio_bytes - 44
    if response_format == "flac":
        assert int.from_bytes(caller.received[21:26], "big") & (2**36 - 1) == pytest.approx(
            job.duration_ms * 22.05, abs=12
        )


def test_what_fails_in_time_is_an_error_and_refunded_in_full(ask, monkeypatch):
    monkeypatch.setattr("tts.api.openai.api.WHOLE_WITHIN_SECONDS", 30)
    job = spoken(caller := ask(input=HEARD_THEN_FAILED.replace("GATE", "One")))
    assert caller.response.status_code == 500
    assert_failed_and_refunded(job)


def test_what_will_not_be_complete_in_time_is_not_waited_for(ask, monkeypatch, the_engine):
    monkeypatch.setattr("tts.api.openai.api.WHOLE_WITHIN_SECONDS", 600)
    caller = ask(input=GATED + " and" * 1000 + " GATE", response_format="pcm")
    newest_job()
    with Background(lambda: speak_next(QUEUE)):
        wait_for(lambda: len(caller.received) > 20_000, "the first sentence to be heard")
        the_engine.gate.set()
    assert "Content-Length" not in caller.join().response.headers


def test_events_carry_the_audio_and_end_with_the_characters_counted(ask):
    job = spoken(caller := ask(input="Good morning.", response_format="wav", stream_format="sse"))
    assert caller.response.headers["Content-Type"] == "text/event-stream"
    *deltas, done = caller.events()
    assert {delta["type"] for delta in deltas} == {"speech.audio.delta"}
    audio = b"".join(base64.b64decode(delta["audio"]) for delta in deltas)
    assert without_header(audio) == without_header(stored(job))
    assert measure_audio(audio).duration_seconds == pytest.approx(job.duration_ms / 1000, abs=0.01)
    assert done == {
        "type": "speech.audio.done",
        "usage": {"input_tokens": 13, "output_tokens": 0, "total_tokens": 13},
    }


# --- sent again ----------------------------------------------------------------------------------

ONCE = {"Idempotency-Key": "once"}


def test_a_request_sent_again_hears_the_same_job_and_is_charged_once(ask, account, api):
    job = spoken(first := ask(ONCE))
    VoiceAlias.objects.update(is_enabled=False)  # what would be refused now was accepted then
    again = ask(ONCE).join()
    assert (again.response.status_code, again.response["Idempotent-Replayed"]) == (200, "true")
    assert again.response["X-Job-ID"] == str(job.pk)
    assert bytes(again.received) == bytes(first.received)
    assert Job.objects.count() == 1
    assert_charged_once(job)
    reused = api.post(SPEECH, BODY | {"input": "Another."}, headers=ONCE)
    openai_error_of(reused, 409, "idempotency_key_reuse")


def test_a_request_sent_again_while_the_first_is_spoken_hears_it_from_the_beginning(ask, the_engine):
    first = ask(ONCE, input=GATED, response_format="pcm")
    job = newest_job()
    with Background(lambda: speak_next(QUEUE)):
        the_engine.reached.wait(10)
        second = ask(ONCE, input=GATED, response_format="pcm")
        wait_for(lambda: len(second.received) > 20_000, "the first sentence to be heard again")
        the_engine.gate.set()
    job.refresh_from_db()
    heard, again = (without_header(bytes(caller.join().received)) for caller in (first, second))
    assert heard == again == without_header(stored(job))
    assert Job.objects.count() == 1
    assert_charged_once(job)


# --- how it ends badly ---------------------------------------------------------------------------


@pytest.mark.parametrize("stream_format", ["audio", "sse"])
def test_a_failure_before_the_first_byte_is_a_server_error_and_refunded(ask, account, stream_format):
    job = spoken(caller := ask(input="NOTHING to say.", stream_format=stream_format))
    message = openai_error_of(caller.response, 500, "generation_failed", kind="server_error")
    assert message == job.error_message
    assert caller.response["X-Should-Retry"] == "false"  # it was tried three times
    assert_failed_and_refunded(job)
    assert available(account) == 100_000_000


def test_a_failure_after_the_first_byte_breaks_the_body_off_and_refunds_the_rest(ask, account, the_engine):
    job = failed_after_heard(caller := ask(input=HEARD_THEN_FAILED, response_format="pcm"), the_engine)
    assert caller.response.status_code == 200
    assert len(caller.received) > 1000
    assert isinstance(caller.error, StreamBroken)
    assert_failed_after_heard(job)
    assert available(account) == 100_000_000 - job.cost_microcredits + job.refunded_microcredits


def test_events_tell_of_a_failure_before_they_break_off(ask, the_engine):
    caller = ask(input=HEARD_THEN_FAILED, response_format="pcm", stream_format="sse")
    job = failed_after_heard(caller, the_engine)
    assert isinstance(caller.error, StreamBroken)
    *deltas, last = caller.events()
    assert {delta["type"] for delta in deltas} == {"speech.audio.delta"}
    assert last == {
        "type": "error",
        "error": {"message": job.error_message, "type": "server_error", "param": None, "code": "generation_failed"},
    }
    assert_failed_after_heard(job)


def test_cancelling_it_from_elsewhere_breaks_it_off(ask, api, the_engine):
    caller = ask(input=GATED, response_format="pcm")
    job = newest_job()
    with Background(lambda: speak_next(QUEUE)):
        the_engine.reached.wait(10)
        wait_for(lambda: len(caller.received) > 20_000, "the first sentence to be heard")
        assert api.delete(f"/api/v1/tts/{job.pk}").json()["data"]["status"] == "cancelled"
        caller.join()
        the_engine.gate.set()
    assert isinstance(caller.error, StreamBroken)


@pytest.fixture(autouse=True)
def nobody_waits_for_ever(ask: Any) -> Iterator[None]:
    """A caller whose test failed is let go: its job is cancelled."""
    yield
    Job.objects.filter(status__in=["pending", "processing"]).update(status="cancelled")

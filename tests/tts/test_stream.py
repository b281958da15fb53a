"""One-time streams: what may be opened, what comes out, and how it ends. By Redis where it is there, else the spool."""

import asyncio
import json
import threading
import time
import uuid
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connections
from django.test import AsyncRequestFactory, Client
from django.utils import timezone

from config.wsgi import measure_body
from tests.factories import make_job
from tests.support.audio import measure_audio, without_header
from tests.support.envelopes import ANNIE, data_of, error_of
from tests.support.waiting import wait_for
from tests.support.workers import (
    QUEUE,
    Background,
    assert_charged_once,
    assert_failed_after_heard,
    assert_failed_and_refunded,
    audio_files,
    available,
    ledger_adds_up,  # noqa: F401
    own_queue,  # noqa: F401
    race,
    scripted_engine,  # noqa: F401
    spool_files,
)
from tts.errors import StreamBroken
from tts.models import Job
from tts.services import lifecycle
from tts.storage import store
from tts.streaming.job_stream import begin, listen
from tts.streaming.relay import redis_stream
from tts.tasks import speak_next
from voices.models import Voice

PATH = "/api/v1/tts/stream"
TEXT = "Good morning. How are you? I am fine."


@pytest.fixture(autouse=True)
def the_engine(voices: None, own_queue: None, scripted_engine: Any) -> Any:  # noqa: F811
    return scripted_engine


def submit(api: Any, text: str = TEXT, **fields: Any) -> dict[str, Any]:
    answer = api.post(PATH, {"text": text, "voice_id": ANNIE, **fields})
    assert answer.status_code == 202, answer.content
    data: dict[str, Any] = answer.json()["data"]
    return data


def path_of(data: dict[str, Any]) -> str:
    return str(urlsplit(data["stream_url"]).path)


def job_of(data: dict[str, Any]) -> Job:
    return Job.objects.get(pk=data["job_id"])


def stored(job: Job) -> bytes:
    with store.open_audio(job.audio_key) as file:
        return file.read()


class Listener:
    """Opens a stream in a thread of its own and keeps what comes."""

    def __init__(self, path: str, **environ: Any) -> None:
        self._environ = environ
        self.received = bytearray()
        self.error: BaseException | None = None
        self.status = 0
        self._path = path
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            response: Any = Client().get(self._path, **self._environ)
            self.status = response.status_code
            for chunk in response.streaming_content if response.streaming else [response.content]:
                self.received += chunk
            response.close()
        except BaseException as error:
            self.error = error
        finally:
            connections.close_all()

    def join(self) -> "Listener":
        self.thread.join(30)
        assert not self.thread.is_alive(), "the stream does not end"
        return self


# --- the request ---------------------------------------------------------------------------------


def test_the_answer_is_that_of_a_job_and_a_url_that_is_good_for_five_minutes(api, account):
    before = timezone.now()
    answer = api.post(PATH, {"text": TEXT, "voice_id": ANNIE})
    data = data_of(answer, 202)
    assert set(data) == {
        "job_id", "status", "poll_url", "audio_endpoint", "chars_charged", "credits_charged", "stream_url",
        "stream_expires_at",
    }  # fmt: skip
    assert answer["Location"] == data["poll_url"]
    assert data["stream_url"].startswith(f"http://testserver/stream/{data['job_id']}/")
    job = job_of(data)
    assert (job.output_format, job.sample_rate_hertz, job.bitrate_kbps) == ("ogg_opus", 48000, 64)
    assert job.stream_expires_at is not None
    assert timedelta(seconds=299) < job.stream_expires_at - before < timedelta(seconds=302)
    assert_charged_once(job)


def test_delivery_mode_says_the_same_at_the_other_address(api):
    asked = {"text": TEXT, "voice_id": ANNIE, "delivery_mode": "stream", "output_format": "mp3"}
    data = data_of(api.post("/api/v1/tts", asked), 202)
    assert "stream_url" in data
    assert job_of(data).output_format == "mp3"
    assert "stream_url" not in data_of(api.post("/api/v1/tts", {"text": TEXT, "voice_id": ANNIE}), 202)


def test_a_body_that_asks_not_to_stream_is_refused_where_everything_streams(api, account):
    refusal = error_of(
        api.post(PATH, {"text": TEXT, "voice_id": ANNIE, "delivery_mode": "async"}), 400, "VALIDATION_ERROR"
    )
    assert refusal["details"] == {"delivery_mode": ["This endpoint always streams. Use /api/v1/tts instead."]}
    assert available(account) == 100_000_000


def test_a_text_over_the_voices_limit_for_streams_is_refused_with_both_numbers(api, account):
    Voice.objects.filter(voice_id=ANNIE).update(max_stream_bytes=20)
    refusal = error_of(api.post(PATH, {"text": "x" * 21, "voice_id": ANNIE}), 400, "VALIDATION_ERROR")
    assert refusal["details"] == {"text": ["The text is 21 bytes. Annie accepts at most 20 bytes when streaming."]}
    Voice.objects.filter(voice_id=ANNIE).update(supports_streaming=False)
    refusal = error_of(api.post(PATH, {"text": "x", "voice_id": ANNIE}), 400, "VALIDATION_ERROR")
    assert refusal["details"] == {"delivery_mode": ["Annie does not support streaming."]}
    assert available(account) == 100_000_000
    assert not Job.objects.exists()


def test_a_repeated_request_gets_the_same_url_and_no_second_job(api):
    body = {"text": TEXT, "voice_id": ANNIE}
    first = api.post(PATH, body, headers={"Idempotency-Key": "once"})
    again = api.post(PATH, body, headers={"Idempotency-Key": "once"})
    assert (again.status_code, again["Idempotent-Replayed"], again.content) == (202, "true", first.content)
    assert Job.objects.count() == 1
    other = api.post("/api/v1/tts", body, headers={"Idempotency-Key": "once"})
    error_of(other, 409, "IDEMPOTENCY_KEY_REUSE")


# --- what is heard -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output_format", "content_type"), [("ogg_opus", "audio/ogg"), ("mp3", "audio/mpeg"), ("wav", "audio/wav")]
)
def test_what_is_streamed_is_what_is_stored(api, client, output_format, content_type):
    data = submit(api, output_format=output_format)
    listener = Listener(path_of(data))
    speak_next(QUEUE)
    listener.join()

    job = job_of(data)
    assert (listener.status, listener.error, job.status) == (200, None, "completed")
    streamed, kept = bytes(listener.received), stored(job)
    assert without_header(streamed) == without_header(kept)  # a stream does not know its length yet
    assert len(streamed) == len(kept) == job.audio_bytes
    heard = measure_audio(kept)
    assert heard.duration_seconds == pytest.approx(job.duration_ms / 1000, abs=0.001)
    assert -35 < heard.rms_dbfs < -10
    assert spool_files() == []
    assert_charged_once(job)


def test_sound_comes_while_the_text_is_still_being_spoken(api, the_engine):
    data = submit(api, "A first sentence. GATE to wait for.", output_format="wav")
    with Background(lambda: speak_next(QUEUE)):
        listener = Listener(path_of(data))
        the_engine.reached.wait(10)
        wait_for(lambda: len(listener.received) > 20_000, "the first sentence to be heard")
        assert job_of(data).status == "processing"
        the_engine.gate.set()
    listener.join()
    assert listener.error is None
    assert bytes(listener.received[44:]) == stored(job_of(data))[44:]


def settled_size(path: Path) -> int:
    """Once the encoder has caught up with an engine that pauses, which makes 20 ms of silence each 0.4 s: the size."""
    size, since = -1, time.monotonic()

    def is_settled() -> bool:
        nonlocal size, since
        if (now := path.stat().st_size) != size:
            size, since = now, time.monotonic()
        return time.monotonic() - since > 0.2

    wait_for(is_settled, "the first sentence to be encoded")
    return size


@pytest.mark.parametrize("output_format", ["wav", "mp3", "ogg_opus"])
def test_all_that_is_spoken_is_heard_though_the_engine_pauses(api, the_engine, output_format):
    data = submit(api, "A first sentence. GATE to wait for.", output_format=output_format)
    with Background(lambda: speak_next(QUEUE)):
        listener = Listener(path_of(data))
        the_engine.reached.wait(10)
        spoken_bytes = settled_size(store.spool_path(job_of(data), 1))
        assert spoken_bytes > 1000
        wait_for(lambda: len(listener.received) >= spoken_bytes, "all of the first sentence to be heard")
        the_engine.gate.set()
    listener.join()
    assert listener.error is None


def test_a_stream_that_is_opened_when_all_is_spoken_is_the_stored_audio(api, client):
    data = submit(api)
    speak_next(QUEUE)
    response = client.get(path_of(data))
    assert (response.status_code, response["Content-Type"]) == (200, "audio/ogg")
    assert b"".join(response.streaming_content) == stored(job_of(data))


def test_a_reader_without_any_relay_gets_all_of_it_from_the_store(api, monkeypatch):
    async def nothing(*_: Any, **__: Any) -> Any:
        for chunk in list[bytes]():
            yield chunk

    monkeypatch.setattr("tts.streaming.relay.follow", nothing)
    monkeypatch.setattr("tts.streaming.job_stream.LOOK_AGAIN_SECONDS", 0.02)
    data = submit(api)
    listener = Listener(path_of(data))
    wait_for(lambda: job_of(data).stream_opened_at is not None, "the stream to be opened")
    speak_next(QUEUE)
    listener.join()
    assert bytes(listener.received) == stored(job_of(data))


def test_the_headers_say_that_it_is_for_now_for_anybody_and_in_one_piece(api, client):
    path = path_of(submit(api))
    speak_next(QUEUE)
    asked = client.head(path)
    got = client.get(path, headers={"Range": "bytes=10-20", "Origin": "https://elsewhere.example"})
    assert (asked.status_code, got.status_code) == (200, 200)
    for response in (asked, got):
        assert response["Content-Type"] == "audio/ogg"
        assert response["Accept-Ranges"] == "none"
        assert response["Cache-Control"] == "no-store"
        assert response["Access-Control-Allow-Origin"] == "*"
        assert "Content-Length" not in response or response["Content-Length"] == "0"
    assert len(b"".join(got.streaming_content)) > 1000
    preflight = client.options(path)
    assert (preflight.status_code, preflight["Access-Control-Allow-Methods"]) == (204, "GET, HEAD")


def test_who_waits_for_the_first_sound_holds_no_connection_to_the_database():
    mine, held = connections["default"], []
    mine.ensure_connection()

    async def chunks():
        held.append(mine.connection is not None)
        yield b"sound"

    begin(chunks(), AsyncRequestFactory().get("/"))
    assert held == [False]


# --- who may open it, and when -------------------------------------------------------------------


def test_of_twenty_who_open_it_at_once_one_hears_it(api):
    path = path_of(submit(api))
    speak_next(QUEUE)

    def open_it() -> int:
        response = Client().get(path)
        response.close()
        return int(response.status_code)

    statuses = race(*[open_it] * 20)
    assert sorted(statuses) == [200] + [410] * 19


def test_a_second_opening_is_refused_and_looking_is_no_opening(api, client):
    path = path_of(submit(api))
    speak_next(QUEUE)
    assert [client.head(path).status_code for _ in range(3)] == [200] * 3
    client.get(path).close()
    refusal = client.get(path)
    assert (refusal.status_code, refusal.json()["error"]["code"]) == (410, "STREAM_CONSUMED")
    assert client.head(path).status_code == 410


def test_after_five_minutes_it_is_over_and_the_job_completes(api, client):
    data = submit(api)
    Job.objects.filter(pk=data["job_id"]).update(stream_expires_at=timezone.now())
    refusal = client.get(path_of(data))
    assert (refusal.status_code, refusal.json()["error"]["code"]) == (410, "STREAM_CONSUMED")
    speak_next(QUEUE)
    job = job_of(data)
    assert (job.status, job.stream_opened_at) == ("completed", None)
    assert_charged_once(job)


def test_nobody_guesses_a_stream(api, client, account):
    data, other = submit(api), submit(api)
    forged = path_of(data).replace(path_of(data).split("/")[-1], path_of(other).split("/")[-1])
    plain = make_job(account)
    for path in (forged, f"/stream/{plain.pk}/{'0' * 64}", f"/stream/{data['job_id']}/x"):
        refusal = client.get(path)
        assert (refusal.status_code, refusal.json()["error"]["code"]) == (404, "NOT_FOUND")
    assert job_of(data).stream_opened_at is None
    assert client.post(path_of(data)).status_code == 405


# --- how it ends badly ---------------------------------------------------------------------------


def test_a_failure_before_the_first_byte_is_an_error_like_any_other(api, client, account):
    data = submit(api, "NOTHING to say.")
    listener = Listener(path_of(data))
    speak_next(QUEUE)
    listener.join()
    assert listener.status == 500
    refusal = json.loads(bytes(listener.received))["error"]
    assert refusal["code"] == "GENERATION_FAILED"
    assert refusal["message"] == job_of(data).error_message
    assert_failed_and_refunded(job_of(data))
    assert available(account) == 100_000_000
    late = submit(api, "NOTHING to say.")
    speak_next(QUEUE)
    assert client.get(path_of(late)).json()["error"]["code"] == "AUDIO_NOT_AVAILABLE"


@pytest.mark.parametrize("trouble", ["PERMANENT", "TRANSIENT"])
def test_a_failure_after_the_first_byte_breaks_the_stream_off_and_refunds_the_rest(api, account, the_engine, trouble):
    # The last sentence is longer than what its first second is counted as, whether that second is heard or not.
    text = f"Fine at first. GATE to be heard. {trouble} trouble then, {'and more of it ' * 8}to the end."
    data = submit(api, text, output_format="wav")
    listener = Listener(path_of(data))
    with Background(lambda: speak_next(QUEUE)):
        wait_for(lambda: len(listener.received) > 1000, "the first sentence to be heard")
        the_engine.gate.set()
    listener.join()
    assert len(listener.received) > 1000
    assert isinstance(listener.error, StreamBroken)
    job = job_of(data)
    assert_failed_after_heard(job)
    assert job.chars_handed_out >= len("Fine at first. ")
    assert available(account) == 100_000_000 - job.cost_microcredits + job.refunded_microcredits


@pytest.mark.parametrize("output_format", ["wav", "ogg_opus"])
def test_a_server_that_cannot_break_a_body_off_begins_when_all_is_well(api, output_format):
    """Under WSGI the end of a body is clean, whatever happened."""
    whole = submit(api, output_format=output_format)
    broken = submit(api, "Fine at first. PERMANENT trouble then.", output_format=output_format)
    listeners = [Listener(path_of(data), CANNOT_BREAK_OFF=True) for data in (whole, broken)]
    opened = Job.objects.filter(stream_opened_at__isnull=False)
    wait_for(lambda: opened.count() == 2, "both streams to be opened")
    speak_next(QUEUE)
    heard, refused = (listener.join() for listener in listeners)
    header_bytes = 44 if output_format == "wav" else 0
    assert (heard.status, bytes(heard.received[header_bytes:])) == (200, stored(job_of(whole))[header_bytes:])
    assert refused.status == 500
    assert json.loads(bytes(refused.received))["error"]["code"] == "GENERATION_FAILED"
    job = job_of(broken)
    assert (job.status, job.chars_handed_out, job.refunded_microcredits) == ("failed", 0, job.cost_microcredits)


def test_the_wsgi_entry_says_that_it_cannot_break_a_body_off():
    seen: dict[str, Any] = {}

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.update(environ)
        return []

    measure_body(app, max_bytes=1)({}, None)
    assert seen["CANNOT_BREAK_OFF"] is True


def test_a_later_attempt_is_not_put_behind_the_first_ones_bytes(api, the_engine):
    data = submit(api, "A first sentence. GATE to wait for.", output_format="wav")
    with Background(lambda: speak_next(QUEUE)):
        listener = Listener(path_of(data))
        the_engine.reached.wait(10)
        wait_for(lambda: len(listener.received) > 20_000, "the first sentence to be heard")
        # As if the worker had died: another takes the job.
        Job.objects.filter(pk=data["job_id"]).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
        assert lifecycle.reclaim_dead_jobs() == 1
        the_engine.gate.set()
    speak_next(QUEUE)
    listener.join()
    assert isinstance(listener.error, StreamBroken)
    job = job_of(data)
    assert (job.status, job.attempt) == ("completed", 2)
    assert audio_files() == [f"{job.pk}-2.wav"]
    assert_charged_once(job)


def test_an_attempt_that_nobody_heard_may_be_followed_by_another(api, the_engine, monkeypatch):
    data = submit(api, output_format="wav")
    first = lifecycle.claim_next_job(queue=QUEUE)
    assert first is not None
    listener = Listener(path_of(data))
    wait_for(lambda: job_of(data).stream_opened_at is not None, "the stream to be opened")
    lifecycle.release_job(job=first)
    speak_next(QUEUE)
    listener.join()
    job = job_of(data)
    assert (listener.error, job.status, job.attempt) == (None, "completed", 2)  # released, but not with the same number
    assert bytes(listener.received[44:]) == stored(job)[44:]


def test_cancelling_breaks_it_off(api, the_engine):
    data = submit(api, "A first sentence. GATE to wait for.", output_format="wav")
    with Background(lambda: speak_next(QUEUE)):
        listener = Listener(path_of(data))
        the_engine.reached.wait(10)
        wait_for(lambda: len(listener.received) > 20_000, "the first sentence to be heard")
        assert api.delete(data["poll_url"]).json()["data"]["status"] == "cancelled"
        listener.join()
        the_engine.gate.set()
    assert isinstance(listener.error, StreamBroken)
    assert (audio_files(), spool_files()) == ([], [])


def test_who_hangs_up_loses_nothing(api, the_engine):
    data = submit(api, "A first sentence. GATE to wait for.", output_format="wav")
    with Background(lambda: speak_next(QUEUE)):
        the_engine.reached.wait(10)
        response: Any = Client().get(path_of(data))
        assert len(next(iter(response.streaming_content))) > 100
        response.close()
        connections.close_all()
        the_engine.gate.set()
    job = job_of(data)
    assert (job.status, job.attempt) == ("completed", 1)
    assert measure_audio(stored(job)).duration_seconds == pytest.approx(job.duration_ms / 1000, abs=0.01)
    assert_charged_once(job)


def test_audio_that_is_erased_while_it_is_streamed_breaks_the_stream_off(api):
    data = submit(api, output_format="wav")
    speak_next(QUEUE)
    api.delete(data["poll_url"])

    job = job_of(data)

    async def hear() -> bytes:
        return await anext(listen(job))

    with pytest.raises(StreamBroken, match="deleted"):
        asyncio.run(hear())


def test_who_hangs_up_before_the_first_byte_leaves_nothing_open(api, client):
    data = submit(api)
    speak_next(QUEUE)
    client.get(path_of(data)).close()
    audio = [link for link in map(_target, Path("/proc/self/fd").iterdir()) if data["job_id"] in link]
    assert audio == []


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except FileNotFoundError:  # that of the listing itself
        return ""


# --- by Redis ------------------------------------------------------------------------------------

needs_redis = pytest.mark.skipif(not settings.REDIS_URL, reason="REDIS_URL is not set: the relay is the spool")


@pytest.fixture
def small_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_stream, "WINDOW_BYTES", 2000)
    monkeypatch.setattr(redis_stream, "ENTRY_BYTES", 1000)


@needs_redis
def test_a_reader_that_fell_behind_the_window_goes_on_from_the_store(api, the_engine, small_window):
    data = submit(api, "A first sentence. GATE to wait for.", output_format="wav")
    with Background(lambda: speak_next(QUEUE)):
        the_engine.reached.wait(10)
        listener = Listener(path_of(data))  # the beginning is out of the window already
        wait_for(lambda: job_of(data).stream_opened_at is not None, "the stream to be opened")
        the_engine.gate.set()
    listener.join()
    assert listener.error is None
    assert bytes(listener.received[44:]) == stored(job_of(data))[44:]


@needs_redis
def test_what_was_said_last_before_a_pause_is_not_kept_back():
    name = f"relay:{uuid.uuid4()}:1"
    writer = redis_stream.RedisWriter(name)

    async def hear_until_silence() -> bytes:
        heard = b""
        async with aclosing(redis_stream.follow(name)) as chunks:
            async for chunk in chunks:
                if chunk is None:
                    break
                heard += chunk.encoded
                assert chunk.ready_bytes >= len(heard)
                assert chunk.ready_chars == 7
        return heard

    try:
        writer.write(b"one ", chars=7)
        writer.write(b"two ", chars=7)
        assert asyncio.run(hear_until_silence()) == b"one two "
    finally:
        writer.end()


@needs_redis
def test_without_its_redis_a_job_is_spoken_and_heard_from_the_store(api, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    data = submit(api, output_format="wav")
    listener = Listener(path_of(data))
    wait_for(lambda: job_of(data).stream_opened_at is not None, "the stream to be opened")
    speak_next(QUEUE)
    listener.join()
    assert (listener.error, job_of(data).status) == (None, "completed")
    assert bytes(listener.received) == stored(job_of(data))

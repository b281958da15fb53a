"""OpenAI's own client against a running service: only its address and its key are changed."""

import asyncio
import base64
import json
import struct
import wave
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import httpx
import openai
import pytest

from tests.live.service import LONG_SENTENCE, PRICE_MICROCREDITS, SENTENCE, Caller, Service
from tests.support.audio import measure_audio, without_header

RATE_HERTZ = 22_050  # eSpeak's


@pytest.fixture
def client(service: Service, caller: Caller) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{service.url}/v1", api_key=caller.key, max_retries=0) as client:
        yield client


def job_of(caller: Caller, response: Any) -> dict[str, Any]:
    return caller.job(response.headers["X-Job-ID"])


def seconds_of(audio: bytes, response_format: str) -> float:
    return len(audio) / 48_000 if response_format == "pcm" else measure_audio(audio).duration_seconds


@pytest.mark.parametrize(
    ("response_format", "content_type", "rate_hertz", "starts_with"),
    [
        ("mp3", "audio/mpeg", RATE_HERTZ, b"\xff\xf3"),
        ("opus", "audio/opus", 48_000, b"OggS"),
        ("aac", "audio/aac", RATE_HERTZ, b"\xff\xf1"),
        ("flac", "audio/flac", RATE_HERTZ, b"fLaC"),
        ("wav", "audio/wav", RATE_HERTZ, b"RIFF"),
        ("pcm", "audio/pcm", 24_000, b""),
    ],
)
def test_every_response_format_is_the_speech_of_a_job_like_any_other(
    client: openai.OpenAI, caller: Caller, response_format: Any, content_type: str, rate_hertz: int, starts_with: bytes
):
    answer = client.audio.speech.with_raw_response.create(
        model="tts-1", voice="alloy", input=SENTENCE, response_format=response_format
    )
    audio = answer.content
    assert answer.headers["Content-Type"] == content_type
    assert answer.headers["X-Credits-Charged"] == f"0.00{len(SENTENCE)}"
    assert answer.headers["X-RateLimit-Bucket"] == "generate"
    assert answer.headers["X-Request-ID"]
    assert audio.startswith(starts_with)
    if response_format != "pcm":
        assert measure_audio(audio).sample_rate_hertz == rate_hertz
        assert measure_audio(audio).rms_dbfs > -30
    job = job_of(caller, answer)
    assert (job["status"], job["voice_id"]) == ("completed", "espeak:en-US-eSpeak-Auntie")
    assert job["output_format"] == {"opus": "ogg_opus"}.get(response_format, response_format)
    assert seconds_of(audio, response_format) == pytest.approx(job["duration_seconds"], abs=0.2)
    assert caller.ledger(job["job_id"]) == [("charge", -PRICE_MICROCREDITS * len(SENTENCE))]
    assert job["job_id"] in [row["job_id"] for row in caller.http.get("/api/v1/tts").json()["data"]["jobs"]]
    kept = httpx.get(job["audio_url"]).content
    assert kept[44:] == audio[44:]  # before it, a wav that is kept tells its true size
    assert len(kept) == len(audio)


def test_pcm_is_16_bit_little_endian_samples_at_24_khz(client: openai.OpenAI):
    def speak(response_format: Any) -> bytes:
        return client.audio.speech.create(
            model="tts-1", voice="onyx", input=SENTENCE, response_format=response_format
        ).content

    samples = struct.unpack(f"<{len(pcm := speak('pcm')) // 2}h", pcm)
    wav = BytesIO(speak("wav"))
    wav.seek(44)
    assert max(samples) > 8_000
    assert len(samples) / 24_000 == pytest.approx(len(wav.read()) / 2 / RATE_HERTZ, abs=0.001)


def test_without_a_response_format_it_is_mp3(client: openai.OpenAI, tmp_path):
    file = tmp_path / "speech.mp3"
    client.audio.speech.create(model="tts-1-hd", voice="nova", input=SENTENCE).write_to_file(file)
    assert 1.5 < measure_audio(file).duration_seconds < 4.0


def test_the_first_bytes_come_long_before_the_last(client: openai.OpenAI, caller: Caller):
    with client.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="fable", input=LONG_SENTENCE, response_format="opus"
    ) as response:
        chunks = response.iter_bytes()
        first = next(chunks)
        assert first.startswith(b"OggS")
        job_id = response.headers["X-Job-ID"]
        assert caller.status_in_database(job_id) == "processing"
        audio = first + b"".join(chunks)
    job = caller.job(job_id)
    assert job["status"] == "completed"  # once the body has ended, the audio is kept
    assert httpx.get(job["audio_url"]).content == audio
    assert caller.attempts(job_id) == 1


def test_events_carry_the_same_audio_and_end_with_what_was_counted(client: openai.OpenAI, caller: Caller):
    with client.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="sage", input=SENTENCE, response_format="wav", stream_format="sse"
    ) as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        lines = [line for line in response.iter_lines() if line]
    events = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert {event["type"] for event in events[:-1]} == {"speech.audio.delta"}
    characters = len(SENTENCE)
    assert events[-1] == {
        "type": "speech.audio.done",
        "usage": {"input_tokens": characters, "output_tokens": 0, "total_tokens": characters},
    }
    audio = b"".join(base64.b64decode(event["audio"]) for event in events[:-1])
    with wave.open(BytesIO(httpx.get(job_of(caller, response)["audio_url"]).content)) as kept:
        assert audio[44:] == kept.readframes(10**9)


def test_the_asynchronous_client_works_too(service: Service, caller: Caller):
    async def speak() -> bytes:
        async with openai.AsyncOpenAI(base_url=f"{service.url}/v1", api_key=caller.key, max_retries=0) as client:
            parts = []
            async with client.audio.speech.with_streaming_response.create(
                model="tts-1", voice="echo", input=SENTENCE
            ) as response:
                async for part in response.iter_bytes():
                    parts.append(part)
            return b"".join(parts)

    assert 1.5 < measure_audio(asyncio.run(speak())).duration_seconds < 4.0


def test_our_own_voices_and_extra_fields_pass(client: openai.OpenAI, caller: Caller):
    answer = client.audio.speech.with_raw_response.create(
        model="tts-1",
        voice={"id": "espeak:fr-FR-eSpeak-Lee"},
        input="Bonjour.",
        speed=2.0,
        instructions="Cheerfully.",
        extra_body={"user": "42", "metadata": {"a": 1}},
    )
    job = job_of(caller, answer)
    assert (job["voice_id"], job["chars_charged"], job["metadata"]) == ("espeak:fr-FR-eSpeak-Lee", 8, None)


def test_models_are_listed_and_found(client: openai.OpenAI):
    assert [model.id for model in client.models.list()] == ["gpt-4o-mini-tts", "tts-1", "tts-1-hd"]
    model = client.models.retrieve("tts-1")
    assert (model.id, model.object, model.owned_by) == ("tts-1", "model", "utterance")
    assert model.created > 1_700_000_000


def test_a_request_sent_again_with_its_idempotency_key_is_charged_once(client: openai.OpenAI, caller: Caller):
    answers = [
        client.audio.speech.with_raw_response.create(
            model="tts-1", voice="alloy", input=SENTENCE, extra_headers={"Idempotency-Key": "openai-sdk-1"}
        )
        for _ in range(3)
    ]
    assert [answer.headers.get("Idempotent-Replayed") for answer in answers] == [None, "true", "true"]
    assert len({answer.headers["X-Job-ID"] for answer in answers}) == 1
    assert len({without_header(answer.content) for answer in answers}) == 1
    assert caller.ledger(answers[0].headers["X-Job-ID"]) == [("charge", -PRICE_MICROCREDITS * len(SENTENCE))]


# --- failures, as the client's exceptions ---------------------------------------------------------


def test_a_wrong_key_is_an_authentication_error(service: Service):
    client = openai.OpenAI(base_url=f"{service.url}/v1", api_key="sk-not-ours", max_retries=0)
    with client, pytest.raises(openai.AuthenticationError) as refused:
        client.models.list()
    assert (refused.value.status_code, refused.value.code) == (401, "invalid_api_key")
    assert refused.value.request_id


@pytest.mark.parametrize(
    ("change", "exception", "code", "param"),
    [
        ({"model": "tts-2"}, openai.NotFoundError, "model_not_found", "model"),
        ({"voice": "ember"}, openai.BadRequestError, "invalid_voice", "voice"),
        ({"input": " "}, openai.BadRequestError, "invalid_value", "input"),
        ({"speed": 5.0}, openai.BadRequestError, "invalid_value", "speed"),
        ({"input": "a" * 100_001}, openai.BadRequestError, "invalid_value", "input"),
    ],
)
def test_a_refused_request_is_the_exception_of_its_kind(
    client: openai.OpenAI, change: dict[str, Any], exception: type[openai.APIStatusError], code: str, param: str
):
    fields: dict[str, Any] = {"model": "tts-1", "voice": "alloy", "input": "Hello."} | change
    with pytest.raises(exception) as refused:
        client.audio.speech.create(**fields)
    assert (refused.value.code, refused.value.param) == (code, param)


def test_too_few_credits_are_a_rate_limit_error_that_is_not_sent_again(service: Service):
    made = service.manage_json("create_account", "poor@acme.example", "--plan", "payg", "--key")
    client = openai.OpenAI(base_url=f"{service.url}/v1", api_key=made["api_key"], max_retries=2)
    with client, pytest.raises(openai.RateLimitError) as refused:
        client.audio.speech.create(model="tts-1", voice="alloy", input="Hello.")
    assert (refused.value.code, refused.value.type) == ("insufficient_quota", "insufficient_quota")
    assert "Need 0.01 credits, have 0.00" in str(refused.value)
    assert refused.value.response.headers["X-RateLimit-Remaining"] == "9"


def test_too_many_requests_are_a_rate_limit_error(service: Service):
    made = service.manage_json("create_account", "busy@acme.example", "--plan", "payg", "--credits", "1", "--key")
    with openai.OpenAI(base_url=f"{service.url}/v1", api_key=made["api_key"], max_retries=0) as client:
        for _ in range(10):
            with pytest.raises(openai.BadRequestError):
                client.audio.speech.create(model="tts-1", voice="alloy", input=" ")
        with pytest.raises(openai.RateLimitError) as refused:
            client.audio.speech.create(model="tts-1", voice="alloy", input="Hello.")
    assert refused.value.code == "rate_limit_exceeded"
    assert 1 <= int(refused.value.response.headers["Retry-After"]) <= 900


def test_a_key_without_the_scope_is_denied(service: Service, caller: Caller):
    made = service.manage_json("issue_key", "alice@acme.example", "--scope", "speech:read")
    with openai.OpenAI(base_url=f"{service.url}/v1", api_key=made["api_key"], max_retries=0) as client:
        assert len(client.models.list().data) == 3
        with pytest.raises(openai.PermissionDeniedError, match="speech:write"):
            client.audio.speech.create(model="tts-1", voice="alloy", input="Hello.")


@pytest.mark.parametrize("stream_format", ["audio", "sse"])
def test_a_text_with_nothing_to_say_is_silence_that_is_refunded(service: Service, caller: Caller, stream_format: Any):
    """Some clients check a key with a full stop."""
    with openai.OpenAI(base_url=f"{service.url}/v1", api_key=caller.key, max_retries=2) as client:
        answer = client.audio.speech.with_raw_response.create(
            model="tts-1", voice="alloy", input="...", stream_format=stream_format
        )
    assert (answer.status_code, len(answer.content) > 500) == (200, True)
    job = caller.http.get("/api/v1/tts?limit=1").json()["data"]["jobs"][0]
    assert (job["status"], job["refunded"]) == ("completed", True)
    assert caller.ledger(job["job_id"]) == [("charge", -300), ("refund", 300)]

"""Jobs in Google's voices, from request to audio, and Google's bad days: refunded once or completed, never both."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.peers.google_peer import (
    VENDORS_WORDS,
    BadDay,
    Cut,
    Garbage,
    Half,
    Hang,
    Nothing,
    Refuse,
    Silence,
    dialogue_seconds,
    say,
)
from tests.support.audio import measure_audio, mp3_frames
from tests.support.envelopes import data_of
from tests.support.google import (  # noqa: F401
    CHIRP,
    KORE,
    PUCK,
    QUEUE,
    WAVENET,
    google_voices,
    one_google_peer,
    peer,
)
from tests.support.waiting import wait_for
from tests.support.workers import (
    REFUNDED,
    Background,
    assert_charged_once,
    assert_failed_and_refunded,
    audio_files,
    ledger_adds_up,  # noqa: F401
    own_queue,  # noqa: F401
)
from tests.tts.test_stream import Listener, path_of
from tts.errors import StreamBroken
from tts.models import Job
from tts.services.sweep import sweep
from tts.storage import store
from tts.tasks import speak_next
from tts.worker import pipeline

pytestmark = pytest.mark.usefixtures("google_voices")

PATH = "/api/v1/tts"
TEXT = "Good morning to everybody, it is a remarkably beautiful day, is it not?"  # one sentence, so one request
DIALOGUE = "Speaker 1: Shall we go out for a walk?\nSpeaker 2: Gladly, the weather is so fine."
IMPATIENT = {"google": "tests.support.google.ImpatientEngine"}


def submit(api: Any, voice_id: str, **fields: Any) -> Job:
    data = data_of(api.post(PATH, {"text": TEXT, "voice_id": voice_id} | fields), 202)
    return Job.objects.get(pk=data["job_id"])


def status_of(api: Any, job: Job) -> dict[str, Any]:
    response = api.get(f"{PATH}/{job.pk}")
    assert VENDORS_WORDS not in response.content.decode()
    data: dict[str, Any] = data_of(response)
    return data


def audio_of(job: Job) -> bytes:
    job.refresh_from_db()
    with store.open_audio(job.audio_key) as file:
        return file.read()


def seconds_of(text: str, text_format: str = "text", rate: float = 1.0) -> float:
    return len(say(text, text_format, rate)) / 2 / 24_000


# --- good days -----------------------------------------------------------------------------------


@pytest.mark.parametrize("voice_id", [CHIRP, WAVENET, KORE, "google:en-US-Studio-O", "google:en-US-Chirp-HD-F"])
@pytest.mark.parametrize("output_format", ["wav", "mp3", "ogg_opus"])
def test_a_text_becomes_audio_of_its_length(api, peer, voice_id, output_format):  # noqa: F811
    job = submit(api, voice_id, output_format=output_format)

    speak_next(QUEUE)

    data = status_of(api, job)
    assert (data["status"], data["progress"], data["voice_id"]) == ("completed", 100, voice_id)
    assert data["duration_seconds"] == pytest.approx(seconds_of(TEXT), abs=0.1)
    measure = measure_audio(audio_of(job))
    assert measure.duration_seconds == pytest.approx(seconds_of(TEXT), abs=0.15)
    assert -40 < measure.rms_dbfs < -9
    assert_charged_once(job)


def test_the_fields_of_gemini_reach_google_and_the_audio_is_encoded_as_it_was_asked_for(api, peer):  # noqa: F811
    job = submit(
        api, KORE, text=DIALOGUE, prompt="Two old friends.", model="gemini-2.5-pro-tts", model_type="ultra",
        speaker_type="multi", voice_speaker_1=PUCK, voice_speaker_2=KORE,
        output_format="mp3", sample_rate_hertz=24_000, output_bitrate_kbps=128,
    )  # fmt: skip

    speak_next(QUEUE)

    data = status_of(api, job)
    assert (data["status"], data["chars_charged"]) == ("completed", len(DIALOGUE) + len("Two old friends."))
    assert data["credits_charged"] == f"0.{4 * data['chars_charged']}"
    ((config, source),) = peer.streamed
    assert (config.voice.model_name, source.prompt) == ("gemini-2.5-pro-tts", "Two old friends.")
    speakers = config.voice.multi_speaker_voice_config.speaker_voice_configs
    assert [speaker.speaker_id for speaker in speakers] == ["Puck", "Kore"]
    frames = mp3_frames(audio_of(job))
    assert {(frame.kbps, frame.rate_hertz, frame.channels) for frame in frames} == {(128, 24_000, 1)}
    assert measure_audio(audio_of(job)).duration_seconds == pytest.approx(dialogue_seconds(DIALOGUE), abs=0.15)


def test_gemini_says_a_long_text_in_one_request_with_its_prompt(api, peer):  # noqa: F811
    text = (TEXT + " ") * 50
    job = submit(api, KORE, text=text, prompt="Warmly.")
    speak_next(QUEUE)
    assert status_of(api, job)["status"] == "completed"
    assert [source.text for _, source in peer.streamed] == [text]


def test_a_long_text_is_a_few_requests_in_order_each_within_googles_limit(api, peer):  # noqa: F811
    text = "".join(f"This is sentence number {number} of a rather long text. " for number in range(100))
    job = submit(api, WAVENET, text=text)
    speak_next(QUEUE)
    assert status_of(api, job)["status"] == "completed"
    texts = [request.input.text for request in peer.unary]
    assert "".join(sorted(texts, key=text.index)) == text
    assert len(texts) == 4
    assert max(len(text.encode()) for text in texts) <= 2_000


def test_ssml_reaches_google_in_documents_of_our_own(api, peer):  # noqa: F811
    job = submit(api, WAVENET, text="<p>One<!-- hidden -->.</p><p>Two &amp; three.</p>", format="ssml")
    speak_next(QUEUE)
    assert status_of(api, job)["status"] == "completed"
    assert sorted(request.input.ssml for request in peer.unary) == [
        "<speak><p>One.</p></speak>",
        "<speak><p>Two &amp; three.</p></speak>",
    ]


@pytest.mark.parametrize("speed", [0.5, 2.0, 4.0])
def test_the_speed_is_heard(api, peer, speed):  # noqa: F811
    job = submit(api, WAVENET, speed=speed)
    speak_next(QUEUE)
    assert status_of(api, job)["duration_seconds"] == pytest.approx(seconds_of(TEXT) / speed, rel=0.12)


# --- bad days ------------------------------------------------------------------------------------


def shown(value: Any) -> str | None:
    """Of a bad day, or several: their names."""
    if isinstance(value, list):
        return "+".join(map(str, map(shown, value)))
    if isinstance(value, Refuse):
        return value.code
    return type(value).__name__ if isinstance(value, BadDay) else None


FOR_A_MOMENT = Refuse("UNAVAILABLE")
FOR_AN_ATTEMPT = [FOR_A_MOMENT] * 3  # as often as one attempt asks


@pytest.mark.parametrize(
    ("voice_id", "bad_days", "attempt"),
    [
        (WAVENET, [FOR_A_MOMENT, Garbage()], 1),
        (WAVENET, [Half(), Nothing()], 1),
        (WAVENET, [*FOR_AN_ATTEMPT], 2),
        (WAVENET, [*FOR_AN_ATTEMPT, *[Half()] * 3], 3),
        (CHIRP, [FOR_A_MOMENT, Nothing()], 1),
        (CHIRP, [Cut()], 2),
        (CHIRP, [Half(), Cut()], 3),
        (KORE, [Garbage()], 2),
        (KORE, [Silence(), Refuse("INTERNAL")], 2),
    ],
    ids=shown,
)
def test_what_passes_ends_in_whole_audio_that_was_paid_for_once(api, peer, voice_id, bad_days, attempt):  # noqa: F811
    job = submit(api, voice_id)
    peer.plan(*bad_days)

    speak_next(QUEUE)

    data = status_of(api, job)
    assert (data["status"], Job.objects.get().attempt) == ("completed", attempt)
    assert data["duration_seconds"] == pytest.approx(seconds_of(TEXT), abs=0.1)
    assert audio_files() == [f"{job.pk}-{attempt}.wav"]
    assert_charged_once(job)


NOT_TAKEN = "The voice provider rejected this text."


@pytest.mark.parametrize("voice_id", [WAVENET, CHIRP, KORE])
@pytest.mark.parametrize(
    ("bad_day", "attempts", "message"),
    [
        (Refuse("INVALID_ARGUMENT"), 1, NOT_TAKEN),
        (Refuse("NOT_FOUND"), 1, NOT_TAKEN),
        (Refuse("PERMISSION_DENIED"), 3, pipeline.FAILED_MESSAGE),
        (Refuse("UNAUTHENTICATED"), 3, pipeline.FAILED_MESSAGE),
        (Refuse("UNAVAILABLE"), 3, pipeline.FAILED_MESSAGE),
        (Half(), 3, pipeline.FAILED_MESSAGE),
        (Garbage(), 3, pipeline.FAILED_MESSAGE),
        (Cut(), 3, pipeline.FAILED_MESSAGE),
        (Nothing(), 3, pipeline.FAILED_MESSAGE),
        (Silence(), 3, pipeline.FAILED_MESSAGE),
    ],
    ids=shown,
)
def test_what_does_not_pass_ends_in_a_refund_and_not_in_the_vendors_words(
    api, peer, voice_id, bad_day, attempts, message  # noqa: F811
):  # fmt: skip
    job = submit(api, voice_id)
    peer.plan(*[bad_day] * 9)

    speak_next(QUEUE)

    data = status_of(api, job)
    assert (data["status"], data["refunded"]) == ("failed", True)
    assert data["error"] == {"code": "GENERATION_FAILED", "message": f"{message} {REFUNDED}"}
    assert_failed_and_refunded(job)
    assert job.attempt == attempts


@pytest.mark.parametrize("voice_id", [WAVENET, CHIRP])
def test_a_quota_that_is_used_up_makes_the_job_wait_as_long_as_google_says(api, peer, voice_id):  # noqa: F811
    job = submit(api, voice_id)
    peer.plan(Refuse("RESOURCE_EXHAUSTED", retry_seconds=45))

    speak_next(QUEUE)

    assert status_of(api, job)["status"] == "pending"
    job.refresh_from_db()
    assert job.attempt == 1
    assert job.not_before is not None
    assert timedelta(seconds=40) < job.not_before - timezone.now() <= timedelta(seconds=45)
    speak_next(QUEUE)
    assert peer.asked == 1

    Job.objects.update(not_before=timezone.now())
    assert sweep().woken_queues == 1
    speak_next(QUEUE)
    assert status_of(api, job)["status"] == "completed"
    assert_charged_once(job)


def test_a_quota_that_stays_used_up_is_refunded_after_the_third_attempt(api, peer):  # noqa: F811
    job = submit(api, WAVENET)
    peer.plan(*[Refuse("RESOURCE_EXHAUSTED")] * 3)
    for _ in range(3):
        speak_next(QUEUE)
        Job.objects.update(not_before=None)
    assert status_of(api, job)["error"]["message"] == f"{pipeline.FAILED_MESSAGE} {REFUNDED}"
    assert_failed_and_refunded(job)
    assert peer.asked == 3


@pytest.mark.parametrize(("voice_id", "bad_day"), [(WAVENET, Hang()), (CHIRP, Hang()), (CHIRP, Hang(after_chunks=3))])
def test_google_that_is_too_slow_is_tried_again(api, peer, settings, voice_id, bad_day):  # noqa: F811
    settings.SPEECH_ENGINES = IMPATIENT
    job = submit(api, voice_id)
    peer.plan(bad_day)
    speak_next(QUEUE)
    assert status_of(api, job)["status"] == "completed"
    assert audio_of(job)
    assert_charged_once(job)


def test_a_failure_in_the_middle_of_a_long_text_begins_the_next_attempt_from_the_start(api, peer):  # noqa: F811
    text = "".join(f"This is sentence number {number} of a rather long text. " for number in range(100))
    job = submit(api, CHIRP, text=text)
    peer.plan(None, None, Cut())
    speak_next(QUEUE)
    data = status_of(api, job)
    assert (data["status"], Job.objects.get().attempt) == ("completed", 2)
    pieces = sorted({source.text for _, source in peer.streamed}, key=text.index)
    assert "".join(pieces) == text
    assert data["duration_seconds"] == pytest.approx(sum(map(seconds_of, pieces)), abs=0.2)
    assert_charged_once(job)


def test_a_cancelled_job_ends_its_stream_at_google(api, peer):  # noqa: F811
    job = submit(api, CHIRP)
    peer.plan(Hang(after_chunks=2))
    with Background(lambda: speak_next(QUEUE)):
        wait_for(lambda: peer.streamed, "Google to be asked")
        assert api.delete(f"{PATH}/{job.pk}").status_code == 200
        peer.release.set()
    data = status_of(api, job)
    assert (data["status"], data["refunded"]) == ("cancelled", True)
    assert audio_files() == []


def test_a_key_that_is_taken_away_makes_new_requests_invalid_and_fails_what_waits(api, peer, settings):  # noqa: F811
    settings.SPEECH_ENGINES = IMPATIENT
    job = submit(api, WAVENET)
    settings.GOOGLE_APPLICATION_CREDENTIALS = ""
    speak_next(QUEUE)
    assert_failed_and_refunded(job)
    assert peer.asked == 0


# --- streams -------------------------------------------------------------------------------------


@pytest.mark.parametrize("voice_id", [CHIRP, KORE])
def test_a_stream_is_heard_while_google_is_still_speaking(api, peer, own_queue, voice_id):  # noqa: F811
    peer.plan(Hang(after_chunks=6))
    data = data_of(api.post(f"{PATH}/stream", {"text": TEXT, "voice_id": voice_id, "output_format": "wav"}), 202)
    with Background(lambda: speak_next(QUEUE)):
        listener = Listener(path_of(data))
        wait_for(lambda: len(listener.received) > 24_000, "the first half second to be heard")
        assert Job.objects.get().status == "processing"
        peer.release.set()
    listener.join()
    assert (listener.status, listener.error) == (200, None)
    assert bytes(listener.received)[44:] == audio_of(Job.objects.get())[44:]


def test_a_stream_that_google_breaks_off_has_no_clean_end_and_the_text_is_spoken_anew(api, peer, own_queue):  # noqa: F811
    peer.plan(Hang(after_chunks=6, breaks_off=True))
    data = data_of(api.post(f"{PATH}/stream", {"text": TEXT, "voice_id": CHIRP, "output_format": "wav"}), 202)
    with Background(lambda: speak_next(QUEUE)):
        listener = Listener(path_of(data))
        wait_for(lambda: len(listener.received) > 24_000, "the first half second to be heard")
        peer.release.set()
    listener.join()
    assert isinstance(listener.error, StreamBroken)
    job = Job.objects.get()
    assert (job.status, job.attempt) == ("completed", 2)
    assert len(listener.received) < len(audio_of(job))
    assert_charged_once(job)


# --- ahead ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("voice_id", [CHIRP, WAVENET])
def test_four_requests_of_a_job_are_under_way_at_once_and_their_audio_is_in_order(api, peer, voice_id):  # noqa: F811
    text = "".join(f"This is sentence number {number} of a rather long text. " for number in range(250))
    job = submit(api, voice_id, text=text)
    peer.plan(*[Hang()] * 4)
    with Background(lambda: speak_next(QUEUE)):
        wait_for(lambda: peer.most_at_once == 4, "four to be asked for")
        peer.release.set()
    assert status_of(api, job)["status"] == "completed"
    assert peer.most_at_once == 4
    asked = [request.input.text for request in peer.unary] or [source.text for _, source in peer.streamed]
    pieces = sorted(asked, key=text.index)
    assert "".join(pieces) == text
    assert audio_of(job)[44:] == b"".join(say(piece, "text", 1.0) for piece in pieces)

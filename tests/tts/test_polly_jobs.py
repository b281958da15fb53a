"""Amazon Polly, from request to audio, and its bad days: refunded once or completed, never both."""

import io
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from speech.engines.base import PermanentEngineError
from speech.engines.polly import PollyEngine, calls
from speech.engines.registry import close_engines
from speech.engines.remote.retries import MAX_TRIES
from tests.peers.google_peer import VENDORS_WORDS, Cut, Garbage, Half, Hang, Nothing, Silence
from tests.peers.polly_peer import Odd, PollyPeer, Refuse, Trickle
from tests.support.audio import measure_audio, mp3_frames
from tests.support.envelopes import data_of, error_of
from tests.support.ports import free_port
from tests.support.waiting import wait_for
from tests.support.workers import (
    REFUNDED,
    Background,
    assert_charged_once,
    assert_failed_and_refunded,
    audio_files,
    ledger_adds_up,  # noqa: F401
)
from tts.models import Job
from tts.services.catalogue import sync_catalogue
from tts.services.sweep import sweep
from tts.storage import store
from tts.tasks import ask_providers_again, speak_next
from tts.worker import pipeline
from voices.models import Voice

PATH = "/api/v1/tts"
QUEUE = "speech.remote"
BRIAN = "polly:en-GB-Generative-Brian"
STANDARD = "polly:en-GB-Standard-Brian"
LONG_FORM = "polly:en-US-Long-Form-Danielle"
TEXT = "Good morning to everybody. It is a remarkably beautiful day, is it not?"
LONG_TEXT = "".join(f"This is sentence number {number} of a rather long text. " for number in range(240))
NOT_TAKEN = "The voice provider rejected this text."


@pytest.fixture(scope="session")
def one_polly_peer() -> Iterator[PollyPeer]:
    peer = PollyPeer()
    peer.start()
    yield peer
    peer.stop()


@pytest.fixture
def peer(one_polly_peer: PollyPeer, settings: Any) -> Iterator[PollyPeer]:
    """Amazon, and an installation that has an account there."""
    settings.POLLY_ENDPOINT_URL = one_polly_peer.url
    settings.POLLY_ACCESS_KEY_ID = settings.POLLY_SECRET_ACCESS_KEY = "for-the-tests"
    settings.POLLY_REGION = "eu-west-1"
    settings.SPEECH_ENGINES = {"polly": "speech.engines.polly.PollyEngine"}
    one_polly_peer.reset()
    yield one_polly_peer
    one_polly_peer.release.set()
    close_engines()
    for thread in threading.enumerate():  # what is left of a failed job would ask in the next test
        if thread.name == "speak ahead":
            thread.join(30)


@pytest.fixture(autouse=True)
def polly_voices(committed_db: None, peer: PollyPeer) -> None:
    sync_catalogue()


def submit(api: Any, voice_id: str = BRIAN, **fields: Any) -> Job:
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


def seconds_of(peer: PollyPeer, *texts: str) -> float:
    return sum(len(peer.say(text)) for text in texts) / 2 / 16_000


def test_a_text_with_nothing_to_say_is_silence_free_of_charge_and_not_sent(api: Any, peer: PollyPeer):
    job = submit(api, text="...")
    asked = len(peer.asked)
    speak_next(QUEUE)
    job.refresh_from_db()
    assert (job.status, job.duration_ms, len(peer.asked)) == ("completed", 250, asked)
    assert job.refunded_microcredits == job.cost_microcredits > 0


# --- the catalogue -------------------------------------------------------------------------------


def test_every_person_engine_and_language_is_a_voice(peer: PollyPeer):
    assert len(peer.listings) == 3  # pages
    brian = Voice.objects.get(voice_id=BRIAN)
    assert (brian.name, brian.language, brian.gender, brian.model_type) == ("Brian", "en-GB", "male", "premium")
    assert (brian.supports_ssml, brian.supports_speed, brian.max_text_bytes) == (True, False, 100_000)
    assert (brian.max_stream_bytes, brian.engine_voice) == (3_000, "generative/Brian/en-GB")
    assert Voice.objects.get(voice_id=LONG_FORM).model_type == "ultra"
    assert set(Voice.objects.filter(provider="polly").values_list("family", flat=True)) == {
        *("Generative", "Neural", "Standard", "Long-Form")
    }
    hindi = next(person for person in peer.people if person["Id"] == "Aditi")
    assert hindi["AdditionalLanguageCodes"] == ["hi-IN"]
    assert Voice.objects.filter(voice_id__in=["polly:en-IN-Standard-Aditi", "polly:hi-IN-Standard-Aditi"]).count() == 2


def test_a_sync_brings_new_voices_takes_vanished_ones_and_leaves_the_operators_switch(peer: PollyPeer):
    Voice.objects.filter(voice_id=STANDARD).update(is_enabled=False)
    peer.people = [person for person in peer.people if person["Id"] != "Joanna"]
    peer.people.append(
        peer.people[0] | {"Id": "Newcomer", "Name": "Newcomer", "SupportedEngines": ["neural", "unheard-of"]}
    )
    output = io.StringIO()
    call_command("sync_voices", "--provider", "polly", "--json", stdout=output)
    change = json.loads(output.getvalue())["providers"]["polly"]
    assert (change["added"], change["vanished"]) == (1, 3)
    assert Voice.objects.get(voice_id="polly:fr-BE-Neural-Newcomer").is_usable
    assert not Voice.objects.get(voice_id="polly:en-US-Neural-Joanna").is_listed
    assert not Voice.objects.get(voice_id=STANDARD).is_enabled


def test_amazon_out_of_reach_keeps_the_known_voices_with_the_reason(peer: PollyPeer, settings: Any):
    count = Voice.objects.filter(provider="polly", unavailable_reason="").count()
    settings.POLLY_ENDPOINT_URL = f"http://127.0.0.1:{free_port()}"
    close_engines()
    sync_catalogue()
    reason = "Amazon did not respond, or its response was incomplete"
    assert Voice.objects.filter(provider="polly", unavailable_reason=reason, is_listed=True).count() == count
    settings.POLLY_ENDPOINT_URL = peer.url
    close_engines()
    sync_catalogue()
    assert Voice.objects.filter(provider="polly", unavailable_reason="").count() == count


@pytest.mark.parametrize("is_known", [True, False])
def test_amazon_that_was_away_for_a_moment_is_asked_again_soon(peer: PollyPeer, is_known: bool):
    """And only then: beat asks every two minutes."""
    voices = Voice.objects.filter(provider="polly")
    count = voices.count()
    if not is_known:
        Voice.objects.all().delete()
    peer.listing_error = Garbage()
    sync_catalogue()
    reasons = {"Amazon's response is not a list of voices"} if is_known else set()
    assert set(voices.values_list("unavailable_reason", flat=True)) == reasons
    peer.listing_error = Refuse("ServiceFailureException", 500)
    ask_providers_again()
    assert not voices.filter(unavailable_reason="").exists()
    peer.listing_error = None
    ask_providers_again()
    assert voices.filter(unavailable_reason="", is_listed=True).count() == count
    peer.listings.clear()
    ask_providers_again()
    assert peer.listings == []


@pytest.mark.parametrize(
    ("variables", "wrong", "reason"),
    [
        ({"AWS_PROFILE": "nobody"}, {}, "The AWS settings are invalid. Check the profile, region and endpoint"),
        ({}, {"POLLY_REGION": "no region!"}, "The AWS settings are invalid. Check the profile, region and endpoint"),
        ({}, {"POLLY_ENDPOINT_URL": "nowhere"}, "The AWS settings are invalid. Check the profile, region and endpoint"),
        ({}, {"POLLY_SECRET_ACCESS_KEY": ""}, "POLLY_ACCESS_KEY_ID is set, but POLLY_SECRET_ACCESS_KEY is not"),
    ],
)
def test_wrong_settings_are_a_reason_and_stop_nothing_else(
    peer: PollyPeer, settings: Any, monkeypatch: pytest.MonkeyPatch, variables: Any, wrong: Any, reason: str
):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for name, value in wrong.items():
        setattr(settings, name, value)
    close_engines()
    sync_catalogue()
    assert set(Voice.objects.filter(provider="polly").values_list("unavailable_reason", flat=True)) == {reason}


@pytest.mark.parametrize("is_known", [True, False])
def test_without_credentials_a_voice_is_refused_with_the_reason(
    api: Any, settings: Any, monkeypatch: Any, is_known: bool
):
    settings.POLLY_ACCESS_KEY_ID = ""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    if not is_known:
        Voice.objects.all().delete()
    sync_catalogue()
    refusal = error_of(api.post(PATH, {"text": TEXT, "voice_id": BRIAN}), 400, "INVALID_VOICE")
    reason = "no AWS credentials are configured: POLLY_ACCESS_KEY_ID or AWS_ACCESS_KEY_ID"
    assert refusal["message"] == f"The voice {BRIAN} is not available here: {reason}."
    assert PollyEngine().voices() == []


# --- good days -----------------------------------------------------------------------------------


def test_the_references_own_example_works(api: Any, peer: PollyPeer):
    job = submit(api, output_format="mp3", sample_rate_hertz=24_000, output_bitrate_kbps=128)
    speak_next(QUEUE)
    assert status_of(api, job)["status"] == "completed"
    frames = mp3_frames(audio_of(job))
    assert {(frame.kbps, frame.rate_hertz, frame.channels) for frame in frames} == {(128, 24_000, 1)}
    measure = measure_audio(audio_of(job))
    assert measure.duration_seconds == pytest.approx(
        seconds_of(peer, "Good morning to everybody. ", TEXT[27:]), abs=0.2
    )
    assert -40 < measure.rms_dbfs < -9
    assert {body["Engine"] for body in peer.asked} == {"generative"}
    assert {(body["VoiceId"], body["LanguageCode"], body["TextType"]) for body in peer.asked} == {
        ("Brian", "en-GB", "text")
    }
    assert_charged_once(job)


@pytest.mark.parametrize("voice_id", [BRIAN, STANDARD, LONG_FORM, "polly:en-GB-Neural-Brian"])
def test_each_family_speaks(api: Any, peer: PollyPeer, voice_id: str):
    job = submit(api, voice_id)
    speak_next(QUEUE)
    assert status_of(api, job)["status"] == "completed"
    assert {body["Engine"] for body in peer.asked} == {Voice.objects.get(voice_id=voice_id).engine_voice.split("/")[0]}


def test_a_long_text_is_asked_for_four_requests_at_a_time_and_heard_in_order(api: Any, peer: PollyPeer):
    job = submit(api, text=LONG_TEXT)
    speak_next(QUEUE)
    data = status_of(api, job)
    assert (data["status"], data["progress"]) == ("completed", 100)
    texts = sorted((body["Text"] for body in peer.asked), key=LONG_TEXT.index)
    assert "".join(texts) == LONG_TEXT
    assert len(texts) == 6
    assert max(map(len, texts)) <= 3_000
    assert 2 <= peer.most_at_once <= 4
    assert data["duration_seconds"] == pytest.approx(seconds_of(peer, *texts), abs=0.2)
    # In order: what is stored is what was said, one after the other.
    said = b"".join(map(peer.say, texts))
    stored = audio_of(job)[44:]
    assert len(stored) == len(said)
    assert stored[: 4 * 16_000] == said[: 4 * 16_000]
    assert stored[-4 * 16_000 :] == said[-4 * 16_000 :]


def test_ssml_reaches_amazon_as_documents_of_our_own(api: Any, peer: PollyPeer):
    job = submit(api, text="<p>One<!-- hidden -->.</p><p>Two &amp; three.</p>", format="ssml")
    speak_next(QUEUE)
    assert status_of(api, job)["status"] == "completed"
    assert sorted(body["Text"] for body in peer.asked) == [
        "<speak><p>One.</p></speak>",
        "<speak><p>Two &amp; three.</p></speak>",
    ]
    assert {body["TextType"] for body in peer.asked} == {"ssml"}


def test_it_has_one_speed(api: Any):
    refusal = error_of(api.post(PATH, {"text": TEXT, "voice_id": BRIAN, "speed": 2}), 400, "VALIDATION_ERROR")
    assert refusal["details"] == {"speed": ["Brian does not support a custom speed."]}
    with pytest.raises(PermanentEngineError):
        PollyEngine().sample_rate_hertz("generative/../en-GB/x")


# --- bad days ------------------------------------------------------------------------------------

AWAY = Refuse("ServiceFailureException", 503)


def shown(value: Any) -> str | None:
    if isinstance(value, list):
        return "+".join(map(str, map(shown, value)))
    return (
        value.code if isinstance(value, Refuse) else type(value).__name__ if not isinstance(value, int | str) else None
    )


@pytest.mark.parametrize(
    ("bad_days", "attempt"),
    [
        ([AWAY, Garbage()], 1),
        ([Half(), Nothing()], 1),
        ([Cut(), Silence()], 1),
        ([Odd(), Refuse("ThrottlingException")], 1),
        ([AWAY] * 3, 2),
        ([*[AWAY] * 3, *[Half()] * 3], 3),
    ],
    ids=shown,
)
def test_what_passes_ends_in_whole_audio_that_was_paid_for_once(api: Any, peer: PollyPeer, bad_days: Any, attempt: int):
    job = submit(api, text="It is a remarkably beautiful day.")
    peer.plan(*bad_days)
    speak_next(QUEUE)
    data = status_of(api, job)
    assert (data["status"], Job.objects.get().attempt) == ("completed", attempt)
    assert data["duration_seconds"] == pytest.approx(seconds_of(peer, "It is a remarkably beautiful day."), abs=0.1)
    assert audio_files() == [f"{job.pk}-{attempt}.wav"]
    assert_charged_once(job)


@pytest.mark.parametrize(
    ("bad_day", "attempts", "message"),
    [
        (Refuse("InvalidSsmlException"), 1, NOT_TAKEN),
        (Refuse("TextLengthExceededException"), 1, NOT_TAKEN),
        (Refuse("AccessDeniedException", 403), 3, pipeline.FAILED_MESSAGE),
        (Refuse("ExpiredTokenException", 403), 3, pipeline.FAILED_MESSAGE),
        (AWAY, 3, pipeline.FAILED_MESSAGE),
        (Half(), 3, pipeline.FAILED_MESSAGE),
        (Garbage(), 3, pipeline.FAILED_MESSAGE),
        (Cut(), 3, pipeline.FAILED_MESSAGE),
        (Nothing(), 3, pipeline.FAILED_MESSAGE),
        (Silence(), 3, pipeline.FAILED_MESSAGE),
        (Odd(), 3, pipeline.FAILED_MESSAGE),
    ],
    ids=shown,
)
def test_what_does_not_pass_ends_in_a_refund_and_not_in_the_vendors_words(
    api: Any, peer: PollyPeer, bad_day: Any, attempts: int, message: str
):
    job = submit(api)
    peer.plan(*[bad_day] * 30)
    speak_next(QUEUE)
    data = status_of(api, job)
    assert (data["status"], data["refunded"]) == ("failed", True)
    assert data["error"] == {"code": "GENERATION_FAILED", "message": f"{message} {REFUNDED}"}
    assert_failed_and_refunded(job)
    assert job.attempt == attempts


def test_amazons_quota_is_no_limit_of_ours_and_makes_the_job_wait(api: Any, peer: PollyPeer):
    job = submit(api, text="It is a remarkably beautiful day.")
    peer.plan(*[Refuse("ThrottlingException", 400)] * MAX_TRIES)
    speak_next(QUEUE)
    assert status_of(api, job)["status"] == "pending"
    job.refresh_from_db()
    assert job.not_before is not None
    assert timedelta(seconds=5) < job.not_before - timezone.now() <= timedelta(seconds=10)
    speak_next(QUEUE)
    assert len(peer.asked) == MAX_TRIES
    Job.objects.update(not_before=timezone.now())
    assert sweep().woken_queues == 1
    speak_next(QUEUE)
    assert status_of(api, job)["status"] == "completed"
    assert_charged_once(job)


def test_amazon_that_does_not_answer_is_tried_again(api: Any, peer: PollyPeer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(calls, "FOR_SPEECH", calls.Patience(connect=1.0, read=0.5))
    close_engines()
    job = submit(api, text="It is a remarkably beautiful day.")
    peer.plan(Hang())
    speak_next(QUEUE)
    assert status_of(api, job)["status"] == "completed"
    assert_charged_once(job)


def test_one_request_too_many_in_a_second_is_made_a_little_later_and_the_others_are_kept(api: Any, peer: PollyPeer):
    job = submit(api, text=LONG_TEXT[:4_000])
    peer.plan(None, Refuse("ThrottlingException", 400))
    speak_next(QUEUE)
    assert status_of(api, job)["status"] == "completed"
    job.refresh_from_db()
    assert (job.attempt, len(peer.asked)) == (1, 4)  # three requests, one of them twice
    assert len({body["Text"] for body in peer.asked}) == 3
    assert_charged_once(job)


def test_an_answer_that_trickles_in_is_given_up(api: Any, peer: PollyPeer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(calls, "FOR_SPEECH", calls.Patience(connect=1.0, read=1.0, whole=0.2))
    job = submit(api, text="It is a remarkably beautiful day.")
    peer.plan(*[Trickle()] * 9)
    speak_next(QUEUE)
    assert status_of(api, job)["status"] == "failed"
    assert_failed_and_refunded(job)
    assert len(peer.asked) == 9


def test_a_cancelled_job_asks_for_no_more(api: Any, peer: PollyPeer, settings: Any):
    settings.JOB_LEASE_SECONDS = 3  # its heart beats as often as a third of that
    job = submit(api, text=LONG_TEXT)
    peer.plan(*[Hang()] * 4)
    with Background(lambda: speak_next(QUEUE)):
        wait_for(lambda: len(peer.asked) == 4, "four requests to be under way")
        assert api.delete(f"{PATH}/{job.pk}").status_code == 200
    peer.release.set()
    data = status_of(api, job)
    assert (data["status"], data["refunded"]) == ("cancelled", True)
    assert audio_files() == []
    assert len(peer.asked) == 4

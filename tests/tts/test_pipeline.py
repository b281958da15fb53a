"""One attempt at a job, from text to audio: what comes of engines, stores and disks that fail."""

import math
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from billing.models import Price
from speech.engines.registry import get_engine
from tests.factories import make_account
from tests.support.workers import (
    CRASHING_CHILD,
    QUEUE,
    REFUNDED,
    assert_charged_once,
    assert_failed_and_refunded,
    audio_files,
    available,
    ledger_adds_up,  # noqa: F401
    race,
    scripted_engine,  # noqa: F401
    spool_files,
    submit,
    work_once,
)
from tts.models import Job
from tts.services import lifecycle
from tts.services.sweep import sweep
from tts.stopping import worker_is_stopping
from tts.storage import store
from tts.streaming.relay import Writer
from tts.tasks import speak_next
from tts.worker import pipeline, synthesis
from tts.worker.job_timer import JobTimer
from tts.worker.lease import Lease

FORMATS = ["wav", "mp3", "ogg_opus"]


@pytest.fixture(autouse=True)
def the_engine(voices: None, scripted_engine):  # noqa: F811
    return scripted_engine


def speak_all() -> None:
    """As a worker does."""
    speak_next(QUEUE)


@pytest.mark.parametrize("output_format", FORMATS)
def test_a_text_becomes_audio_in_the_store(account, output_format):
    job = submit(account, "Good morning. How are you?", output_format=output_format)

    speak_all()

    job.refresh_from_db()
    assert (job.status, job.attempt, job.progress_percent) == ("completed", 1, 100)
    assert (job.audio_key, job.lease_expires_at) == (store.audio_key(job, 1), None)
    assert 800 < job.duration_ms < 3000
    with store.open_audio(job.audio_key) as file:
        assert len(file.read()) == job.audio_bytes > 1000
    assert audio_files() == [Path(job.audio_key).name]
    assert spool_files() == []
    assert_charged_once(job)


@pytest.mark.parametrize("output_format", FORMATS)
def test_how_it_was_made_stays_with_the_job(account, output_format):
    job = submit(account, "Good morning. How are you?", output_format=output_format)
    speak_all()
    job.refresh_from_db()
    peaks = bytes(job.peaks)
    assert 80 <= len(peaks) <= 480
    assert max(peaks) > 20  # there is sound in it
    measured = (job.first_sound_ms, job.synthesis_ms, job.encoding_ms, job.storing_ms)
    first_sound_ms, synthesis_ms, encoding_ms, storing_ms = (part for part in measured if part is not None)
    assert 0 <= first_sound_ms <= synthesis_ms
    assert job.started_at is not None
    assert job.finished_at is not None
    whole_ms = (job.finished_at - job.started_at).total_seconds() * 1000
    assert synthesis_ms + encoding_ms + storing_ms <= whole_ms + 2  # each is rounded


# --- engines -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "attempts", "message"),
    [
        ("TRANSIENT trouble.", 3, pipeline.FAILED_MESSAGE),
        ("UNEXPECTED trouble.", 3, pipeline.FAILED_MESSAGE),
        ("Fine at first. TRANSIENT trouble then.", 3, pipeline.FAILED_MESSAGE),
        ("PERMANENT trouble.", 1, "This cannot be said."),
        ("NOTHING to say.", 1, pipeline.NOTHING_TO_SAY_MESSAGE),
        ("SECONDS 65.", 1, synthesis.TOO_MUCH_AUDIO_MESSAGE),
    ],
)
def test_a_text_that_cannot_be_spoken_fails_after_its_attempts_and_is_refunded(account, api, text, attempts, message):
    job = submit(account, text)

    speak_all()

    assert_failed_and_refunded(job)
    assert job.attempt == attempts
    data = api.get(f"/api/v1/tts/{job.pk}").json()["data"]
    assert (data["status"], data["refunded"]) == ("failed", True)
    assert data["error"] == {"code": "GENERATION_FAILED", "message": f"{message} {REFUNDED}"}
    assert available(account) == 100_000_000


def test_an_engine_that_asks_for_a_pause_gets_it_before_the_next_attempt(account):
    job = submit(account, "BUSY just now.")

    speak_all()

    job.refresh_from_db()
    assert (job.status, job.attempt) == ("pending", 1)
    assert job.not_before is not None
    assert timedelta(seconds=55) < job.not_before - timezone.now() <= timedelta(seconds=60)
    speak_all()
    job.refresh_from_db()
    assert job.attempt == 1  # nobody may take it yet, and the sweeper wakes nobody
    assert sweep().woken_queues == 0

    Job.objects.filter(pk=job.pk).update(not_before=timezone.now())
    assert sweep().woken_queues == 1
    speak_all()
    job.refresh_from_db()
    assert (job.status, job.attempt) == ("pending", 2)


@pytest.mark.parametrize("output_format", FORMATS)
def test_nothing_to_say_is_no_audio_file_in_any_format(account, output_format):
    job = submit(account, "NOTHING to say.", output_format=output_format)
    speak_all()
    assert_failed_and_refunded(job)
    assert job.error_message == f"{pipeline.NOTHING_TO_SAY_MESSAGE} {REFUNDED}"


@pytest.mark.parametrize(
    ("text", "is_said"),
    [("…", False), ("\u200b", False), ("🙂", True), ("!?", False), ("-", False), ("\x01\x02 \x07", False)],
)
def test_a_text_without_words_is_completed_and_charged_only_if_it_is_said(account, text, is_said):
    job = submit(account, text)
    speak_all()
    job.refresh_from_db()
    assert (job.status, audio_files()) == ("completed", [f"{job.pk}-1.wav"])
    assert job.duration_ms > 250 if is_said else job.duration_ms == 250
    assert job.refunded_microcredits == (0 if is_said else job.cost_microcredits)


@pytest.mark.parametrize(
    ("text", "speed", "cap_seconds"),
    [
        ("SECONDS {}", 1.0, 60 + 1.5 * 4),  # a word and three digits
        ("SECONDS {} and so on, and so on", 1.0, 60 + 1.5 * 10),
        ("SECONDS {} and so on, and so on", 2.0, 60 + 1.5 * 10 / 2),
        ("SECONDS {} and so on, and so on", 0.5, 60 + 1.5 * 10 / 0.5),
        ("SECONDS {} 今日は良い天気", 1.0, 60 + 1.5 * 7.5),
    ],
)
def test_audio_is_at_most_60_s_and_one_and_a_half_for_each_word_over_speed(account, text, speed, cap_seconds):
    seconds = math.floor(cap_seconds)
    within = submit(account, text.format(f"{seconds:03}"), speed=speed)
    beyond = submit(account, text.format(f"{seconds + 1:03}"), speed=speed)

    speak_all()

    within.refresh_from_db()
    beyond.refresh_from_db()
    assert (within.status, within.duration_ms) == ("completed", seconds * 1000)
    assert (beyond.status, beyond.error_message) == ("failed", f"{synthesis.TOO_MUCH_AUDIO_MESSAGE} {REFUNDED}")
    assert beyond.refunded_microcredits == beyond.cost_microcredits
    assert audio_files() == [f"{within.pk}-1.wav"]


def test_a_text_of_long_numbers_is_no_run_away(account):
    """Thirty numbers, each said in nine words: two minutes of audio for 240 characters."""
    job = submit(account, "777777.\n" * 30)
    speak_all()
    job.refresh_from_db()
    assert (job.status, job.error_message) == ("completed", "")
    assert 100_000 < job.duration_ms < 150_000


@pytest.mark.parametrize("text", ["WXCDFGHJ\n" * 10, "ᚠᚢᚦᚨᚱᚲ\n" * 10])
def test_a_text_that_is_spelled_slowly_is_no_run_away(account, text):
    job = submit(account, text, speed=0.25)
    speak_all()
    job.refresh_from_db()
    assert (job.status, job.error_message) == ("completed", "")


def test_a_job_that_was_free_fails_without_a_refund(account):
    Price.objects.update(microcredits_per_character=0)
    job = submit(account, "PERMANENT trouble.")
    speak_all()
    job.refresh_from_db()
    assert (job.status, job.refunded_microcredits) == ("failed", 0)


def test_a_job_of_an_engine_that_is_gone_fails_and_the_others_are_spoken(account):
    orphan, job = submit(account), submit(account)
    Job.objects.filter(pk=orphan.pk).update(provider="gone")

    speak_all()

    orphan.refresh_from_db()
    job.refresh_from_db()
    assert (orphan.status, orphan.attempt, orphan.refunded_microcredits) == ("failed", 3, orphan.cost_microcredits)
    assert (job.status, job.attempt) == ("completed", 1)


@pytest.mark.parametrize("crash", ["SEGFAULT", "ABORT"])
def test_a_crash_of_the_engines_process_costs_its_job_and_no_other(account, settings, crash):
    settings.SPEECH_ENGINES = CRASHING_CHILD
    others = [submit(make_account(name), f"This is {name}. And it is fine.") for name in ("Globex", "Initech")]
    job = submit(account, f"A good start. {crash} now.")

    assert race(*[speak_all] * 3) == [None] * 3

    job.refresh_from_db()
    assert (job.status, job.error_code, job.attempt) == ("failed", "GENERATION_FAILED", 3)
    assert job.error_message == f"{pipeline.FAILED_MESSAGE} {REFUNDED}"
    assert job.refunded_microcredits == job.cost_microcredits
    for other in others:
        other.refresh_from_db()
        assert (other.status, other.attempt) == ("completed", 1)
        assert_charged_once(other)
    assert audio_files() == sorted(f"{other.pk}-1.wav" for other in others)
    assert spool_files() == []


# --- disks and stores ----------------------------------------------------------------------------


@pytest.mark.parametrize("output_format", FORMATS)
def test_a_full_disk_under_the_spool_never_leaves_truncated_audio(account, settings, output_format):
    job = submit(account, "Good morning. How are you?", output_format=output_format)
    settings.SPOOL_DIR.mkdir()
    for attempt in (1, 2, 3):
        spool = settings.SPOOL_DIR / Path(store.audio_key(job, attempt)).name
        spool.symlink_to("/dev/full")  # every write there: no space left on device

    speak_all()

    assert_failed_and_refunded(job)
    assert (job.attempt, job.error_message) == (3, f"{pipeline.NOT_STORED_MESSAGE} {REFUNDED}")


def test_a_disk_that_has_space_again_costs_one_attempt(account, settings):
    job = submit(account)
    settings.SPOOL_DIR.mkdir()
    (settings.SPOOL_DIR / f"{job.pk}-1.wav").symlink_to("/dev/full")

    speak_all()

    job.refresh_from_db()
    assert (job.status, job.attempt) == ("completed", 2)
    assert audio_files() == [f"{job.pk}-2.wav"]
    assert spool_files() == []
    assert_charged_once(job)


def test_no_place_for_the_spool_fails_the_job_and_not_the_worker(account, settings):
    settings.SPOOL_DIR.touch()  # a file where the folder should be
    jobs = [submit(account), submit(account)]

    speak_all()

    for job in jobs:
        job.refresh_from_db()
        assert (job.status, job.attempt, job.refunded_microcredits) == ("failed", 3, job.cost_microcredits)
    settings.SPOOL_DIR.unlink()


def test_a_store_that_is_full_half_way_keeps_no_half_and_serves_none(account, api, settings):
    settings.STORAGES = settings.STORAGES | {
        "audio": settings.STORAGES["audio"] | {"BACKEND": "tests.support.workers.DiskFullStorage"}
    }
    job = submit(account)

    speak_all()

    assert_failed_and_refunded(job)
    assert job.attempt == 3
    response = api.get(f"/api/v1/tts/{job.pk}/audio")
    assert (response.status_code, response.json()["error"]["code"]) == (409, "AUDIO_NOT_AVAILABLE")


def test_a_store_that_answers_nothing_fails_each_job_and_not_the_worker(account, settings):
    """Neither saving nor tidying up works: a file stands where the store's folder should be."""
    Path(settings.STORAGES["audio"]["OPTIONS"]["location"]).touch()
    jobs = [submit(account), submit(account)]

    speak_all()

    for job in jobs:
        job.refresh_from_db()
        assert (job.status, job.attempt, job.refunded_microcredits) == ("failed", 3, job.cost_microcredits)
    assert spool_files() == []


def test_what_an_earlier_attempt_left_in_the_store_goes_when_a_later_one_completes(account):
    job = submit(account)
    leftover = store.audio_storage().get_address(store.audio_key(job, 1))
    Path(leftover).parent.mkdir(parents=True)
    Path(leftover).write_bytes(b"uploaded by a worker that died then")
    Job.objects.filter(pk=job.pk).update(attempt=1)

    speak_all()

    assert audio_files() == [f"{job.pk}-2.wav"]


# --- the worker's loop ---------------------------------------------------------------------------


def test_a_worker_speaks_until_nothing_waits_and_leaves_other_queues_alone(account):
    jobs = [submit(account, f"Number {number}.") for number in range(5)]
    elsewhere = submit(account)
    Job.objects.filter(pk=elsewhere.pk).update(queue="speech.other")

    speak_all()

    assert {Job.objects.get(pk=job.pk).status for job in jobs} == {"completed"}
    assert Job.objects.get(pk=elsewhere.pk).status == "pending"


def test_a_worker_that_is_stopping_takes_no_more(account):
    job = submit(account)
    worker_is_stopping.set()
    try:
        speak_all()
    finally:
        worker_is_stopping.clear()
    assert (Job.objects.get(pk=job.pk).status, Job.objects.get(pk=job.pk).attempt) == ("pending", 0)


def test_no_database_connection_is_held_while_the_engine_speaks(account, the_engine):
    """Else a worker with many jobs at once would use up the pool, and its own heartbeats would wait for it."""
    submit(account, "GATE until we have looked.")
    job = lifecycle.claim_next_job(queue=QUEUE)
    assert job is not None
    held: list[object] = []
    original = the_engine.speak

    def speak(self, segment):
        held.append(connection.connection)
        yield from original(self, segment)

    the_engine.gate.set()
    try:
        the_engine.speak = speak
        race(lambda: pipeline.run_job(job))
    finally:
        the_engine.speak = original
    assert held == [None]


# --- long texts ----------------------------------------------------------------------------------


def text_of(chars: int) -> str:
    sentence = "QUICKLY said, this sentence is one of very many in a text without a single paragraph. "
    return (sentence * (chars // len(sentence) + 1))[:chars]


def test_memory_does_not_grow_with_the_text(account, tmp_path):
    grown_kb = {}
    for chars in (20_000, 100_000):
        account = make_account(f"Reader of {chars}", credits=1000)
        job = submit(account, text_of(chars))
        status, output = work_once(tmp_path, "--report-memory")
        assert status == 0
        job.refresh_from_db()
        assert (job.status, job.attempt) == ("completed", 1)
        assert job.duration_ms > chars * 9
        before_kb, after_kb = map(int, output.split())
        grown_kb[chars] = after_kb - before_kb
    # The long one makes 35 MB more of audio, and its text is 0.1 MB in memory.
    assert grown_kb[100_000] < grown_kb[20_000] + 8_000


def test_the_progress_counts_every_code_point_of_a_text_in_many_scripts(account, settings):
    text = "Čau světe. Grüße! 你好。 \n\n Ещё раз. 🙂 It is done."
    submit(account, text)
    job = lifecycle.claim_next_job(queue=QUEUE)
    assert job is not None
    settings.SPOOL_DIR.mkdir()
    seen: list[int] = []

    class WatchedLease(Lease):
        def check(self) -> None:  # before each segment and each chunk
            seen.append(self.chars_done)

    lease = WatchedLease(job)

    pipeline.synthesise(job, get_engine("espeak"), lease, settings.SPOOL_DIR / "audio.wav", Writer(), JobTimer())

    assert lease.chars_done == len(text) == job.chars_charged
    assert seen == sorted(seen)
    assert len(set(seen)) > 3
    (settings.SPOOL_DIR / "audio.wav").unlink()

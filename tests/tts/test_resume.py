"""A later attempt continues after the last finished segment: no sample is lost or repeated, and the charge is right."""

import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.utils import timezone

from accounts.models import Account
from speech.audio.lossless import pack_pcm
from speech.engines.espeak.voices import RATE_HERTZ
from speech.segments import Piece
from tests.support.audio import decode_audio
from tests.support.waiting import wait_for
from tests.support.workers import (
    QUEUE,
    Background,
    ScriptedEngine,
    assert_charged_once,
    audio_files,
    celery_worker,
    entries_of,
    expire_lease,
    hold_file,
    ledger_adds_up,  # noqa: F401
    own_queue,  # noqa: F401
    scripted_engine,  # noqa: F401
    spoken_log,
    spool_files,
    submit,
    wait_for_status,
)
from tts.errors import StoreUnavailable
from tts.models import Job, SpeechPart
from tts.services import lifecycle
from tts.services.parts import UNSTORED_FOR, store_part
from tts.services.sweep import sweep
from tts.stopping import worker_is_stopping
from tts.storage import store
from tts.storage.local import LocalAudioStorage
from tts.worker import pipeline
from voices.models import Voice

FIRST = "SECONDS 7 of silence. Good morning to you all. "
SECOND = "This is said afterwards. And this is the end."
TEXT = f"{FIRST}GATE to wait for. {SECOND}"


@pytest.fixture(autouse=True)
def the_engine(voices: None, own_queue: None, scripted_engine: Any, settings: Any, tmp_path: Path) -> Any:  # noqa: F811
    settings.DATA_DIR = tmp_path
    return scripted_engine


@pytest.fixture
def spoken(tmp_path: Path) -> Callable[[], list[str]]:
    """Returns a function for the segments that any process has spoken since the last call."""
    log = spoken_log(tmp_path)
    log.touch()

    def read() -> list[str]:
        lines = log.read_text().splitlines()
        log.write_text("")
        return lines

    return read


def claim() -> Job:
    job = lifecycle.claim_next_job(queue=QUEUE)
    assert job is not None
    return job


def stop_at_the_gate(the_engine: type[ScriptedEngine], claimed: Job) -> None:
    """The worker is told to stop while the gate's segment is spoken."""
    the_engine.reached.clear()
    try:
        with Background(lambda: pipeline.run_job(claimed)) as worker:
            assert the_engine.reached.wait(10)
            worker_is_stopping.set()
            wait_for(lambda: not worker.is_running, "the worker to give the job back", seconds=10)
    finally:
        worker_is_stopping.clear()
        the_engine.gate.clear()


def speak_to_the_end(the_engine: type[ScriptedEngine]) -> None:
    the_engine.gate.set()
    while (job := lifecycle.claim_next_job(queue=QUEUE)) is not None:
        pipeline.run_job(job)


def stored(job: Job) -> bytes:
    job.refresh_from_db()
    with store.open_audio(job.audio_key) as file:
        return file.read()


def whole(account: Account, the_engine: type[ScriptedEngine], text: str, **fields: Any) -> bytes:
    """The audio of the same text, spoken in one go."""
    job = submit(account, text, **fields)
    speak_to_the_end(the_engine)
    the_engine.gate.clear()
    return stored(job)


def part_files() -> list[str]:
    return [name for name in audio_files() if "-speech-" in name]


@pytest.fixture
def half_spoken(account: Account, the_engine: type[ScriptedEngine]) -> Job:
    """A job that waits for its second attempt, with its first two segments kept."""
    job = submit(account, TEXT)
    stop_at_the_gate(the_engine, claim())
    job.refresh_from_db()
    assert job.chars_kept == len(FIRST)
    return job


# --- going on ------------------------------------------------------------------------------------


@pytest.mark.parametrize("output_format", ["wav", "mp3", "ogg_opus"])
def test_a_job_that_was_given_back_goes_on_behind_its_last_finished_segment(
    account, the_engine, spoken, output_format: str
):
    in_one_go = whole(account, the_engine, TEXT, output_format=output_format)
    spoken()
    job = submit(account, TEXT, output_format=output_format)
    stop_at_the_gate(the_engine, claim())

    job.refresh_from_db()
    assert (job.status, job.attempt, job.lease_expires_at) == ("pending", 0, None)
    assert job.chars_kept == job.chars_done == len(FIRST)
    assert job.progress_percent == len(FIRST) * 100 // len(TEXT)
    (part,) = SpeechPart.objects.all()
    assert (part.begins, part.ends, part.chars, part.is_stored) == (0, 2, len(FIRST), True)
    assert part.segment_samples[0] == 7 * 22_050
    assert part_files() == [Path(part.key).name]
    assert spool_files() == []
    assert spoken() == ["SECONDS 7 of silence.", "Good morning to you all.", "GATE to wait for."]

    # The gate of the first try was open for a moment, and this one is not: only the words are the same.
    speak_to_the_end(the_engine)
    assert spoken() == ["GATE to wait for.", "This is said afterwards.", "And this is the end."]
    job.refresh_from_db()
    assert (job.status, job.attempt, job.chars_done) == ("completed", 1, len(TEXT))
    if output_format == "ogg_opus":
        rate, samples = decode_audio(stored(job))
        rate_before, samples_before = decode_audio(in_one_go)
        assert (rate, samples.tolist()) == (rate_before, samples_before.tolist())
    else:
        assert stored(job) == in_one_go
    assert not SpeechPart.objects.exists()
    assert part_files() == []
    assert_charged_once(job)


def test_attempts_add_up(account, the_engine, spoken, tmp_path: Path):
    text = f"{FIRST}GATE to wait for. {FIRST}HOLD on. {SECOND}"
    in_one_go = whole(account, the_engine, text)
    job = submit(account, text)
    stop_at_the_gate(the_engine, claim())
    spoken()
    hold_file(tmp_path).touch()
    the_engine.gate.set()
    second = claim()
    try:
        with Background(lambda: pipeline.run_job(second)) as worker:
            wait_for(lambda: "HOLD on." in spoken_log(tmp_path).read_text(), "the second attempt to be held")
            worker_is_stopping.set()
            wait_for(lambda: not worker.is_running, "the worker to stop", seconds=10)
    finally:
        worker_is_stopping.clear()
    hold_file(tmp_path).unlink()

    job.refresh_from_db()
    assert [(part.begins, part.ends) for part in SpeechPart.objects.order_by("begins")] == [(0, 2), (2, 5)]
    assert (job.status, job.attempt, job.chars_kept) == ("pending", 0, len(f"{FIRST}GATE to wait for. {FIRST}"))
    assert [line.split()[0] for line in spoken()] == ["GATE", "SECONDS", "Good", "HOLD"]
    speak_to_the_end(the_engine)
    assert spoken() == ["HOLD on.", "This is said afterwards.", "And this is the end."]
    assert stored(job) == in_one_go
    assert part_files() == []


@pytest.mark.parametrize("trouble", ["TRANSIENT", "UNEXPECTED"])
def test_an_engine_that_fails_is_only_asked_again_for_what_it_has_not_spoken(account, the_engine, spoken, trouble: str):
    job = submit(account, f"{FIRST}{trouble} trouble. {SECOND}")
    speak_to_the_end(the_engine)
    job.refresh_from_db()
    assert (job.status, job.attempt) == ("failed", 3)
    assert job.refunded_microcredits == job.cost_microcredits
    assert [line.split()[0] for line in spoken()] == ["SECONDS", "Good", trouble, trouble, trouble]
    assert audio_files() == []


def test_less_than_five_seconds_are_spoken_again(account, the_engine, spoken):
    job = submit(account, f"Good morning. GATE to wait for. {SECOND}")
    stop_at_the_gate(the_engine, claim())
    job.refresh_from_db()
    assert (job.chars_kept, job.chars_done) == (0, 0)
    assert audio_files() == []
    spoken()
    speak_to_the_end(the_engine)
    assert spoken()[0] == "Good morning."


def test_progress_does_not_fall_back_when_the_job_is_taken_up_again(half_spoken: Job, the_engine):
    claimed = claim()
    assert claimed.chars_done == len(FIRST)
    the_engine.gate.set()
    pipeline.run_job(claimed)
    claimed.refresh_from_db()
    assert (claimed.status, claimed.chars_done, claimed.refunded_microcredits) == ("completed", len(TEXT), 0)


# --- when it cannot ------------------------------------------------------------------------------


def test_a_version_that_cuts_the_text_elsewhere_begins_anew(half_spoken: Job, the_engine, spoken, monkeypatch):
    def split(self, text: str, *, text_format: str, language: str) -> Iterator[Piece]:
        yield Piece(FIRST, len(FIRST))
        yield Piece(SECOND, len(text) - len(FIRST))

    monkeypatch.setattr(the_engine, "split", split)
    spoken()
    speak_to_the_end(the_engine)
    assert spoken() == [FIRST.strip(), SECOND]
    half_spoken.refresh_from_db()
    assert (half_spoken.status, half_spoken.chars_done) == ("completed", len(TEXT))
    assert audio_files() == [f"{half_spoken.pk}-1.wav"]


@pytest.mark.parametrize("damage", ["gone", "cut", "other", "a bit", "of another job"])
def test_a_part_that_is_gone_or_damaged_is_spoken_again(account, half_spoken: Job, the_engine, spoken, damage: str):
    part = SpeechPart.objects.get()
    path = Path(store.audio_storage().get_address(part.key))
    match damage:
        case "gone":
            path.unlink()
        case "cut":
            path.write_bytes(path.read_bytes()[:-200])
        case "other":
            path.write_bytes(b"not a FLAC file")
        case "a bit":
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 1
            path.write_bytes(content)
        case "of another job":  # as long as this one
            with BytesIO(bytes(2 * sum(part.segment_samples))) as pcm, path.open("wb") as flac:
                size_bytes = len(pcm.getbuffer())
                pack_pcm(pcm, flac, size_bytes=size_bytes, rate_hertz=RATE_HERTZ)
    spoken()
    speak_to_the_end(the_engine)
    assert spoken()[:2] == ["SECONDS 7 of silence.", "Good morning to you all."]
    audio = stored(half_spoken)
    assert half_spoken.status == "completed"
    assert audio == whole(account, the_engine, TEXT)
    assert part_files() == []


def test_a_voice_that_sounds_different_by_now_begins_anew(account, half_spoken: Job, the_engine, spoken):
    Voice.objects.filter(voice_id=half_spoken.voice_id).update(sound_version="another model")
    spoken()
    speak_to_the_end(the_engine)
    assert spoken()[:2] == ["SECONDS 7 of silence.", "Good morning to you all."]
    assert stored(half_spoken) == whole(account, the_engine, TEXT)
    assert_charged_once(half_spoken)


class AwayStorage(LocalAudioStorage):
    """A store that is unavailable for reads."""

    def fetch(self, name: str, into: Any) -> None:
        raise StoreUnavailable


def test_a_store_that_is_away_gets_a_minute(half_spoken: Job, the_engine, spoken, settings):
    settings.STORAGES = settings.STORAGES | {
        "audio": settings.STORAGES["audio"] | {"BACKEND": f"{__name__}.AwayStorage"}
    }
    spoken()
    the_engine.gate.set()
    pipeline.run_job(claim())
    half_spoken.refresh_from_db()
    assert (half_spoken.status, half_spoken.attempt, half_spoken.chars_done) == ("pending", 1, len(FIRST))
    assert half_spoken.not_before is not None
    assert timedelta(seconds=50) < half_spoken.not_before - timezone.now() < timedelta(seconds=61)
    assert spoken() == []

    settings.STORAGES = settings.STORAGES | {
        "audio": settings.STORAGES["audio"] | {"BACKEND": "tts.storage.local.LocalAudioStorage"}
    }
    Job.objects.update(not_before=None)
    speak_to_the_end(the_engine)
    half_spoken.refresh_from_db()
    assert (half_spoken.status, half_spoken.attempt) == ("completed", 2)


def test_what_cannot_be_stored_is_spoken_again_and_nothing_else_happens(account, the_engine, monkeypatch):
    def fail(key: str, content: Any) -> None:
        raise StoreUnavailable

    monkeypatch.setattr(store, "save_file", fail)
    job = submit(account, TEXT)
    stop_at_the_gate(the_engine, claim())
    job.refresh_from_db()
    assert (job.status, job.attempt, job.chars_kept, job.chars_done) == ("pending", 0, 0, 0)
    assert SpeechPart.objects.filter(is_stored=True).count() == 0
    speak_to_the_end(the_engine)
    job.refresh_from_db()
    assert (job.status, job.attempt) == ("completed", 1)


def test_a_worker_that_lost_the_job_keeps_nothing_of_it(account, the_engine):
    job = submit(account, TEXT)
    first = claim()
    expire_lease(job)
    assert lifecycle.reclaim_dead_jobs() == 1
    second = claim()
    row = SpeechPart(job=first, attempt=1, begins=0, ends=1, chars=5, segment_samples=[1], fingerprint="x")
    assert store_part(row, ContentFile(b"late").open()) is False
    assert (SpeechPart.objects.count(), audio_files()) == (0, [])
    assert second.chars_kept == 0


# --- money ---------------------------------------------------------------------------------------


def test_a_job_cancelled_between_two_attempts_pays_for_what_was_synthesised(account, api, half_spoken: Job):
    data = api.delete(f"/api/v1/tts/{half_spoken.pk}").json()["data"]
    price = half_spoken.cost_microcredits // half_spoken.chars_charged
    assert (data["status"], data["refunded"]) == ("cancelled", False)
    half_spoken.refresh_from_db()
    assert half_spoken.refunded_microcredits == (len(TEXT) - len(FIRST)) * price
    assert [kind for kind, _ in entries_of(half_spoken)] == ["charge", "refund"]
    assert len(part_files()) == 1
    assert sweep().deleted_parts == 1  # no worker has it
    assert (part_files(), SpeechPart.objects.count()) == ([], 0)
    assert sweep().deleted_parts == 0


def test_a_job_cancelled_while_its_second_attempt_speaks_pays_for_no_less(account, api, half_spoken: Job, the_engine):
    claimed = claim()
    with Background(lambda: pipeline.run_job(claimed)) as worker:
        assert the_engine.reached.wait(10)
        assert Job.objects.get(pk=claimed.pk).chars_done >= len(FIRST)
        api.delete(f"/api/v1/tts/{half_spoken.pk}")
        wait_for(lambda: not worker.is_running, "the worker to notice", seconds=10)
    half_spoken.refresh_from_db()
    assert len(FIRST) <= half_spoken.chars_done < len(TEXT)
    price = half_spoken.cost_microcredits // half_spoken.chars_charged
    assert half_spoken.refunded_microcredits == (len(TEXT) - half_spoken.chars_done) * price
    assert audio_files() == []  # the worker took the parts away


# --- what is erased when -------------------------------------------------------------------------


def test_parts_are_erased_with_the_account_that_leaves(account, half_spoken: Job):
    assert len(part_files()) == 1
    lifecycle.cancel_job(account=account, job_id=half_spoken.pk)
    half_spoken.refresh_from_db()
    lifecycle.erase_job(job=half_spoken)
    assert (audio_files(), SpeechPart.objects.count()) == ([], 0)


@pytest.mark.parametrize("ending", ["cancelled", "completed", "failed"])
def test_what_a_killed_worker_left_in_the_spool_goes_with_the_job(account, api, the_engine, ending: str):
    job = submit(account, "GATE to wait for. The end.")
    claim()
    settings.SPOOL_DIR.mkdir(exist_ok=True)
    for name in (f"{job.pk}-1.wav", f"{job.pk}-1.wav.marks"):
        (settings.SPOOL_DIR / name).write_bytes(b"speech")
    expire_lease(job)
    lifecycle.reclaim_dead_jobs()
    match ending:
        case "cancelled":
            assert api.delete(f"/api/v1/tts/{job.pk}").status_code == 200
        case "completed":
            speak_to_the_end(the_engine)
        case "failed":
            assert lifecycle.fail_job(job=claim(), message="It failed.")
    job.refresh_from_db()
    assert (job.status, spool_files()) == (ending, [])


def test_a_job_given_up_leaves_its_parts_to_the_sweeper(account, half_spoken: Job):
    Job.objects.update(status="processing", attempt=3, lease_expires_at=timezone.now() - timedelta(seconds=1))
    swept = sweep()
    assert (swept.reclaimed_jobs, swept.deleted_parts) == (1, 1)
    assert (audio_files(), SpeechPart.objects.count()) == ([], 0)
    half_spoken.refresh_from_db()
    assert (half_spoken.status, half_spoken.refunded_microcredits) == ("failed", half_spoken.cost_microcredits)


def test_a_row_whose_object_may_still_come_outlives_the_job_by_an_hour(account, half_spoken: Job):
    part = SpeechPart.objects.get()
    SpeechPart.objects.update(is_stored=False)
    lifecycle.cancel_job(account=account, job_id=half_spoken.pk)
    assert sweep().deleted_parts == 0
    SpeechPart.objects.update(created_at=timezone.now() - UNSTORED_FOR - timedelta(seconds=1))
    assert sweep().deleted_parts == 1
    assert (audio_files(), SpeechPart.objects.filter(pk=part.pk).count()) == ([], 0)


def test_parts_of_jobs_that_run_or_wait_stay(account, half_spoken: Job):
    SpeechPart.objects.update(created_at=timezone.now() - UNSTORED_FOR - timedelta(days=1))
    assert sweep().deleted_parts == 0
    Job.objects.update(status="processing", lease_expires_at=timezone.now() + timedelta(minutes=1))
    assert sweep().deleted_parts == 0
    assert len(part_files()) == 1


# --- real processes ------------------------------------------------------------------------------


@pytest.mark.parametrize("output_format", ["wav", "mp3"])
def test_a_worker_process_that_is_told_to_stop_hands_a_long_job_on(
    account, the_engine, spoken, tmp_path: Path, output_format: str
):
    text = f"{FIRST * 3}HOLD on. {SECOND}"
    in_one_go = whole(account, the_engine, text, output_format=output_format)
    hold_file(tmp_path).touch()
    job = submit(account, text, output_format=output_format)
    spoken()
    with celery_worker(tmp_path) as first:
        wait_for(lambda: "HOLD on." in spoken_log(tmp_path).read_text(), "the job to be held", seconds=90)
        first.send_signal(signal.SIGTERM)
        assert first.wait(10) == 0
    job.refresh_from_db()
    assert (job.status, job.attempt, job.chars_kept) == ("pending", 0, len(FIRST * 3))
    hold_file(tmp_path).unlink()
    spoken()
    with celery_worker(tmp_path):
        wait_for_status(job, "completed", seconds=90)
        wait_for(lambda: part_files() == [], "the parts to be deleted")
    assert spoken() == ["HOLD on.", "This is said afterwards.", "And this is the end."]
    assert stored(job) == in_one_go
    assert (job.attempt, job.chars_done) == (1, len(text))
    assert audio_files() == sorted(Path(done.audio_key).name for done in Job.objects.all())
    assert_charged_once(job)


def test_a_worker_process_that_is_killed_loses_only_what_came_after_the_last_part(
    account, the_engine, spoken, tmp_path: Path
):
    """33 MB of samples are a part, however soon they come."""
    long_silence = f"SECONDS 200 {'and so on ' * 40}. "
    text = f"{long_silence * 4}HOLD on. {SECOND}"
    hold_file(tmp_path).touch()
    job = submit(account, text, output_format="mp3")
    with celery_worker(tmp_path, JOB_LEASE_SECONDS="2") as first:
        wait_for(lambda: SpeechPart.objects.filter(is_stored=True).exists(), "a part to be kept", seconds=120)
        wait_for(lambda: "HOLD on." in spoken_log(tmp_path).read_text(), "the job to be held", seconds=90)
        first.send_signal(signal.SIGKILL)
        first.wait(10)
    hold_file(tmp_path).unlink()
    assert [line.split()[0] for line in spoken()] == ["SECONDS"] * 4 + ["HOLD"]
    wait_for(lambda: Job.objects.filter(lease_expires_at__lt=timezone.now()).exists(), "the lease to end", seconds=10)
    with celery_worker(tmp_path):
        wait_for_status(job, "completed", seconds=90)
        wait_for(lambda: part_files() == [], "the parts to be deleted")
    assert [line.split()[0] for line in spoken()] == ["HOLD", "This", "And"]
    assert (job.attempt, job.duration_ms > 800_000) == (2, True)
    assert_charged_once(job)

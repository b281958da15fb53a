"""The sweeper: picks up what was dropped, forgets what is past its time, and may come as often as it likes."""

import json
import os
import time
from datetime import timedelta
from io import StringIO

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.utils import timezone

from accounts.models import IdempotencyRecord
from tests.factories import make_account, make_job
from tests.support.workers import (
    QUEUE,
    REFUNDED,
    audio_files,
    entries_of,
    expire_lease,
    ledger_adds_up,  # noqa: F401
    race,
    spool_files,
    submit,
)
from tts.models import Job, JobStatus
from tts.services import lifecycle
from tts.services.lifecycle import ENGINE_REMOVED_MESSAGE, GAVE_UP_MESSAGE
from tts.services.sweep import SPOOL_MAX_AGE_SECONDS, Sweep, sweep
from tts.storage import store

NOTHING = Sweep(0, 0, 0, 0, 0, 0, 0, 0, 0)


@pytest.fixture(autouse=True)
def _voices(voices: None) -> None:
    """Every test here submits jobs."""


def claim() -> Job:
    job = lifecycle.claim_next_job(queue=QUEUE)
    assert job is not None
    return job


def test_there_is_nothing_to_do_when_all_is_well(account):
    running = submit(account)
    claim()
    make_job(account, status=JobStatus.COMPLETED, finished_at=timezone.now())
    assert sweep() == NOTHING
    running.refresh_from_db()
    assert (running.status, running.attempt) == ("processing", 1)


def test_a_job_of_a_dead_worker_goes_back_and_the_attempt_counts(account):
    job = submit(account)
    claim()
    Job.objects.filter(pk=job.pk).update(chars_done=5)
    expire_lease(job)

    swept = sweep()

    assert (swept.reclaimed_jobs, swept.woken_queues) == (1, 1)
    job.refresh_from_db()
    assert (job.status, job.attempt, job.chars_done, job.lease_expires_at) == ("pending", 1, 0, None)
    assert sweep().reclaimed_jobs == 0


def test_a_job_whose_workers_died_three_times_fails_is_refunded_once_and_leaves_no_audio(account, api):
    job = submit(account)
    for attempt in (1, 2, 3):
        assert claim().attempt == attempt
        store.audio_storage().save(store.audio_key(job, attempt), ContentFile(b"RIFF"))
        expire_lease(job)
        assert sweep().reclaimed_jobs == 1
    assert sweep() == NOTHING

    data = api.get(f"/api/v1/tts/{job.pk}").json()["data"]
    message = f"{GAVE_UP_MESSAGE.format(attempts=3)} {REFUNDED}"
    assert (data["status"], data["refunded"]) == ("failed", True)
    assert data["error"] == {"code": "GENERATION_FAILED", "message": message}
    assert entries_of(job) == [("charge", -job.cost_microcredits), ("refund", job.cost_microcredits)]
    assert audio_files() == []


def test_a_job_whose_engine_was_removed_fails_and_is_refunded_once(account, settings):
    job, running = submit(account), submit(account)
    Job.objects.filter(pk=running.pk).update(
        status=JobStatus.PROCESSING, lease_expires_at=timezone.now() + timedelta(1)
    )
    settings.SPEECH_ENGINES = {"other": settings.SPEECH_ENGINES["espeak"]}

    assert sweep().stranded_jobs == 1
    assert sweep() == NOTHING

    job.refresh_from_db()
    assert (job.status, job.error_message) == ("failed", f"{ENGINE_REMOVED_MESSAGE} {REFUNDED}")
    assert entries_of(job) == [("charge", -job.cost_microcredits), ("refund", job.cost_microcredits)]
    running.refresh_from_db()
    assert running.status == "processing"  # whoever has it finishes it


def test_each_queue_in_which_something_waits_is_woken_once(account):
    for queue in ("speech.espeak", "speech.espeak", "speech.other"):
        make_job(account, queue=queue)
    make_job(account, queue="speech.idle", status=JobStatus.COMPLETED)
    assert sweep().woken_queues == 2
    assert sweep().woken_queues == 2  # as long as it waits


def test_answers_are_forgotten_after_24_hours_and_not_before(account):
    now = timezone.now()
    for key, age in (("fresh", timedelta(hours=23, minutes=59)), ("old", timedelta(hours=24, seconds=1))):
        IdempotencyRecord.objects.create(
            account=account, key=key, fingerprint="f", response_body=b"", created_at=now - age
        )
    assert sweep().forgotten_requests == 1
    assert [row.key for row in IdempotencyRecord.objects.all()] == ["fresh"]


def test_old_spool_files_go_and_fresh_ones_stay(settings):
    settings.SPOOL_DIR.mkdir()
    for name, age_seconds in (("fresh.wav", 60), ("old.wav", SPOOL_MAX_AGE_SECONDS + 60), ("old.mp3", 10**6)):
        path = settings.SPOOL_DIR / name
        path.write_bytes(b"RIFF")
        os.utime(path, (time.time() - age_seconds,) * 2)

    assert sweep().removed_spool_files == 2
    assert spool_files() == ["fresh.wav"]


def test_several_sweeps_at_once_do_everything_exactly_once(account, settings):
    settings.SPOOL_DIR.mkdir()
    for number in range(30):
        path = settings.SPOOL_DIR / f"{number}.wav"
        path.touch()
        os.utime(path, (0, 0))
    long_ago = timezone.now() - timedelta(days=400)
    for number in range(10):
        IdempotencyRecord.objects.create(
            account=account, key=str(number), fingerprint="f", response_body=b"", created_at=long_ago
        )
        make_job(account, status=JobStatus.COMPLETED, finished_at=long_ago)
    for _ in range(4):
        job = submit(make_account("Globex"))
        claim()
        expire_lease(job)

    sweeps = race(*[sweep] * 4)

    assert all(isinstance(sweep, Sweep) for sweep in sweeps), sweeps
    assert sum(sweep.reclaimed_jobs for sweep in sweeps) == 4
    assert sum(sweep.removed_spool_files for sweep in sweeps) == 30
    assert sum(sweep.forgotten_requests for sweep in sweeps) == 10
    assert spool_files() == []
    assert not IdempotencyRecord.objects.exists()
    assert Job.objects.filter(text="", erased_at__isnull=False).count() == 10
    assert Job.objects.filter(status="pending").count() == 4
    assert sweep() == Sweep(0, 0, 1, 0, 0, 0, 0, 0, 0)  # what waits is woken again


def test_the_operators_command_does_the_same_and_reports_it(account):
    job = submit(account)
    claim()
    expire_lease(job)
    output = StringIO()
    call_command("sweep_jobs", "--json", stdout=output)
    assert json.loads(output.getvalue()) == {
        "reclaimed_jobs": 1,
        "stranded_jobs": 0,
        "woken_queues": 1,
        "erased_jobs": 0,
        "forgotten_requests": 0,
        "forgotten_counters": 0,
        "removed_spool_files": 0,
        "forgotten_auditions": 0,
        "unserved_jobs": 0,
    }

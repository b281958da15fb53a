"""Real worker processes, and the bad days they have."""

import signal
import time
from pathlib import Path

import pytest
from django.utils import timezone

from accounts.models import Account
from tests.factories import make_account
from tests.support.waiting import wait_for
from tests.support.workers import (
    QUEUE,
    assert_charged_once,
    assert_failed_and_refunded,
    audio_files,
    celery_worker,
    expire_lease,
    hold_file,
    ledger_adds_up,  # noqa: F401
    lose_all_messages,
    own_queue,  # noqa: F401
    spool_files,
    submit,
    wait_for_status,
    work_once,
)
from tts.models import Job
from tts.queue import wake_worker
from tts.services import lifecycle
from tts.services.sweep import sweep
from tts.tasks import speak_next


@pytest.fixture(autouse=True)
def _prepared(voices: None, own_queue: None) -> None:  # noqa: F811
    """The worker processes share this test's database, queue, spool and store."""


def test_a_job_survives_the_sigkill_of_its_worker_and_the_loss_of_every_message(account, tmp_path: Path):
    hold_file(tmp_path).touch()
    job = submit(account, "HOLD on. And then this.")
    with celery_worker(tmp_path, JOB_LEASE_SECONDS="1") as first:
        wait_for_status(job, "processing")
        wait_for(spool_files, "the first attempt to write")
        first.send_signal(signal.SIGKILL)
        assert first.wait(10) == -signal.SIGKILL
    waiting = submit(account, "I wait.")
    hold_file(tmp_path).unlink()
    lose_all_messages(tmp_path)
    lease_is_over = job.lease_expires_at
    assert lease_is_over is not None

    wait_for(lambda: timezone.now() > lease_is_over, "the lease to end")
    with celery_worker(tmp_path) as second:  # it sweeps when it starts
        wait_for_status(waiting, "completed")
        wait_for_status(job, "completed")
        assert job.attempt == 2
        assert job.finished_at is not None and job.finished_at > lease_is_over

        # The folder is deleted under a worker that waits for messages: the next one still gets through.
        lose_all_messages(tmp_path)
        third = submit(account, "The folder is new.")
        wait_for_status(third, "completed")
        assert second.poll() is None

    assert audio_files() == sorted([f"{job.pk}-2.wav", f"{waiting.pk}-1.wav", f"{third.pk}-1.wav"])
    for row in (job, waiting, third):
        assert_charged_once(row)


def test_a_worker_told_to_stop_gives_its_jobs_back_uncounted_and_is_gone_within_five_seconds(account, tmp_path: Path):
    hold_file(tmp_path).touch()
    jobs = [submit(account, "HOLD on. And then this.") for _ in range(3)]  # one more than it speaks at once
    with celery_worker(tmp_path, concurrency=2) as worker:
        for job in jobs[:2]:
            wait_for_status(job, "processing")
            wake_worker(QUEUE)
        started = time.monotonic()
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(10) == 0
        assert time.monotonic() - started < 5

    for job in jobs:
        job.refresh_from_db()
        assert (job.status, job.attempt, job.lease_expires_at) == ("pending", 0, None)
        assert_charged_once(job)
    assert (audio_files(), spool_files()) == ([], [])

    speak_next(QUEUE)  # by the true engine, to which HOLD is a word
    for job in jobs:
        job.refresh_from_db()
        assert (job.status, job.attempt) == ("completed", 1)
    assert audio_files() == sorted(f"{job.pk}-1.wav" for job in jobs)


def test_a_worker_killed_after_the_upload_and_before_completion_leaves_one_audio_and_one_charge(
    account, tmp_path: Path
):
    job = submit(account)
    assert work_once(tmp_path, "--die-before-completion")[0] == -signal.SIGKILL
    job.refresh_from_db()
    assert (job.status, job.attempt) == ("processing", 1)
    assert (audio_files(), spool_files()) == ([f"{job.pk}-1.wav"], [])

    expire_lease(job)
    assert sweep().reclaimed_jobs == 1
    speak_next(QUEUE)

    job.refresh_from_db()
    assert (job.status, job.attempt) == ("completed", 2)
    assert audio_files() == [f"{job.pk}-2.wav"]
    assert_charged_once(job)


def test_a_text_that_kills_its_worker_three_times_fails_and_is_refunded_once(account, tmp_path: Path, settings):
    job = submit(account, "A good start. KILL the worker now.")
    for attempt in (1, 2, 3):
        assert work_once(tmp_path)[0] == -signal.SIGKILL
        job.refresh_from_db()
        assert (job.status, job.attempt) == ("processing", attempt)
        expire_lease(job)

    assert sweep().reclaimed_jobs == 1
    assert lifecycle.claim_next_job(queue=QUEUE) is None

    for path in settings.SPOOL_DIR.glob("*"):  # what the killed ones were writing: for the sweeper, in an hour
        assert path.name.startswith(str(job.pk))
        path.unlink()
    assert_failed_and_refunded(job)
    assert job.attempt == 3


def test_a_short_text_does_not_wait_behind_another_accounts_hundred(account, tmp_path: Path):
    hold_file(tmp_path).touch()
    hundred = [submit(account, "HOLD on.") for _ in range(100)]
    with celery_worker(tmp_path, concurrency=3, WORKER_CONCURRENCY="2"):
        wait_for(lambda: running(account) == 2, "the worker to have as many of them as it speaks at once")
        short = submit(make_account("Globex"), "A word.")
        wait_for_status(short, "completed")

        assert short.attempt == 1
        assert running(account) == 2  # the slot that is kept for others stays free
        assert Job.objects.filter(pk__in=[job.pk for job in hundred], status="pending").count() == 98


def running(account: Account) -> int:
    return Job.objects.for_account(account).filter(status="processing").count()

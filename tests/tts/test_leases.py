"""A worker and its lease: kept while there is work, noticed when lost, and useless afterwards."""

import logging
import time
from dataclasses import asdict
from datetime import datetime, timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from tests.support.waiting import wait_for
from tests.support.workers import (
    QUEUE,
    Background,
    assert_charged_once,
    audio_files,
    entries_of,
    expire_lease,
    ledger_adds_up,  # noqa: F401
    scripted_engine,  # noqa: F401
    spool_files,
    submit,
    wait_for_status,
)
from tts.models import Job
from tts.services import lifecycle
from tts.services.sweep import sweep
from tts.stopping import worker_is_stopping
from tts.storage import store
from tts.timing import Progress
from tts.worker import pipeline
from tts.worker.lease import Lease

TWO_SEGMENTS_THEN_A_GATE = "This is the first sentence. And a second one. GATE here it waits. This is the end."


@pytest.fixture(autouse=True)
def the_engine(voices: None, scripted_engine):  # noqa: F811
    return scripted_engine


def claim() -> Job:
    job = lifecycle.claim_next_job(queue=QUEUE)
    assert job is not None
    return job


def lease_of(job: Job) -> datetime:
    expires_at = Job.objects.values_list("lease_expires_at", flat=True).get(pk=job.pk)
    assert expires_at is not None
    return expires_at


def test_the_lease_is_renewed_and_the_progress_rises_while_the_work_goes_on(account, api, the_engine, settings):
    settings.JOB_LEASE_SECONDS = 1
    job = submit(account, TWO_SEGMENTS_THEN_A_GATE)
    seen = []

    def progress() -> int:
        data = api.get(f"/api/v1/tts/{job.pk}").json()["data"]
        seen.append((data["status"], data["progress"]))
        return int(data["progress"])

    assert progress() == 0
    claimed = claim()
    first_lease = lease_of(job)
    with Background(lambda: pipeline.run_job(claimed)):
        wait_for(progress, "progress to be seen")
        assert lease_of(job) > first_lease
        # Far past the first lease, and still nobody may take the job.
        wait_for(lambda: lease_of(job) > first_lease + timedelta(seconds=1), "the lease to be renewed")
        assert sweep().reclaimed_jobs == 0
        progress()
        the_engine.gate.set()
    assert progress() == 100

    numbers = [number for _, number in seen]
    assert numbers == sorted(numbers)
    assert {status for status, number in seen if 0 < number < 100} == {"processing"}
    spoken = len("This is the first sentence. And a second one. ")
    assert any(spoken * 100 // job.chars_charged <= number < 100 for number in numbers)
    job.refresh_from_db()
    assert (job.status, job.attempt, job.lease_expires_at) == ("completed", 1, None)
    assert_charged_once(job)


def test_minutes_done_and_left_follow_from_the_pace_so_far(account, monkeypatch):
    job = submit(account, "x" * 1000)
    lease, now = Lease(job), time.monotonic()
    monkeypatch.setattr("tts.worker.lease.time.monotonic", lambda: now)
    assert lease.progress() == Progress(chars_done=0)  # the model is loaded
    now += 20
    lease.chars_done, lease.audio_ms_done = 100, 8_000
    assert lease.progress() == Progress(chars_done=100, audio_ms_done=8_000)  # one look tells no pace
    now += 10
    lease.chars_done, lease.audio_ms_done = 200, 15_000
    progress = lease.progress()
    assert progress.audio_ms_done == 15_000
    assert progress.seconds_left == pytest.approx(80)

    claimed = claim()
    before = timezone.now()
    assert lifecycle.renew_lease(job=claimed, **asdict(progress))
    row = Job.objects.get(pk=job.pk)
    assert (row.chars_done, row.audio_ms_done) == (200, 15_000)
    assert row.expected_finish_at is not None
    assert 79 < (row.expected_finish_at - before).total_seconds() < 85
    lifecycle.release_job(job=claimed)
    row = Job.objects.get(pk=job.pk)
    assert (row.audio_ms_done, row.expected_finish_at) == (0, None)


def test_a_lease_shorter_than_a_heartbeat_is_renewed_in_time(account, the_engine, settings, monkeypatch):
    settings.JOB_LEASE_SECONDS = 1
    monkeypatch.setattr("tts.worker.lease.HEARTBEAT_SECONDS", 60.0)
    job = submit(account, "GATE until the lease was renewed.")
    claimed = claim()
    first_lease = lease_of(job)
    with Background(lambda: pipeline.run_job(claimed)):
        wait_for(lambda: lease_of(job) > first_lease, "the lease to be renewed", seconds=10)
        the_engine.gate.set()


def test_a_worker_whose_lease_was_taken_over_stops_and_leaves_nothing(account, the_engine, settings):
    settings.JOB_LEASE_SECONDS = 1
    job = submit(account, "GATE until somebody else has the job.")
    first = claim()
    with Background(lambda: pipeline.run_job(first)) as worker:
        assert the_engine.reached.wait(10)
        expire_lease(job)
        Job.objects.filter(pk=job.pk).update(status="pending", lease_expires_at=None)  # as the sweeper does
        settings.JOB_LEASE_SECONDS = 60
        second = claim()
        wait_for(lambda: not worker.is_running, "the first worker to stop", seconds=10)

    job.refresh_from_db()
    assert (second.attempt, job.status, job.attempt) == (2, "processing", 2)
    assert (audio_files(), spool_files()) == ([], [])

    the_engine.gate.set()
    pipeline.run_job(second)
    job.refresh_from_db()
    assert (job.status, job.audio_key) == ("completed", store.audio_key(job, 2))
    assert audio_files() == [f"{job.pk}-2.wav"]
    assert_charged_once(job)


def test_a_worker_that_finishes_after_it_was_given_up_changes_nothing_and_its_audio_goes(account, the_engine):
    job = submit(account, "GATE until somebody else has the job.")
    first = claim()
    with Background(lambda: pipeline.run_job(first)):  # a lease of 30 s: it notices nothing until it completes
        assert the_engine.reached.wait(10)
        expire_lease(job)
        assert sweep().reclaimed_jobs == 1
        second = claim()
        the_engine.gate.set()

    job.refresh_from_db()
    assert (job.status, job.attempt, job.audio_key) == ("processing", 2, "")
    assert (audio_files(), spool_files()) == ([], [])
    assert not lifecycle.complete_job(job=first, audio_key="stolen.wav", audio_bytes=1, duration_ms=1)
    assert not lifecycle.fail_job(job=first, message="No.")
    assert not lifecycle.renew_lease(job=first, chars_done=7)
    lifecycle.retry_or_fail_job(job=first, message="No.")
    lifecycle.release_job(job=first)
    job.refresh_from_db()
    assert (job.status, job.attempt, job.chars_done, job.audio_key) == ("processing", 2, 0, "")
    assert_charged_once(job)

    pipeline.run_job(second)
    assert audio_files() == [f"{job.pk}-2.wav"]


def test_a_cancelled_job_stops_the_synthesis(account, api, the_engine, settings):
    settings.JOB_LEASE_SECONDS = 3
    job = submit(account, "GATE for ever.")
    claimed = claim()
    with Background(lambda: pipeline.run_job(claimed)) as worker:
        assert the_engine.reached.wait(10)
        response = api.delete(f"/api/v1/tts/{job.pk}")
        assert (response.status_code, response.json()["data"]["status"]) == (200, "cancelled")
        wait_for(lambda: not worker.is_running, "the synthesis to stop", seconds=10)
        assert not the_engine.gate.is_set()

    job.refresh_from_db()
    assert (job.status, job.refunded_microcredits) == ("cancelled", job.cost_microcredits)
    assert entries_of(job) == [("charge", -job.cost_microcredits), ("refund", job.cost_microcredits)]
    assert (audio_files(), spool_files()) == ([], [])


def test_what_was_spoken_before_a_cancellation_stays_paid(account, api, the_engine, settings):
    settings.JOB_LEASE_SECONDS = 1
    job = submit(account, TWO_SEGMENTS_THEN_A_GATE)
    claimed = claim()
    with Background(lambda: pipeline.run_job(claimed)):
        wait_for(lambda: Job.objects.get(pk=job.pk).chars_done >= 46, "two sentences to be reported")
        data = api.delete(f"/api/v1/tts/{job.pk}").json()["data"]

    price = job.cost_microcredits // job.chars_charged
    assert (data["status"], data["refunded"]) == ("cancelled", False)
    job.refresh_from_db()
    assert 46 <= job.chars_done < job.chars_charged  # and what the third has said so far
    assert job.refunded_microcredits == (job.chars_charged - job.chars_done) * price
    assert entries_of(job)[1:] == [("refund", job.refunded_microcredits)]
    assert (audio_files(), spool_files()) == ([], [])


class DatabaseOutage:
    """While it lasts, whoever else writes to the jobs gets an error from the database itself."""

    def __enter__(self) -> "DatabaseOutage":
        self._options = connection.settings_dict["OPTIONS"]
        self._timeout_before = self._options.get("timeout")
        if connection.vendor == "sqlite":
            self._options["timeout"] = 0.05  # of connections opened from now on: "database is locked"
        self._transaction = transaction.atomic()
        self._transaction.__enter__()
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("LOCK TABLE tts_job IN EXCLUSIVE MODE")
        return self

    def __exit__(self, *error: object) -> None:
        self._transaction.__exit__(None, None, None)
        if connection.vendor == "sqlite":
            self._options["timeout"] = self._timeout_before

    def strike(self) -> None:
        """PostgreSQL ends the sessions that wait for us, as it does when an administrator stops it."""
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks"
                    " WHERE NOT granted AND relation = 'tts_job'::regclass"
                )


def test_a_database_that_is_away_for_a_moment_does_not_cost_the_job(account, the_engine, settings, caplog):
    settings.JOB_LEASE_SECONDS = 6
    caplog.set_level(logging.WARNING, logger="tts.worker.pipeline")
    job = submit(account, TWO_SEGMENTS_THEN_A_GATE)
    claimed = claim()
    first_lease = lease_of(job)
    with Background(lambda: pipeline.run_job(claimed)):
        with DatabaseOutage() as outage:

            def heartbeat_failed() -> bool:
                outage.strike()
                return "the lease could not be renewed" in caplog.text

            wait_for(heartbeat_failed, "the heartbeat to fail", seconds=10)
        wait_for(lambda: lease_of(job) > first_lease, "the lease to be renewed", seconds=10)
        the_engine.gate.set()

    job.refresh_from_db()
    assert (job.status, job.attempt) == ("completed", 1)
    assert audio_files() == [f"{job.pk}-1.wav"]
    assert_charged_once(job)


def test_a_worker_that_cannot_renew_its_lease_in_time_stops(account, the_engine, settings):
    """Somebody else has the job by then."""
    settings.JOB_LEASE_SECONDS = 1
    job = submit(account, "GATE for ever.")
    claimed = claim()
    with Background(lambda: pipeline.run_job(claimed)) as worker:
        assert the_engine.reached.wait(10)
        with DatabaseOutage() as outage:

            def stopped() -> bool:
                outage.strike()
                return not worker.is_running

            wait_for(stopped, "the worker to stop", seconds=10)

    job.refresh_from_db()
    assert (job.status, job.attempt) == ("processing", 1)
    assert lease_of(job) < timezone.now()
    assert (audio_files(), spool_files()) == ([], [])
    assert_charged_once(job)


@pytest.mark.parametrize("stop_at", ["between chunks", "before the first chunk"])
def test_a_worker_that_is_told_to_stop_gives_the_job_back_uncounted(account, the_engine, stop_at):
    job = submit(account, "GATE until the worker stops.")
    claimed = claim()
    if stop_at == "before the first chunk":
        worker_is_stopping.set()
    try:
        with Background(lambda: pipeline.run_job(claimed)) as worker:
            if stop_at == "between chunks":
                assert the_engine.reached.wait(10)
                worker_is_stopping.set()
            wait_for(lambda: not worker.is_running, "the worker to give the job back", seconds=5)
    finally:
        worker_is_stopping.clear()

    wait_for_status(job, "pending", seconds=5)
    assert (job.attempt, job.lease_expires_at, job.chars_done) == (0, None, 0)
    assert (audio_files(), spool_files()) == ([], [])
    the_engine.gate.set()
    pipeline.run_job(claim())
    job.refresh_from_db()
    assert (job.status, job.attempt) == ("completed", 1)
    assert audio_files() == [f"{job.pk}-1.wav"]
    assert_charged_once(job)

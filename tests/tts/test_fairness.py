"""Whose turn it is: the account with the fewest running jobs, then the oldest; and never two workers for one job."""

from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.factories import make_account, make_job
from tests.support.workers import (
    QUEUE,
    expire_lease,
    ledger_adds_up,  # noqa: F401
    race,
)
from tts.models import Job, JobStatus
from tts.services import lifecycle

NOW = timezone.now()


def at(seconds: float):
    return NOW + timedelta(seconds=seconds)


def claim() -> Job:
    job = lifecycle.claim_next_job(queue=QUEUE)
    assert job is not None
    return job


def test_a_queue_without_jobs_gives_none(account):
    make_job(account, queue="speech.other")
    make_job(account, status=JobStatus.COMPLETED)
    assert lifecycle.claim_next_job(queue=QUEUE) is None


def test_one_accounts_hundred_do_not_make_anothers_single_job_wait():
    acme, globex = make_account("Acme"), make_account("Globex")
    hundred = [make_job(acme, created_at=at(number)) for number in range(100)]
    single = make_job(globex, created_at=at(500))

    claimed = [claim().pk for _ in range(4)]

    assert claimed == [hundred[0].pk, single.pk, hundred[1].pk, hundred[2].pk]


def test_the_order_is_fewest_running_first_and_oldest_first_among_equals():
    acme, globex, initech = make_account("Acme"), make_account("Globex"), make_account("Initech")
    a = [make_job(acme, created_at=at(number)) for number in (1, 2, 3)]
    g = [make_job(globex, created_at=at(number)) for number in (4, 5)]
    i = [make_job(initech, created_at=at(number)) for number in (0.5, 6)]

    order = [claim().pk for _ in range(7)]

    assert order == [job.pk for job in (i[0], a[0], g[0], a[1], g[1], i[1], a[2])]
    assert lifecycle.claim_next_job(queue=QUEUE) is None


def test_a_finished_job_gives_its_account_its_place_back():
    acme, globex = make_account("Acme"), make_account("Globex")
    first = make_job(acme, created_at=at(1))
    second = make_job(acme, created_at=at(2))
    third = make_job(globex, created_at=at(3))
    fourth = make_job(globex, created_at=at(4))
    assert [claim().pk, claim().pk] == [first.pk, third.pk]

    lifecycle.complete_job(job=Job.objects.get(pk=third.pk), audio_key="k", audio_bytes=1, duration_ms=1)

    assert [claim().pk, claim().pk] == [fourth.pk, second.pk]


def test_jobs_that_run_in_other_queues_count_and_jobs_that_wait_there_stay():
    acme, globex = make_account("Acme"), make_account("Globex")
    make_job(acme, queue="speech.other", status=JobStatus.PROCESSING, attempt=1, lease_expires_at=at(60))
    waiting_elsewhere = make_job(acme, queue="speech.other", created_at=at(0))
    make_job(acme, created_at=at(1))
    of_globex = make_job(globex, created_at=at(2))

    assert claim().pk == of_globex.pk
    claim()
    assert lifecycle.claim_next_job(queue=QUEUE) is None
    waiting_elsewhere.refresh_from_db()
    assert (waiting_elsewhere.status, waiting_elsewhere.attempt) == ("pending", 0)


def test_a_claim_takes_a_lease_counts_the_attempt_and_remembers_the_first_start(account, settings):
    make_job(account)
    before = timezone.now()

    first = claim()

    lease = timedelta(seconds=settings.JOB_LEASE_SECONDS)
    assert (first.status, first.attempt, first.chars_done) == ("processing", 1, 0)
    assert first.lease_expires_at is not None
    assert before + lease <= first.lease_expires_at <= timezone.now() + lease
    assert first.started_at is not None
    assert before <= first.started_at <= timezone.now()
    expire_lease(first)
    assert lifecycle.reclaim_dead_jobs() == 1
    second = claim()
    assert (second.attempt, second.started_at) == (2, first.started_at)


def test_threads_that_claim_from_one_queue_never_get_the_same():
    accounts = [make_account(name) for name in ("Acme", "Globex", "Initech")]
    expected = {make_job(accounts[number % 3]).pk for number in range(60)}

    def claim_all() -> list[tuple[UUID, int]]:
        mine = []
        while (job := lifecycle.claim_next_job(queue=QUEUE)) is not None:
            mine.append((job.pk, job.attempt))
        return mine

    claimed = [pair for pairs in race(*[claim_all] * 12) for pair in pairs]

    assert len(claimed) == 60
    assert Counter(claimed) == Counter((pk, 1) for pk in expected)


def test_claiming_from_a_thousand_reads_the_index_of_what_waits_and_asks_four_questions(account):
    others = [make_account(f"Account {number}") for number in range(20)]
    template = make_job(account)
    fields = {
        field.attname: getattr(template, field.attname)
        for field in Job._meta.concrete_fields
        if field.attname not in {"id", "status", "account_id", "created_at"}
    }
    Job.objects.bulk_create(
        Job(account=others[number % 20], status=status, created_at=at(number), **fields)
        for status, count in ((JobStatus.PENDING, 1000), (JobStatus.COMPLETED, 4000))
        for number in range(count)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")

    with CaptureQueriesContext(connection) as captured:
        assert lifecycle.claim_next_job(queue=QUEUE) is not None

    statements = [query["sql"] for query in captured if query["sql"].startswith(("SELECT", "UPDATE"))]
    assert len(statements) == 4  # whose turn, which job, take it, read it
    explain = "EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN "
    for statement in statements[:2]:
        with connection.cursor() as cursor:
            cursor.execute(explain + statement)
            plan = "\n".join(str(row) for row in cursor.fetchall())
        # PostgreSQL may prefer the other index that holds nothing but unfinished jobs.
        assert "job_pending" in plan or "job_expected_bytes" in plan, plan


@pytest.mark.parametrize("moved_to", ["cancelled", "processing"])
def test_a_job_that_is_gone_between_look_and_claim_is_passed_over(account, moved_to, monkeypatch):
    gone, next_one = make_job(account, created_at=at(1)), make_job(account, created_at=at(2))
    duration = lifecycle.lease_duration

    def somebody_is_quicker():
        monkeypatch.setattr(lifecycle, "lease_duration", duration)
        Job.objects.filter(pk=gone.pk).update(status=moved_to, attempt=5, lease_expires_at=at(60))
        return duration()

    monkeypatch.setattr(lifecycle, "lease_duration", somebody_is_quicker)

    assert claim().pk == next_one.pk
    gone.refresh_from_db()
    assert (gone.status, gone.attempt) == (moved_to, 5)

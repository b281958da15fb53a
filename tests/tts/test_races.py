"""Requests and workers that come at the same moment: nothing is sold twice, given twice, lost or left half-done."""

import json
import threading
import time
from collections import Counter
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.models import Account, IdempotencyRecord, Plan
from accounts.services import idempotency
from billing.models import EntryKind, LedgerEntry
from billing.services.ledger import refund_job
from tests.conftest import ApiClient
from tests.factories import make_account, make_key
from tests.support.workers import (
    CREDIT,
    QUEUE,
    VOICE,
    Background,
    available,
    entries_of,
    expire_lease,
    ledger_adds_up,  # noqa: F401
    race,
    submit,
)
from tts.models import Job
from tts.services import lifecycle
from tts.services.sweep import sweep

ROUNDS = 8
ONE_CREDIT_TEXT = "a" * 1000


@pytest.fixture(autouse=True)
def everybody_may_come(voices: None) -> None:
    Plan.objects.create(code="crowd", name="Crowd", allows_api=True, generate_limit=10_000, read_limit=10_000)


def crowd(credits: int | str) -> tuple[Account, str]:
    account = make_account("Crowd", plan="crowd", credits=credits)
    return account, make_key(account)[1]


def post(key: str, text: str, idempotency_key: str | None = None):
    """As a client that is told to come again. Of two hundred at once some wait for a connection to PostgreSQL longer
    than a request may, on a slow machine: that is a 503, and nothing happened.
    """
    headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
    for _ in range(20):
        response = ApiClient(key).post("/api/v1/tts", {"text": text, "voice_id": VOICE}, headers=headers)
        if response.status_code != 503:
            break
    return response


def code_of(response) -> str:
    return str(json.loads(response.content)["error"]["code"])


# --- submissions ---------------------------------------------------------------------------------


def test_of_200_submissions_at_once_the_balance_pays_exactly_100():
    account, key = crowd(credits=100)

    responses = race(*[lambda: post(key, ONE_CREDIT_TEXT)] * 200)

    assert Counter(response.status_code for response in responses) == {202: 100, 402: 100}
    refusals = [response for response in responses if response.status_code == 402]
    assert {code_of(response) for response in refusals} == {"INSUFFICIENT_CREDITS"}
    assert {json.loads(r.content)["error"]["message"] for r in refusals} == {"Need 1.00 credits, have 0.00"}
    accepted = {json.loads(r.content)["data"]["job_id"] for r in responses if r.status_code == 202}
    assert {str(pk) for pk in Job.objects.values_list("pk", flat=True)} == accepted
    assert len(accepted) == 100
    assert available(account) == 0
    charges = LedgerEntry.objects.filter(account=account, kind=EntryKind.CHARGE)
    assert sorted(charges.values_list("balance_after_microcredits", flat=True)) == [n * CREDIT for n in range(100)]
    assert {str(pk) for pk in charges.values_list("job_id", flat=True)} == accepted


def test_50_racers_on_one_idempotency_key_make_one_job_and_one_charge():
    account, key = crowd(credits=100)

    responses = race(*[lambda: post(key, ONE_CREDIT_TEXT, "one")] * 50)

    statuses = Counter(response.status_code for response in responses)
    assert set(statuses) <= {202, 409}
    bodies = {response.content for response in responses if response.status_code == 202}
    assert len(bodies) == 1
    replays = [r for r in responses if r.status_code == 202 and r.headers.get("Idempotent-Replayed") == "true"]
    assert len(replays) == statuses[202] - 1  # all but the first
    assert {code_of(r) for r in responses if r.status_code == 409} <= {"REQUEST_IN_PROGRESS"}
    job = Job.objects.get()
    assert json.loads(bodies.pop())["data"]["job_id"] == str(job.pk)
    assert entries_of(job) == [("charge", -CREDIT)]
    assert available(account) == 99 * CREDIT


def test_racers_with_one_key_and_different_requests_make_one_job():
    account, key = crowd(credits=100)

    responses = race(*[partial(post, key, f"Text {n}.", "one") for n in range(12)])

    refused = [response for response in responses if response.status_code != 202]
    assert len(refused) == 11
    assert {code_of(response) for response in refused} <= {"IDEMPOTENCY_KEY_REUSE", "REQUEST_IN_PROGRESS"}
    assert Job.objects.count() == 1
    assert LedgerEntry.objects.filter(account=account, kind=EntryKind.CHARGE).count() == 1


def test_50_racers_that_cannot_pay_are_all_told_so_and_nothing_is_remembered():
    account, key = crowd(credits="0.5")

    responses = race(*[lambda: post(key, ONE_CREDIT_TEXT, "one")] * 50)

    assert [code_of(response) for response in responses] == ["INSUFFICIENT_CREDITS"] * 50
    assert not Job.objects.exists()
    assert not IdempotencyRecord.objects.exists()
    assert available(account) == CREDIT // 2


def test_racers_on_a_key_whose_24_hours_are_over_make_one_new_job():
    account, key = crowd(credits=100)
    first = post(key, ONE_CREDIT_TEXT, "old")
    IdempotencyRecord.objects.update(created_at=Job.objects.get().created_at - idempotency.REMEMBERED_FOR)

    responses = race(*[lambda: post(key, ONE_CREDIT_TEXT, "old")] * 12)

    assert Counter(response.status_code for response in responses).keys() <= {202, 409}
    bodies = {response.content for response in responses if response.status_code == 202}
    assert len(bodies) == 1
    assert first.content not in bodies
    assert Job.objects.count() == 2
    assert available(account) == 98 * CREDIT


class OpenTransaction:
    """The first request with a key, stopped before its commit until `let_go` is set."""

    def __init__(self, account: Account, key: str, text: str) -> None:
        self.has_claimed, self.let_go = threading.Event(), threading.Event()
        self._arguments = (account, key, text)

    def run(self) -> None:
        account, key, text = self._arguments
        fingerprint = idempotency.build_fingerprint("/api/v1/tts", {"text": text, "voice_id": VOICE})
        with transaction.atomic():
            assert idempotency.claim(account=account, key=key, fingerprint=fingerprint) is None
            job = submit(account, text)
            idempotency.remember(account=account, key=key, job_id=job.pk, response_body=b"the first answer")
            self.has_claimed.set()
            assert self.let_go.wait(20)


def test_a_racer_waits_for_the_first_to_commit_and_then_replays_it():
    account, key = crowd(credits=100)
    first, responses = OpenTransaction(account, "slow", ONE_CREDIT_TEXT), []
    second = Background(lambda: responses.append(post(key, ONE_CREDIT_TEXT, "slow")))
    with Background(first.run):
        assert first.has_claimed.wait(10)
        with second:
            second._thread.join(0.3)
            assert second.is_running  # it answers only when it knows
            first.let_go.set()

    assert [(r.status_code, r.content) for r in responses] == [(202, b"the first answer")]
    assert responses[0].headers["Idempotent-Replayed"] == "true"
    assert Job.objects.count() == 1


def test_a_racer_behind_a_first_that_does_not_end_gets_409_after_two_seconds():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time, and no transaction of ours lasts")
    account, key = crowd(credits=100)
    first = OpenTransaction(account, "slow", ONE_CREDIT_TEXT)
    with Background(first.run):
        assert first.has_claimed.wait(10)
        started = time.monotonic()
        responses = race(*[lambda: post(key, ONE_CREDIT_TEXT, "slow")] * 5)
        waited_seconds = time.monotonic() - started
        first.let_go.set()

    assert [code_of(response) for response in responses] == ["REQUEST_IN_PROGRESS"] * 5
    assert 1.9 < waited_seconds < 4
    assert Job.objects.count() == 1
    assert post(key, ONE_CREDIT_TEXT, "slow").content == b"the first answer"


# --- the end of a job ----------------------------------------------------------------------------


@pytest.fixture
def running(account: Account):
    """Makes a paid job that a worker holds, in its nth attempt."""

    def make(attempt: int = 1) -> Job:
        job = submit(account)
        Job.objects.filter(pk=job.pk).update(attempt=attempt - 1)
        claimed = lifecycle.claim_next_job(queue=QUEUE)
        assert claimed is not None
        assert (claimed.pk, claimed.attempt) == (job.pk, attempt)
        return claimed

    return make


def complete(job: Job) -> bool:
    return lifecycle.complete_job(job=job, audio_key="key.wav", audio_bytes=1, duration_ms=1)


def movements(job: Job) -> list[int]:
    return [amount for _, amount in entries_of(job)]


def test_complete_against_cancel(account, running):
    for _ in range(ROUNDS):
        job = running()
        completed, cancelled = race(
            partial(complete, job),
            partial(lifecycle.cancel_or_erase_job, account=account, job_id=job.pk),
        )
        assert cancelled is None
        job.refresh_from_db()
        if completed is True:  # the DELETE came after, and erased a finished job
            assert (job.status, job.refunded_microcredits, job.text) == ("completed", 0, "")
            assert movements(job) == [-job.cost_microcredits]
        else:
            assert completed is False
            assert (job.status, job.refunded_microcredits) == ("cancelled", job.cost_microcredits)
            assert movements(job) == [-job.cost_microcredits, job.cost_microcredits]


def test_fail_against_cancel(account, running):
    for _ in range(ROUNDS):
        job = running()
        failed, cancelled = race(
            partial(lifecycle.fail_job, job=job, message="No."),
            partial(lifecycle.cancel_or_erase_job, account=account, job_id=job.pk),
        )
        assert cancelled is None
        job.refresh_from_db()
        assert job.status == ("failed" if failed is True else "cancelled")
        assert movements(job) == [-job.cost_microcredits, job.cost_microcredits]


@pytest.mark.parametrize("attempt", [1, 3])
def test_fail_against_reclaim(running, attempt):
    for _ in range(ROUNDS):
        job = running(attempt)
        expire_lease(job)
        failed, reclaimed = race(partial(lifecycle.fail_job, job=job, message="No."), lifecycle.reclaim_dead_jobs)
        job.refresh_from_db()
        assert int(failed) + reclaimed == 1
        if failed or attempt == 3:
            assert (job.status, job.refunded_microcredits) == ("failed", job.cost_microcredits)
            assert movements(job) == [-job.cost_microcredits, job.cost_microcredits]
        else:
            assert (job.status, job.refunded_microcredits) == ("pending", 0)
            assert movements(job) == [-job.cost_microcredits]
            Job.objects.filter(pk=job.pk).update(status="completed")


@pytest.mark.parametrize("attempt", [1, 3])
def test_reclaim_against_renew(running, attempt):
    for _ in range(ROUNDS):
        job = running(attempt)
        expire_lease(job)
        reclaimed, renewed = race(lifecycle.reclaim_dead_jobs, partial(lifecycle.renew_lease, job=job, chars_done=1))
        job.refresh_from_db()
        assert renewed is not bool(reclaimed)
        given_up = "failed" if attempt == 3 else "pending"
        assert job.status == ("processing" if renewed else given_up)
        assert len(movements(job)) == (2 if job.status == "failed" else 1)
        Job.objects.filter(pk=job.pk).exclude(status="failed").update(status="completed")


def test_a_lease_that_was_renewed_after_the_sweeper_looked_is_left_alone(running, monkeypatch):
    """The moment between the sweeper's look and its change, made as long as it takes."""
    for attempt in (1, 3):
        job = running(attempt)
        expire_lease(job)
        mine = lifecycle._mine

        def renew_first(row, mine=mine, job=job):
            monkeypatch.setattr(lifecycle, "_mine", mine)
            assert lifecycle.renew_lease(job=job, chars_done=1)
            return mine(row)

        monkeypatch.setattr(lifecycle, "_mine", renew_first)
        assert lifecycle.reclaim_dead_jobs() == 0
        job.refresh_from_db()
        assert (job.status, job.attempt, job.refunded_microcredits) == ("processing", attempt, 0)
        assert complete(job)


def test_complete_against_reclaim(running):
    for _ in range(ROUNDS):
        job = running()
        expire_lease(job)
        completed, reclaimed = race(partial(complete, job), lifecycle.reclaim_dead_jobs)
        assert completed is not bool(reclaimed)
        job.refresh_from_db()
        assert job.status == ("completed" if completed else "pending")
        assert movements(job) == [-job.cost_microcredits]
        Job.objects.filter(pk=job.pk).update(status="completed")


def test_failing_cancelling_or_refunding_several_times_at_once_refunds_once(account, running):
    for _ in range(ROUNDS):
        job = running()
        assert sorted(race(*[partial(lifecycle.fail_job, job=job, message="No.")] * 3)) == [False, False, True]
        assert movements(job) == [-job.cost_microcredits, job.cost_microcredits]

        job = running()
        race(*[partial(lifecycle.cancel_or_erase_job, account=account, job_id=job.pk)] * 3)
        assert movements(job) == [-job.cost_microcredits, job.cost_microcredits]

        job = running()
        assert complete(job)
        refund: dict[str, Any] = {"job_id": job.pk, "amount_microcredits": 5, "actor": "test", "note": "Twice?"}
        answers = race(*[partial(refund_job, account=account, **refund)] * 3)
        assert sorted(answers) == [False, False, True]
        assert movements(job) == [-job.cost_microcredits, 5]
    assert available(account) == 100 * CREDIT - ROUNDS * (job.cost_microcredits - 5)


def test_sweeps_at_the_same_time_share_the_work(running):
    jobs = [running(attempt) for attempt in (1, 3, 1, 3)]
    for job in jobs:
        expire_lease(job)

    sweeps = race(*[sweep] * 4)

    assert sum(sweep.reclaimed_jobs for sweep in sweeps) == 4
    assert [Job.objects.get(pk=job.pk).status for job in jobs] == ["pending", "failed", "pending", "failed"]
    assert [len(movements(job)) for job in jobs] == [1, 2, 1, 2]
    assert sweep().reclaimed_jobs == 0

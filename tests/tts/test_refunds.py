"""What a job keeps of its charge, however it ends: the table, and a machine that tries every order of events."""

import uuid

import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from accounts.services.audit import COMMAND_LINE
from billing.models import LedgerEntry
from tests.factories import make_account, make_admission
from tests.support.workers import QUEUE, VOICE
from tts.errors import NotRefundable
from tts.models import Job, JobStatus
from tts.refunds import get_refund_microcredits
from tts.requests import SpeechRequest
from tts.services import lifecycle
from tts.services.submit import submit_job
from tts.services.support import refund_rest_of_job

CHARS = 100
TEXT = "a" * CHARS


@pytest.mark.parametrize(
    ("status", "synthesised", "handed_out", "is_storing", "refunded_chars"),
    [
        (JobStatus.COMPLETED, 100, 0, False, 0),
        (JobStatus.COMPLETED, 100, 40, False, 0),
        (JobStatus.COMPLETED, 0, 0, False, 100),  # there was nothing to say
        (JobStatus.FAILED, 0, 0, False, 100),
        (JobStatus.FAILED, 90, 0, False, 100),
        (JobStatus.FAILED, 90, 40, False, 60),
        (JobStatus.FAILED, 0, 40, False, 60),  # in an earlier attempt
        (JobStatus.FAILED, 100, 100, True, 0),
        (JobStatus.CANCELLED, 0, 0, False, 100),
        (JobStatus.CANCELLED, 30, 0, False, 70),
        (JobStatus.CANCELLED, 30, 40, False, 60),
        (JobStatus.CANCELLED, 50, 40, False, 50),
        (JobStatus.CANCELLED, 0, 40, False, 60),  # in an earlier attempt
        (JobStatus.CANCELLED, 100, 0, True, 100),  # it hangs in the store
        (JobStatus.CANCELLED, 100, 1, True, 0),
    ],
)
def test_the_table_of_refunds(status, synthesised, handed_out, is_storing, refunded_chars):
    job = Job(
        chars_charged=100, cost_microcredits=100_000, chars_done=synthesised, chars_handed_out=handed_out,
        is_storing=is_storing,
    )  # fmt: skip
    assert get_refund_microcredits(job, status=status) == refunded_chars * 1000


def test_what_is_kept_is_rounded_up_and_never_more_than_the_cost():
    job = Job(chars_charged=3, cost_microcredits=10, chars_handed_out=1)
    assert get_refund_microcredits(job, status=JobStatus.FAILED) == 6  # 3.33 is kept as 4
    job.chars_handed_out = 5
    assert get_refund_microcredits(job, status=JobStatus.FAILED) == 0
    free = Job(chars_charged=3, cost_microcredits=0, chars_handed_out=1)
    assert get_refund_microcredits(free, status=JobStatus.FAILED) == 0


@pytest.mark.parametrize("status", [JobStatus.PENDING, JobStatus.PROCESSING])
def test_a_job_that_goes_on_has_no_refund(status):
    with pytest.raises(ValueError, match="has not ended"):
        get_refund_microcredits(Job(chars_charged=3, cost_microcredits=10), status=status)


class Jobs(RuleBasedStateMachine):
    """One streamed job; its worker, its listener, its owner and an operator do what they like, also too late."""

    def __init__(self) -> None:
        super().__init__()
        self.undo = transaction.atomic()
        self.undo.__enter__()
        self.account = make_account("Acme", credits=1_000_000)
        request = SpeechRequest(text=TEXT, voice_id=VOICE, delivery_mode="stream", output_format="ogg_opus")
        self.id = submit_job(admission=make_admission(self.account), request=request).job_id
        self.heard = 0  # what somebody was really sent
        self.held: list[Job] = []  # as workers had it when they claimed it

    @property
    def job(self) -> Job:
        return Job.objects.select_related("account").get(pk=self.id)

    @rule()
    def a_worker_claims(self) -> None:
        Job.objects.filter(pk=self.id).update(not_before=None)
        job = lifecycle.claim_next_job(queue=QUEUE)
        if job is not None:
            self.held.append(job)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), chars=st.integers(0, CHARS), is_storing=st.booleans())
    def a_worker_reports(self, data: st.DataObject, chars: int, is_storing: bool) -> None:
        worker = data.draw(st.sampled_from(self.held))
        lifecycle.renew_lease(job=worker, chars_done=CHARS if is_storing else chars, is_storing=is_storing)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), chars=st.integers(1, CHARS), is_web_killed=st.booleans())
    def a_listener_is_sent(self, data: st.DataObject, chars: int, is_web_killed: bool) -> None:
        worker = data.draw(st.sampled_from(self.held))
        before = self.job
        may_send = lifecycle.raise_chars_handed_out(job_id=self.id, attempt=worker.attempt, chars=chars)
        assert may_send == (before.status == JobStatus.PROCESSING and before.attempt == worker.attempt)
        assert self.job.chars_handed_out >= before.chars_handed_out
        if may_send and not is_web_killed:
            self.heard = max(self.heard, chars)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), how=st.sampled_from(["complete", "fail", "retry", "release"]))
    def a_worker_ends(self, data: st.DataObject, how: str) -> None:
        worker = data.draw(st.sampled_from(self.held))
        match how:
            case "complete":
                lifecycle.complete_job(job=worker, audio_key="ab/one-1.opus", audio_bytes=10, duration_ms=10)
            case "fail":
                lifecycle.fail_job(job=worker, message="It failed.")
            case "retry":
                lifecycle.retry_or_fail_job(job=worker, message="It failed.")
            case "release":
                lifecycle.release_job(job=worker)

    @rule()
    def a_worker_dies(self) -> None:
        Job.objects.filter(pk=self.id, status=JobStatus.PROCESSING).update(lease_expires_at=timezone.now())
        lifecycle.reclaim_dead_jobs()

    @rule(times=st.integers(1, 2))
    def its_owner_cancels(self, times: int) -> None:
        for _ in range(times):
            lifecycle.cancel_job(account=self.account, job_id=self.id)

    @rule(times=st.integers(1, 2))
    def an_operator_refunds(self, times: int) -> None:
        for _ in range(times):
            before = self.job
            try:
                refunded = refund_rest_of_job(job=before, actor=COMMAND_LINE, reason="Sorry.")
            except NotRefundable:
                assert not before.is_finished or before.refunded_microcredits == before.cost_microcredits
            else:
                assert refunded == before.cost_microcredits - before.refunded_microcredits > 0

    @invariant()
    def what_was_given_back_is_the_charge_less_what_is_kept(self) -> None:
        job = self.job
        price = job.cost_microcredits // CHARS
        by_kind = dict(LedgerEntry.objects.filter(job_id=self.id).values_list("kind", "amount_microcredits"))
        assert LedgerEntry.objects.filter(job_id=self.id).count() == len(by_kind)  # each kind once
        assert by_kind.pop("charge") == -job.cost_microcredits
        assert sum(by_kind.values()) == job.refunded_microcredits <= job.cost_microcredits
        assert all(amount > 0 for amount in by_kind.values())
        given_back = by_kind.get("refund", 0)
        assert given_back <= job.cost_microcredits - self.heard * price  # nobody hears for free
        match job.status:
            case JobStatus.COMPLETED:
                assert given_back == 0
            case JobStatus.FAILED:
                assert given_back == (CHARS - job.chars_handed_out) * price
            case JobStatus.CANCELLED if job.is_storing and job.chars_handed_out == 0:
                assert given_back == job.cost_microcredits
            case JobStatus.CANCELLED:
                assert given_back == (CHARS - max(job.chars_done, job.chars_handed_out)) * price
            case _:
                assert by_kind == {}

    def teardown(self) -> None:
        try:
            call_command("check_ledger", verbosity=0)
        finally:
            transaction.set_rollback(True)
            self.undo.__exit__(None, None, None)


@pytest.mark.timeout(300)
def test_whatever_happens_to_a_job_in_whatever_order_it_gives_back_what_is_not_kept(voices):
    run_state_machine_as_test(
        Jobs,
        settings=hypothesis_settings(
            max_examples=60, stateful_step_count=25, deadline=None, database=None, derandomize=True,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )  # fmt: skip


def test_a_count_of_a_job_that_is_not_there_sends_nothing(db):
    assert not lifecycle.raise_chars_handed_out(job_id=uuid.uuid4(), attempt=1, chars=1)

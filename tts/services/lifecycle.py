"""The transitions of a job: claimed, renewed, finished, released, cancelled.

Every change is a conditional UPDATE on the previous state, and its row count decides. A refund is written in the same
transaction as the state that causes it.
"""

import uuid
from collections.abc import Collection
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Min, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

from accounts.models import Account, IdempotencyRecord
from billing.services.ledger import refund_job
from config.errors import NotFound
from tts.models import Job, JobStatus
from tts.refunds import describe_refund, get_refund_microcredits
from tts.selectors import get_held_row
from tts.services.parts import delete_parts
from tts.storage import store
from tts.timing import Timings
from webhooks.services import record_job_event

GAVE_UP_MESSAGE = "The voice engine stopped unexpectedly {attempts} times. Try again, or try another voice."
NOTHING_DONE: dict[str, Any] = {  # the progress of a new attempt, which need not repeat what was kept
    "chars_done": F("chars_kept"), "is_storing": False, "audio_ms_done": 0, "expected_finish_at": None
}  # fmt: skip
ENGINE_REMOVED_MESSAGE = "This voice is no longer available. Try another voice."


def claim_next_job(*, queue: str, not_of: Collection[uuid.UUID] = ()) -> Job | None:
    """Claims the oldest job of the account with the fewest running jobs. Returns None if none is pending.

    `not_of` has the ids of accounts that already have their share of the caller.
    """
    while True:  # repeated if another worker was faster
        running = (
            Job.objects.filter(account=OuterRef("account"), status=JobStatus.PROCESSING)
            .order_by()
            .values("account")
            .annotate(count=Count("*"))
            .values("count")
        )
        pending = due_jobs().filter(queue=queue).exclude(account__in=not_of)
        turn = (
            pending.values("account")
            .annotate(oldest=Min("created_at"), running=Coalesce(Subquery(running), 0))
            .order_by("running", "oldest")
            .first()
        )
        if turn is None:
            return None
        job_id = pending.filter(account=turn["account"]).order_by("created_at").values_list("pk", flat=True).first()
        if job_id is None:
            continue  # another worker has just taken the last one
        # In one transaction: a row read after it could already show another worker's attempt.
        with transaction.atomic():
            now = timezone.now()
            claimed = Job.objects.filter(pk=job_id, status=JobStatus.PENDING).update(
                status=JobStatus.PROCESSING,
                attempt=F("attempt") + 1,
                lease_expires_at=now + lease_duration(),
                not_before=None,
                **NOTHING_DONE,
                started_at=Coalesce("started_at", now),
            )
            if claimed:
                return Job.objects.select_related("account").get(pk=job_id)


def due_jobs() -> QuerySet[Job]:
    """Returns pending jobs that may be claimed now."""
    return Job.objects.filter(Q(not_before=None) | Q(not_before__lte=timezone.now()), status=JobStatus.PENDING)


def renew_lease(
    *, job: Job, chars_done: int, is_storing: bool = False, audio_ms_done: int = 0, seconds_left: float | None = None
) -> bool:
    """Renews the lease and saves the progress (`tts.timing.Progress`). Returns False if the job was lost.

    A job is lost if it was cancelled or claimed by another worker.
    """
    now = timezone.now()
    renewed = get_held_row(job).update(
        lease_expires_at=now + lease_duration(),
        chars_done=chars_done,
        is_storing=is_storing,
        audio_ms_done=audio_ms_done,
        expected_finish_at=None if seconds_left is None else now + timedelta(seconds=seconds_left),
    )
    return bool(renewed)


def raise_chars_handed_out(*, job_id: uuid.UUID, attempt: int, chars: int) -> bool:
    """Counts `chars` code points as sent, before they are. Returns False if that attempt has ended.

    Then no more of it may be sent, unless the job was completed. The database checks the condition, so that of this and
    a concurrent refund, the later one sees the other.
    """
    row = Job.objects.filter(pk=job_id, status=JobStatus.PROCESSING, attempt=attempt)
    return bool(row.update(chars_handed_out=Greatest(F("chars_handed_out"), Value(chars))))


@transaction.atomic
def complete_job(
    *,
    job: Job,
    audio_key: str,
    audio_bytes: int,
    duration_ms: int,
    made: Timings | None = None,
    says_nothing: bool = False,
) -> bool:
    """Completes the job. Returns False if it was lost; the caller then has to delete the audio.

    `says_nothing`: the text contains nothing to say, so nothing was synthesized, and the charge is refunded.
    """
    job.chars_done = 0 if says_nothing else job.chars_charged
    refund_microcredits = get_refund_microcredits(job, status=JobStatus.COMPLETED)
    completed = get_held_row(job).update(
        status=JobStatus.COMPLETED,
        refunded_microcredits=refund_microcredits,
        audio_key=audio_key,
        audio_bytes=audio_bytes,
        duration_ms=duration_ms,
        chars_done=job.chars_done,
        finished_at=timezone.now(),
        lease_expires_at=None,
        **(asdict(made) if made else {}),
    )
    if completed:
        _refund(job, refund_microcredits, actor="system", note="The text contains nothing to say.")
        record_job_event(account=job.account, job_id=job.pk, event="job.completed", job_url=job.webhook_url)
    return bool(completed)


def retry_or_fail_job(*, job: Job, message: str, pause_seconds: float = 0.0) -> None:
    """Ends a failed attempt: puts the job back in the queue or, after the last attempt, fails and refunds it.

    `pause_seconds` is how long the next attempt waits; the sweeper wakes a worker for it.
    """
    if job.attempt >= settings.JOB_MAX_ATTEMPTS:
        fail_job(job=job, message=message)
        return
    not_before = timezone.now() + timedelta(seconds=pause_seconds) if pause_seconds else None
    get_held_row(job).update(status=JobStatus.PENDING, lease_expires_at=None, not_before=not_before, **NOTHING_DONE)


def fail_job(*, job: Job, message: str) -> bool:
    """Fails the job for good and refunds what was not sent. Returns False if the job was lost.

    `message` says what happened and what to do; a sentence about the refund is appended.
    """
    return _fail(get_held_row(job), message=message)


@transaction.atomic
def _fail(row: QuerySet[Job], *, message: str) -> bool:
    """Fails and refunds the job, if `row` still has one: its filters are the condition. Returns whether it did."""
    job = row.select_for_update(of=("self",)).select_related("account").defer("text").first()
    if job is None:
        return False
    refund_microcredits = get_refund_microcredits(job, status=JobStatus.FAILED)
    Job.objects.filter(pk=job.pk).update(
        status=JobStatus.FAILED,
        error_code="GENERATION_FAILED",
        error_message=f"{message} {describe_refund(job, refund_microcredits)}",
        refunded_microcredits=refund_microcredits,
        finished_at=timezone.now(),
        lease_expires_at=None,
    )
    _refund(job, refund_microcredits, actor="system", note="The job failed.")
    record_job_event(account=job.account, job_id=job.pk, event="job.failed", job_url=job.webhook_url)
    _delete_audio_on_commit(job)
    return True


def release_job(*, job: Job) -> None:
    """Puts a job back in the queue when its worker is told to stop.

    The attempt is not counted, unless its audio may have been sent: then the next attempt needs another number.
    """
    attempt = F("attempt") if job.is_streamed else F("attempt") - 1
    get_held_row(job).update(status=JobStatus.PENDING, attempt=attempt, lease_expires_at=None, **NOTHING_DONE)


def reclaim_dead_jobs() -> int:
    """Puts jobs of dead workers back in the queue or, after the last attempt, fails and refunds them. Returns how many.

    Attempts are limited, because a text that kills its worker must not be retried forever.
    """
    dead = Job.objects.filter(status=JobStatus.PROCESSING, lease_expires_at__lt=timezone.now())
    reclaimed = 0
    for job in dead.select_related("account").defer("text"):
        # The lease is part of the condition: its owner may just have recovered and renewed it.
        row = get_held_row(job).filter(lease_expires_at=job.lease_expires_at)
        if job.attempt >= settings.JOB_MAX_ATTEMPTS:
            reclaimed += _fail(row, message=GAVE_UP_MESSAGE.format(attempts=job.attempt))
        else:
            reclaimed += row.update(status=JobStatus.PENDING, lease_expires_at=None, **NOTHING_DONE)
    return reclaimed


def fail_jobs_of_removed_engines() -> int:
    """Fails jobs whose engine is no longer configured, which would wait forever. Returns how many."""
    stranded = Job.objects.filter(status=JobStatus.PENDING).exclude(provider__in=list(settings.SPEECH_ENGINES))
    return sum(
        _fail(stranded.filter(pk=job_id), message=ENGINE_REMOVED_MESSAGE)
        for job_id in stranded.values_list("pk", flat=True)
    )


def fail_waiting_job(*, waiting: QuerySet[Job], job: Job, message: str) -> bool:
    """Fails and refunds a job that is still in `waiting`. Returns False if it no longer is."""
    return _fail(waiting.filter(pk=job.pk), message=message)


def cancel_or_erase_job(*, account: Account, job_id: uuid.UUID) -> None:
    """Handles DELETE: cancels an unfinished job and refunds it by `tts.refunds`; erases a finished one.

    Raises NotFound, StoreUnavailable.
    """
    if not cancel_job(account=account, job_id=job_id):
        erase_finished_job(account=account, job_id=job_id)


def cancel_job(*, account: Account, job_id: uuid.UUID) -> bool:
    """Cancels an unfinished job and refunds it by `tts.refunds`. Returns False if it has already finished.

    Raises NotFound.
    """
    with transaction.atomic():
        job = _locked(account, job_id)
        if job.is_finished:
            return False
        _cancel(job)
        return True


def erase_finished_job(*, account: Account, job_id: uuid.UUID) -> bool:
    """Erases a finished job. Returns False if it has not finished. Raises NotFound, StoreUnavailable."""
    with transaction.atomic():
        job = _locked(account, job_id)
    if job.is_finished:
        erase_job(job=job)
    return job.is_finished


def _locked(account: Account, job_id: uuid.UUID) -> Job:
    job = Job.objects.for_account(account).select_for_update(of=("self",)).defer("text").filter(pk=job_id).first()
    if job is None:
        raise NotFound("There is no such job.")
    return job


def _cancel(job: Job) -> None:
    """Requires a transaction that has locked the row."""
    refund_microcredits = get_refund_microcredits(job, status=JobStatus.CANCELLED)
    Job.objects.filter(pk=job.pk).update(
        status=JobStatus.CANCELLED,
        refunded_microcredits=refund_microcredits,
        finished_at=timezone.now(),
        lease_expires_at=None,
    )
    _refund(job, refund_microcredits, actor="customer", note="The job was cancelled.")
    _delete_audio_on_commit(job)


def erase_job(*, job: Job) -> None:
    """Erases text, prompt, metadata, audio and the stored response. The row stays, because the ledger refers to it.

    Files first: a crash in between leaves a row that is erased again, never a file without a row. Raises
    StoreUnavailable, before anything in the row has changed.
    """
    delete_parts(job_id=job.pk)
    store.delete_audio(job)
    with transaction.atomic():
        Job.objects.filter(pk=job.pk, erased_at=None).update(
            text="", prompt="", metadata=None, webhook_url="", audio_key="", peaks=b"", erased_at=timezone.now()
        )
        IdempotencyRecord.objects.filter(account=job.account_id, job_id=job.pk).delete()


def _refund(job: Job, amount_microcredits: int, *, actor: str, note: str) -> None:
    """Refunds inside a transaction that has locked the job's row."""
    refund_job(account=job.account, job_id=job.pk, amount_microcredits=amount_microcredits, actor=actor, note=note)


def _delete_audio_on_commit(job: Job) -> None:
    """Deletes the audio after the commit. If the store fails, it is deleted when the job is erased."""
    transaction.on_commit(lambda: store.delete_audio(job), robust=True)


def lease_duration() -> timedelta:
    return timedelta(seconds=settings.JOB_LEASE_SECONDS)

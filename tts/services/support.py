"""Operators' actions on a customer's job. Each is audited in its transaction.

A job is charged once. It is refunded at most once when it ends (`tts.refunds`), and at most once more by an operator,
who refunds the rest. So a retry is a new job with its own charge, at the price of the failed one (which was refunded
when it failed): the customer pays once for one audio.
"""

import uuid

from django.db import transaction

from accounts.admission import admit_operator
from accounts.services import audit
from accounts.services.audit import Actor
from billing.models import EntryKind
from billing.money import format_credits
from billing.services.ledger import refund_job
from tts.errors import NotRefundable
from tts.models import Job
from tts.services.resubmit import build_repeated_request
from tts.services.submit import check_retryable, submit_job


@transaction.atomic
def refund_rest_of_job(*, job: Job, actor: Actor, reason: str) -> int:
    """Refunds the rest of a finished job's price, whatever its outcome; its audio stays. Returns microcredits.

    Raises NotRefundable.
    """
    reason = audit.checked_reason(reason)
    job = _locked(job)
    if not job.is_finished:
        raise NotRefundable(f"The job is {job.status}. Only a finished job can be refunded.")
    if job.cost_microcredits == 0:
        raise NotRefundable("The job was not charged.")
    rest_microcredits = job.cost_microcredits - job.refunded_microcredits
    was_refunded_now = refund_job(
        account=job.account,
        job_id=job.pk,
        amount_microcredits=rest_microcredits,
        actor=str(actor),
        note=reason,
        kind=EntryKind.OPERATOR_REFUND,
    )
    if not was_refunded_now:
        raise NotRefundable(
            f"All {format_credits(job.cost_microcredits)} credits of the job have already been refunded."
        )
    Job.objects.filter(pk=job.pk).update(refunded_microcredits=job.cost_microcredits)
    audit.record(
        actor=actor,
        action="job.refunded",
        reason=reason,
        target_type="job",
        target_id=job.pk,
        account=job.account,
        before={"status": job.status, "refunded": format_credits(job.refunded_microcredits)},
        after={"status": job.status, "refunded": format_credits(job.cost_microcredits)},
    )
    return rest_microcredits


def retry_failed_job(*, job: Job, actor: Actor, reason: str) -> uuid.UUID:
    """Submits a failed job's request again, at the same price, and returns the new job's id.

    A failed job can be retried once; if the retry fails, it can be retried in turn. The retry counts as a request of
    the customer, but is not rejected by their rate limit. The cap and the allowed voices of the key that paid still
    apply.

    Raises NotRetryable, NothingToChange (already retried), and what `admit_operator` and `submit_job` raise.
    """
    reason = audit.checked_reason(reason)
    failed = Job.objects.select_related("account__plan", "api_key").get(pk=job.pk)
    check_retryable(failed)  # so that a rejected retry is not counted; `submit_job` checks again under the row's lock
    admission = admit_operator(account=failed.account, api_key=failed.api_key, actor=actor)

    def record(retry: Job) -> None:
        audit.record(
            actor=actor,
            action="job.retried",
            reason=reason,
            target_type="job",
            target_id=failed.pk,
            account=failed.account,
            before={"status": failed.status},
            after={"retry_job_id": str(retry.pk), "charged": format_credits(retry.cost_microcredits)},
        )

    request = build_repeated_request(failed)
    return submit_job(admission=admission, request=request, retry_of=failed, on_accepted=record).job_id


@transaction.atomic
def read_text(*, job: Job, actor: Actor, reason: str) -> str:
    """Returns a customer's text to an administrator. The access is recorded; the text is not."""
    reason = audit.checked_reason(reason)
    stored = Job.objects.select_related("account").get(pk=job.pk)
    audit.record(
        actor=actor,
        action="job.text_read",
        reason=reason,
        target_type="job",
        target_id=stored.pk,
        account=stored.account,
    )
    return stored.text


def _locked(job: Job) -> Job:
    return Job.objects.select_for_update(of=("self",)).select_related("account").get(pk=job.pk)

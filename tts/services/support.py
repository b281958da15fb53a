"""What operators do to a customer's job. Each is audited in its transaction.

A job is charged once. It is refunded at most once when it ends (`tts.refunds`), and at most once more by an operator,
who gives back the rest. So a retry is a new job with a charge of its own, at the price of the failed one (whose credits
went back when it failed): the customer pays once for what is spoken once.
"""

from django.db import IntegrityError, transaction

from accounts.errors import NothingToChange
from accounts.services import audit
from accounts.services.audit import Actor
from billing.models import EntryKind
from billing.money import format_credits
from billing.services.ledger import charge_job, refund_job
from config.errors import Forbidden
from tts.engines.registry import get_engine
from tts.errors import NotRefundable, NotRetryable
from tts.models import Job, JobStatus
from tts.queue import wake_worker
from voices.selectors import get_voice_for_speech

# What a retry asks again. Where it stands, and what came of it, is its own.
REQUEST_FIELDS = (
    "account", "api_key", "voice_id", "provider", "text", "text_format", "speed", "model", "prompt", "speakers",
    "metadata", "webhook_url", "output_format", "sample_rate_hertz", "bitrate_kbps", "channels", "chars_charged",
    "cost_microcredits",
)  # fmt: skip


@transaction.atomic
def refund_rest_of_job(*, job: Job, actor: Actor, reason: str) -> int:
    """Gives back what a finished job still cost, whatever came of it; its audio stays. Returns microcredits.

    Raises NotRefundable.
    """
    reason = audit.checked_reason(reason)
    job = _locked(job)
    if not job.is_finished:
        raise NotRefundable(f"The job is {job.status}. Only a finished job can be refunded.")
    if job.cost_microcredits == 0:
        raise NotRefundable("The job was free of charge.")
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
        raise NotRefundable(f"All of the job's {format_credits(job.cost_microcredits)} credits were refunded already.")
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


@transaction.atomic
def retry_failed_job(*, job: Job, actor: Actor, reason: str) -> Job:
    """A new job that asks the same, charged at the same price. A failed job is retried once; then its retry may be.

    Raises NotRetryable, Forbidden (the account is suspended), InvalidVoice, InsufficientCredits.
    """
    reason = audit.checked_reason(reason)
    job = _locked(job)
    if job.status != JobStatus.FAILED:
        raise NotRetryable(f"The job is {job.status}. Only a failed job can be retried.")
    if job.erased_at is not None:
        raise NotRetryable("The job's text was erased: there is nothing left to speak.")
    if job.account.is_suspended:
        raise Forbidden("The account is suspended. Reinstate it first.")
    voice = get_voice_for_speech(job.voice_id)
    request = {field: getattr(job, field) for field in REQUEST_FIELDS}
    retry = Job(**request, queue=get_engine(voice.provider).queue, retry_of=job)
    try:
        with transaction.atomic():
            retry.save(force_insert=True)
    except IntegrityError:
        raise NothingToChange("The job was retried already.") from None
    charge_job(account=job.account, job_id=retry.pk, cost_microcredits=retry.cost_microcredits, actor=str(actor))
    audit.record(
        actor=actor,
        action="job.retried",
        reason=reason,
        target_type="job",
        target_id=job.pk,
        account=job.account,
        before={"status": job.status},
        after={"retry_job_id": str(retry.pk), "charged": format_credits(retry.cost_microcredits)},
    )
    transaction.on_commit(lambda: wake_worker(retry.queue))
    return retry


@transaction.atomic
def read_text(*, job: Job, actor: Actor, reason: str) -> str:
    """A customer's text, for an administrator's eyes. The look is recorded; the text is not."""
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

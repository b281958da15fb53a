"""A customer has a job spoken again: a new job with the same request, at the price of today."""

import uuid
from dataclasses import replace

from accounts.errors import MaintenanceMode
from accounts.selectors import is_in_maintenance
from accounts.services import idempotency
from accounts.services.audit import Actor
from config.errors import Forbidden
from tts.again import request_body, request_of
from tts.errors import NotRetryable
from tts.models import Job
from tts.services.submit import IdempotencyClaim, submit_job
from webhooks.selectors import has_enabled_endpoint


def speak_again(*, job: Job, actor: Actor, form_token: str) -> uuid.UUID:
    """The new job's id. One `form_token` makes one job, however often its form is sent.

    Raises NotRetryable (its text was erased, or it runs), MaintenanceMode, Forbidden (the account is suspended), and
    what `submit_job` raises.
    """
    if is_in_maintenance():
        raise MaintenanceMode
    if job.account.is_suspended:
        raise Forbidden("The account is suspended. Write to support to have it looked at.")
    if not job.is_finished:
        raise NotRetryable(f"The job is {job.status}. Wait until it has finished.")
    if job.erased_at is not None:
        raise NotRetryable("The job's text was erased: there is nothing left to speak.")
    request = request_of(job)
    if request.webhook_url and not has_enabled_endpoint(account=job.account):
        request = replace(request, webhook_url="")  # what allowed it is gone; the account's endpoint is, too
    fingerprint = idempotency.fingerprint_of(f"again/{job.pk}", request_body(request))
    claim = IdempotencyClaim(f"again:{job.pk}:{form_token}", fingerprint)
    return submit_job(account=job.account, api_key=None, request=request, claim=claim, actor=actor).job_id

"""Resubmits a job's request for a customer: a new job, at the current price."""

import uuid
from dataclasses import replace

from accounts.admission import Admission
from accounts.services.idempotency import build_form_claim
from tts.errors import NotRetryable
from tts.models import Job
from tts.requests import SpeechRequest
from tts.resubmit import build_request
from tts.services.submit import submit_job
from webhooks.selectors import has_enabled_endpoint


def resubmit_job(*, admission: Admission, job: Job, form_token: str) -> uuid.UUID:
    """Returns the new job's id. One `form_token` creates one job, however often its form is sent.

    Raises NotRetryable (the text was erased, or the job is running), and what `submit_job` raises.
    """
    if not job.is_finished:
        raise NotRetryable(f"The job is {job.status}. Wait until it has finished.")
    if job.erased_at is not None:
        raise NotRetryable("The job's text was deleted, so it cannot be spoken again.")
    claim = build_form_claim(form="again", token=form_token, body={"job_id": str(job.pk)})
    return submit_job(admission=admission, request=build_repeated_request(job), claim=claim).job_id


def build_repeated_request(job: Job) -> SpeechRequest:
    """Returns the job's request for another submission, without its webhook_url if that is no longer allowed."""
    request = build_request(job)
    if request.webhook_url and not has_enabled_endpoint(account=job.account):
        request = replace(request, webhook_url="")  # only an enabled endpoint allows it
    return request

"""Builds the job's data in a webhook event. `webhooks` decides when and where it is sent."""

import uuid
from collections.abc import Collection
from typing import Any

from django.conf import settings

from billing.money import format_credits
from config.api import format_time
from tts.models import Job, JobStatus
from tts.storage import store


def job_event_data(job_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, dict[str, Any]]:
    """Returns the `data` of the jobs' events, with freshly signed audio URLs. For the setting WEBHOOK_JOB_DATA."""
    jobs = Job.objects.filter(pk__in=list(job_ids)).defer("text", "prompt")
    return {job.pk: _data(job) for job in jobs}


def _data(job: Job) -> dict[str, Any]:
    data: dict[str, Any] = {"job_id": str(job.pk), "status": job.status}
    if job.status == JobStatus.FAILED:
        data["error"] = {"code": job.error_code, "message": job.error_message}
    else:
        signed = store.signed_url(job.audio_key, base_url=settings.PUBLIC_URL) if job.has_audio else None
        data["audio_url"] = signed.url if signed else None
        data["audio_url_expires_at"] = format_time(signed.expires_at) if signed else None
        data["audio_endpoint"] = f"/api/v1/tts/{job.pk}/audio"
    data["chars_charged"] = job.chars_charged
    if job.says_nothing:
        data["refunded"] = True
        data["credits_refunded"] = format_credits(job.refunded_microcredits)
    data["metadata"] = job.metadata
    return data

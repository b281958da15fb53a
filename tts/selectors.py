"""Reads of jobs. None loads the text: a list of long texts would not fit in memory."""

import uuid
from datetime import datetime

from django.db.models import QuerySet

from accounts.models import Account
from config.errors import NotFound
from tts.errors import AudioExpired, AudioNotAvailable, AudioNotReady
from tts.models import Job, JobStatus


def get_job(*, account: Account, job_id: uuid.UUID) -> Job:
    """Raises NotFound, the same for another tenant's job as for one that never was."""
    job = Job.objects.for_account(account).defer("text").filter(pk=job_id).first()
    if job is None:
        raise NotFound("There is no such job.")
    return job


def get_job_with_audio(*, account: Account, job_id: uuid.UUID) -> Job:
    """Raises NotFound, AudioNotReady, AudioNotAvailable, AudioExpired."""
    job = get_job(account=account, job_id=job_id)
    if not job.is_finished:
        raise AudioNotReady
    if job.status != JobStatus.COMPLETED:
        raise AudioNotAvailable(f"This job is {job.status}: there will be no audio.")
    if not job.has_audio:
        raise AudioExpired("The audio was deleted, or its time is over.")
    return job


def list_jobs(
    *,
    account: Account,
    status: str | None = None,
    voice_id: str | None = None,
    created_after: datetime | None = None,
    created_before: datetime | None = None,
) -> QuerySet[Job]:
    """Newest first."""
    jobs = Job.objects.for_account(account).defer("text")
    if status is not None:
        jobs = jobs.filter(status=status)
    if voice_id is not None:
        jobs = jobs.filter(voice_id=voice_id)
    if created_after is not None:
        jobs = jobs.filter(created_at__gt=created_after)
    if created_before is not None:
        jobs = jobs.filter(created_at__lt=created_before)
    return jobs.order_by("-created_at", "-id")

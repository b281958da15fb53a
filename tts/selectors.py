"""Reads jobs. No query loads the text: a list of long texts would not fit in memory."""

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Left
from django.utils import timezone

from accounts.models import Account
from config.errors import NotFound
from tts.errors import AudioExpired, AudioNotAvailable, AudioNotReady
from tts.models import Job, JobStatus, SpeechPart, StreamPart

UNFINISHED_AT_MOST = timedelta(days=7)  # texts are kept from the end of a job, and the job may have waited before that
BEGINNING_CHARS = 120  # of a text, in lists
NO_AUDIO = {
    JobStatus.FAILED: "This job failed, so it has no audio.",
    JobStatus.CANCELLED: "This job was cancelled, so it has no audio.",
}


def get_held_row(job: Job) -> QuerySet[Job]:
    """Returns the job's row while the attempt of `job` holds it, else no row. Fences all of a worker's writes."""
    return Job.objects.filter(pk=job.pk, status=JobStatus.PROCESSING, attempt=job.attempt)


def list_speech_parts(job: Job) -> list[SpeechPart]:
    """Returns the stored parts of earlier attempts in text order; of two with the same start, the later one first."""
    return list(SpeechPart.objects.filter(job=job, is_stored=True).order_by("begins", "-pk"))


def find_stream_part(job_id: uuid.UUID, *, attempt: int, at_byte: int) -> StreamPart | None:
    """Returns the stored part of an attempt's encoded audio that contains this byte."""
    parts = StreamPart.objects.filter(job_id=job_id, attempt=attempt, is_stored=True)
    return parts.filter(begins__lte=at_byte, ends__gt=at_byte).first()


def get_job(*, account: Account, job_id: uuid.UUID) -> Job:
    """Returns a job. Raises NotFound, the same for another tenant's job as for one that never existed."""
    job = Job.objects.for_account(account).defer("text").filter(pk=job_id).first()
    if job is None:
        raise NotFound("There is no such job.")
    return job


def get_job_with_audio(*, account: Account, job_id: uuid.UUID) -> Job:
    """Returns a job with audio. Raises NotFound, AudioNotReady, AudioNotAvailable, AudioExpired."""
    job = get_job(account=account, job_id=job_id)
    if not job.is_finished:
        raise AudioNotReady
    if job.status != JobStatus.COMPLETED:
        raise AudioNotAvailable(NO_AUDIO[JobStatus(job.status)])
    if not job.has_audio:
        raise AudioExpired("The audio was deleted or has expired.")
    return job


def list_jobs(
    *,
    account: Account,
    status: str | None = None,
    voice_id: str | None = None,
    created_after: datetime | None = None,
    created_before: datetime | None = None,
) -> QuerySet[Job]:
    """Returns jobs, newest first."""
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


def search_jobs(
    *,
    account: Account,
    q: str = "",
    status: str = "",
    voice: str = "",
    key: str = "",
    created_from: datetime | None = None,
    created_before: datetime | None = None,
) -> QuerySet[Job]:
    """Searches jobs, newest first, each with the `beginning` of its text and the name of its key.

    `q` is a job id, or words that all occur in the text; `voice` a part of its id; `key` an id, or "none".
    """
    jobs = list_jobs(account=account, status=status or None, created_before=created_before)
    if created_from is not None:
        jobs = jobs.filter(created_at__gte=created_from)
    if voice:
        jobs = jobs.filter(voice_id__icontains=voice)
    if key:
        jobs = jobs.filter(api_key=None) if key == "none" else jobs.filter(api_key=_uuid(key))
    if (job_id := _uuid(q)) is not None:
        jobs = jobs.filter(pk=job_id)
    elif q.split():
        # Older texts are erased, so there is nothing to search.
        kept_since = timezone.now() - timedelta(days=settings.AUDIO_RETENTION_DAYS) - UNFINISHED_AT_MOST
        jobs = jobs.filter(created_at__gte=kept_since, erased_at=None)
        for word in q.split():
            jobs = jobs.filter(text__icontains=word)
    return jobs.annotate(beginning=Left("text", BEGINNING_CHARS)).select_related("api_key")


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text.strip())
    except ValueError:
        return None

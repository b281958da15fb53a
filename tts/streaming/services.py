"""Opens one-time streams."""

import uuid

from django.utils import timezone

from config.errors import NotFound
from tts.errors import AudioExpired, AudioNotAvailable, StreamConsumed
from tts.models import Job, JobStatus
from tts.selectors import NO_AUDIO
from tts.streaming.signed_urls import is_token_valid


def check_stream(*, job_id: uuid.UUID, token: str) -> Job:
    """Returns the job whose stream may be opened now. Changes nothing.

    Raises NotFound, StreamConsumed, AudioNotAvailable (the job failed or was cancelled), AudioExpired.
    """
    job = Job.objects.defer("text", "prompt").filter(pk=job_id, stream_expires_at__isnull=False).first()
    if job is None or not is_token_valid(job_id, token):
        raise NotFound("There is no such stream.")
    assert job.stream_expires_at is not None
    if job.stream_opened_at is not None or job.stream_expires_at <= timezone.now():
        raise StreamConsumed
    if job.status in NO_AUDIO:
        raise AudioNotAvailable(NO_AUDIO[JobStatus(job.status)])
    if job.erased_at is not None:
        raise AudioExpired("The audio was deleted.")
    return job


def open_stream(*, job_id: uuid.UUID, token: str) -> Job:
    """Opens the stream, which only one of any concurrent requests can do. Raises what `check_stream` raises."""
    job = check_stream(job_id=job_id, token=token)
    now = timezone.now()
    unopened = Job.objects.filter(pk=job.pk, stream_opened_at=None, stream_expires_at__gt=now)
    if not unopened.update(stream_opened_at=now):
        raise StreamConsumed
    return job

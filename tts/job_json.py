"""A job as JSON: the body of the 202 response, which is stored for replays, and the job's status."""

from typing import Any

from billing.money import format_credits
from config.api import format_time
from tts.models import Job, JobStatus
from tts.storage.store import SignedUrl
from tts.streaming.signed_urls import stream_url


def accepted_data(job: Job, *, base_url: str) -> dict[str, Any]:
    """Returns the body of the 202 response. `base_url` is the request's scheme and host."""
    data = {
        "job_id": str(job.pk),
        "status": JobStatus.PENDING,
        "poll_url": f"/api/v1/tts/{job.pk}",
        "audio_endpoint": f"/api/v1/tts/{job.pk}/audio",
        "chars_charged": job.chars_charged,
        "credits_charged": format_credits(job.cost_microcredits),
    }
    if job.stream_expires_at is not None:
        data["stream_url"] = stream_url(job.pk, base_url=base_url)
        data["stream_expires_at"] = format_time(job.stream_expires_at)
    return data


def job_data(job: Job, audio_url: SignedUrl | None) -> dict[str, Any]:
    """Returns a job's status. Pass `audio_url` if `job.has_audio`."""
    data: dict[str, Any] = {
        "job_id": str(job.pk),
        "status": job.status,
        "voice_id": job.voice_id,
        "output_format": job.output_format,
        "created_at": format_time(job.created_at),
        "chars_charged": job.chars_charged,
        "credits_charged": format_credits(job.cost_microcredits),
        "progress": job.progress_percent,
        "metadata": job.metadata,
    }
    if job.status == JobStatus.COMPLETED:
        assert job.finished_at is not None
        data["audio_url"] = audio_url.url if audio_url else None
        data["audio_url_expires_at"] = format_time(audio_url.expires_at) if audio_url else None
        data["audio_endpoint"] = f"/api/v1/tts/{job.pk}/audio"
        data["duration_seconds"] = job.duration_ms / 1000
        data["completed_at"] = format_time(job.finished_at)
    if job.status == JobStatus.FAILED:
        data["error"] = {"code": job.error_code, "message": job.error_message}
    if job.status in {JobStatus.FAILED, JobStatus.CANCELLED} or job.refunded_microcredits:
        data["refunded"] = job.refunded_microcredits == job.cost_microcredits
        data["credits_refunded"] = format_credits(job.refunded_microcredits)
    return data

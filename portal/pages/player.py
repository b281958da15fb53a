"""Prepares a job for display: its state, a player with a waveform, its cost. Contains no view."""

from dataclasses import dataclass

from django.utils import timezone

from billing.money import format_have, format_need
from portal.waveform import Wave, draw_wave
from tts.models import Job, JobStatus
from tts.storage import store
from tts.streaming.signed_urls import stream_url

LONG_MINUTES = 2  # of audio, or of remaining time: longer jobs show their minutes


@dataclass(frozen=True, slots=True)
class Sound:
    """A job as shown on a page.

    `audio_url` is signed, "" without audio; `stream_url` is "" unless the stream can still be opened. `minutes` is the
    progress of a long job, "" for others.
    """

    job: Job
    title: str
    voice_name: str
    characters: str
    cost: str
    refunded: str
    audio_url: str
    stream_url: str
    wave: Wave | None
    length: str
    size: str
    minutes: str


def build_player(job: Job, *, text: str = "", is_drawn: bool = True) -> Sound:
    """`text` is the text or its beginning, for the title. Runs no query."""
    is_open = job.stream_expires_at is not None and job.stream_opened_at is None
    can_stream = is_open and job.stream_expires_at > timezone.now() and job.status in {"pending", "processing"}  # type: ignore[operator]
    return Sound(
        job=job,
        title=_title(job, text),
        voice_name=job.voice_id.rpartition("-")[2],
        characters=f"{job.chars_charged:,}",
        cost=format_need(job.cost_microcredits),
        refunded=_refunded(job),
        audio_url=store.signed_url(job.audio_key, base_url="").url if job.has_audio else "",
        stream_url=stream_url(job.pk, base_url="") if can_stream else "",
        wave=draw_wave(bytes(job.peaks)) if is_drawn and job.has_audio else None,
        length=_clock(job.duration_ms),
        size=_size(job.audio_bytes),
        minutes=_minutes(job),
    )


def _refunded(job: Job) -> str:
    """Returns the refund, "" for none. A full one reads like the charge: "0.01 credits, 0.00 refunded" looks wrong."""
    if not job.refunded_microcredits:
        return ""
    is_full = job.refunded_microcredits == job.cost_microcredits
    return format_need(job.cost_microcredits) if is_full else format_have(job.refunded_microcredits)


def _title(job: Job, text: str, most: int = 70) -> str:
    words = " ".join(text.split())
    if not words:
        return f"Job {str(job.pk)[:8]}"
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"


def _minutes(job: Job) -> str:
    """Returns "12 of about 95 minutes of audio done, about 31 minutes left", for a job that takes minutes."""
    if job.status != JobStatus.PROCESSING or not job.chars_done or job.expected_finish_at is None:
        return ""
    minutes_left = (job.expected_finish_at - timezone.now()).total_seconds() / 60
    audio_minutes = job.audio_ms_done * job.chars_charged / job.chars_done / 60_000
    left = f"about {minutes_left:,.0f} minutes left" if minutes_left >= 1.5 else "about a minute left"
    if minutes_left < 0.75:
        left = "less than a minute left"
    if audio_minutes >= LONG_MINUTES:
        return f"{job.audio_ms_done // 60_000:,} of about {audio_minutes:,.0f} minutes of audio done, {left}"
    return left.capitalize() if minutes_left >= LONG_MINUTES else ""


def _clock(duration_ms: int) -> str:
    """Formats 4,800 ms as "0:05", with hours only if there are any."""
    minutes, seconds = divmod(round(duration_ms / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _size(size_bytes: int) -> str:
    if size_bytes < 1_000_000:
        return f"{max(1, round(size_bytes / 1000))} kB"
    return f"{size_bytes / 1_000_000:.1f} MB"

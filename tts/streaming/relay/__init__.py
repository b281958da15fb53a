"""Encoded audio on its way from the worker that makes it to the web process that hands it out.

One interface, two kinds: with REDIS_URL a stream in Redis, which reaches other machines; else the worker's own file in
the spool, which the web process reads while it grows. Owns bytes in passing and nothing else: whether a job is complete
stands in its row, and what a reader missed is in the audio store, byte for byte the same. So either kind may lose
anything, at any time, and costs only speed.
"""

import uuid
from collections.abc import AsyncGenerator

from django.conf import settings

from tts.models import Job
from tts.storage import store
from tts.streaming.relay import redis_stream, spool
from tts.streaming.relay.base import Relayed, Writer

__all__ = ["Relayed", "Writer", "follow", "writer_for"]


def writer_for(job: Job) -> Writer:
    """Takes the bytes of this attempt, beside the file in the spool. Raises OSError when the disk is full."""
    if not job.is_streamed:
        return Writer()
    if settings.REDIS_URL:
        return redis_stream.RedisWriter(_name(job.pk, job.attempt))
    return spool.SpoolWriter(store.spool_path(job, job.attempt))


def follow(job: Job, *, attempt: int) -> AsyncGenerator[Relayed | None, None]:
    """The bytes of one attempt from its first one on, as they are made.

    None says: nothing came for a while, or nothing more will; look at the job. It ends where the relay has lost bytes
    or is away.
    """
    if settings.REDIS_URL:
        return redis_stream.follow(_name(job.pk, attempt))
    return spool.follow(store.spool_path(job, attempt))


def _name(job_id: uuid.UUID, attempt: int) -> str:
    return f"relay:{job_id}:{attempt}"

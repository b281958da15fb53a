"""Relays encoded audio from the worker that generates it to the web process that sends it.

One interface, two implementations: with REDIS_URL a Redis stream, which reaches other machines; otherwise the worker's
own file in the spool, which the web process reads while it grows. Redis only has the last bytes of a stream; earlier
ones are in the audio store, in parts, while the job runs. The relay is only a transport: whether a job is complete is
in its row, and then the audio store has the same bytes in full, except for a header of the same size, which then has
the length. So either implementation may lose any data at any time, at the cost of speed only.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing

from django.conf import settings

from tts.models import Job
from tts.storage import store
from tts.streaming.relay import redis_stream, spool
from tts.streaming.relay.base import Relayed, Writer
from tts.streaming.relay.parts import PartsWriter, read_parts

__all__ = ["Relayed", "Writer", "follow", "writer_for"]

LOOK_AGAIN_SECONDS = 1.0  # for the next byte, if neither Redis nor the store has it
SILENCES = 5  # of a second each, before a reader checks whether the store has what Redis lost
REDIS_AWAY_SECONDS = 15.0  # before it is tried again


class StoredRedisWriter(Writer):
    """Writes to Redis and, in parts, to the audio store."""

    def __init__(self, job: Job) -> None:
        self._redis = redis_stream.RedisWriter(_name(job.pk, job.attempt))
        self._parts = PartsWriter(job, store.spool_path(job, job.attempt))

    def write(self, encoded: bytes, *, chars: int) -> None:
        self._redis.write(encoded, chars=chars)
        self._parts.write(encoded, chars=chars)

    def end(self) -> None:
        self._redis.end()  # first, because readers wait for it
        self._parts.end()
        self.has_parts = self._parts.has_parts


def writer_for(job: Job) -> Writer:
    """Returns the writer for this attempt, which is used in addition to the spool file. Raises OSError if the disk is
    full.
    """
    if not job.is_streamed:
        return Writer()
    if settings.REDIS_URL:
        return StoredRedisWriter(job)
    return spool.SpoolWriter(store.spool_path(job, job.attempt))


def follow(job: Job, *, attempt: int) -> AsyncGenerator[Relayed | None, None]:
    """Yields the bytes of one attempt from its first one, as they are generated.

    None means that nothing came for a while, or that nothing more will: check the job. The spool's generator ends with
    the attempt.
    """
    if settings.REDIS_URL:
        return _follow_redis(job.pk, attempt)
    return spool.follow(store.spool_path(job, attempt))


async def _follow_redis(job_id: uuid.UUID, attempt: int) -> AsyncGenerator[Relayed | None, None]:
    """Reads from Redis while it has the next byte, else from the store, and back again."""
    received_bytes, ask_redis_at = 0, float("-inf")
    while True:
        received_before, silences = received_bytes, 0
        if time.monotonic() >= ask_redis_at:
            try:
                async with aclosing(redis_stream.follow(_name(job_id, attempt), from_byte=received_bytes)) as relayed:
                    async for item in relayed:
                        yield item
                        if item is None:
                            silences += 1
                            if silences == SILENCES:
                                break
                        else:
                            silences, received_bytes = 0, received_bytes + len(item.encoded)
            except redis_stream.RelayAway:
                ask_redis_at = time.monotonic() + REDIS_AWAY_SECONDS
        async with aclosing(read_parts(job_id, attempt=attempt, from_byte=received_bytes)) as parts:
            async for part in parts:
                yield part
                received_bytes += len(part.encoded)
        if received_bytes == received_before and silences < SILENCES:
            yield None
            await asyncio.sleep(LOOK_AGAIN_SECONDS)


def _name(job_id: uuid.UUID, attempt: int) -> str:
    return f"relay:{job_id}:{attempt}"

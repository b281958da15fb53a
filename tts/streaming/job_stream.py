"""Streams a job's encoded audio while it is generated, from the first byte.

Bytes from the relay are sent at once, also to a reader that fell behind; once the job is complete, the rest comes from
the audio store. Only the job's row decides how it ended. Bytes sent before the job is complete are first counted on the
row, so that they cannot be refunded.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, suppress
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast
from wsgiref.util import FileWrapper

from asgiref.sync import async_to_sync, sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import connection
from django.http import HttpRequest

from config.connections import release_connection
from tts.errors import StoreUnavailable, StreamBroken
from tts.models import Job, JobStatus
from tts.storage import store
from tts.streaming import relay
from tts.streaming.handed_out import HandedOut

logger = logging.getLogger(__name__)

LOOK_AGAIN_SECONDS = 1.0  # between two checks of the row, if no relay reports changes
CHUNK_BYTES = 64 * 1024


async def listen(job: Job, *, is_counted: bool = True) -> AsyncGenerator[bytes, None]:
    """Yields the audio of a job while it is generated. Ends when the job is complete and its audio is stored.

    `is_counted` means that yielded bytes are sent at once; False if the caller keeps them until the job is complete.

    Raises StreamBroken if the job fails or is cancelled, or if another attempt starts after bytes of the first were
    sent: the output of two attempts need not match.
    """
    handed_out, heard_attempt = 0, 0
    count = HandedOut(job.pk) if is_counted else None
    while True:
        attempt = job.attempt + (job.status == JobStatus.PENDING)
        if handed_out and attempt != heard_attempt:
            raise StreamBroken(job.error_message)
        if job.status == JobStatus.COMPLETED:
            async with aclosing(_stored(job, handed_out)) as rest:
                async for chunk in rest:
                    yield chunk
            return
        if job.is_finished:
            raise StreamBroken(job.error_message)
        relayed = relay.follow(job, attempt=attempt)
        async with aclosing(relayed if count is None else count.follow(relayed, attempt=attempt)) as pieces:
            async for piece in pieces:
                if piece is not None:
                    heard_attempt = attempt
                    handed_out += len(piece.encoded)
                    yield piece.encoded
                    continue
                job = await _look(job.pk)
                if _is_over(job, attempt):
                    break
        # If the relay is unavailable, only the row has changes.
        while not _is_over(job, attempt):
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            job = await _look(job.pk)


async def wait_until_finished(job: Job, *, seconds: float) -> Job:
    """Returns the job once it has finished, after `seconds`, or as soon as its pace shows that it will take longer.

    Nothing is sent meanwhile; the audio is sent from its start afterwards.
    """
    if job.is_finished:
        return job
    deadline = time.monotonic() + seconds
    with suppress(TimeoutError):
        async with (
            asyncio.timeout(seconds),
            aclosing(relay.follow(job, attempt=job.attempt + (job.status == JobStatus.PENDING))) as pieces,
        ):
            first: tuple[float, int] | None = None  # the time of the first audio, and its characters
            async for piece in pieces:
                now = time.monotonic()
                if piece is None:
                    job = await _look(job.pk)
                    if job.is_finished:
                        return job
                elif first is None:
                    first = (now, piece.ready_chars)
                else:
                    seconds_a_char = (now - first[0]) / max(1, piece.ready_chars - first[1])
                    if now + seconds_a_char * (job.chars_charged - piece.ready_chars) > deadline and piece.ready_chars:
                        return job
    return await _look(job.pk)


def is_kept_back(request: HttpRequest) -> bool:
    """Whether a body for the server of `request` is only sent once the job is complete (see config.wsgi)."""
    return bool(request.META.get("CANNOT_BREAK_OFF")) and not isinstance(request, ASGIRequest)


def begin(chunks: AsyncGenerator[bytes, None], request: HttpRequest) -> "Iterator[bytes] | AsyncIterator[bytes]":
    """Returns the body of a response once its first bytes are there, of the type that the server of `request` takes.

    For synchronous views. Raises what `chunks` raises before its first bytes; if the server cannot abort a body, all
    that it raises.
    """
    release_connection()
    if isinstance(request, ASGIRequest):
        return _whole_async(async_to_sync(_first)(chunks), chunks)
    return _kept(_Steps(chunks)) if is_kept_back(request) else _Steps(chunks)


async def _first(chunks: AsyncGenerator[bytes, None]) -> bytes:
    return await anext(chunks, b"")


async def _whole_async(first: bytes, chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(chunks):
        yield first
        async for chunk in chunks:
            yield chunk


class _Steps(Iterator[bytes]):
    """Runs an async generator step by step, for a server without an event loop.

    Not a generator: one that was never started cannot be closed, so a client that disconnects before the first byte
    would leak everything.
    """

    def __init__(self, chunks: AsyncGenerator[bytes, None]) -> None:
        self._chunks = chunks
        self._loop = asyncio.new_event_loop()
        try:
            self._next = self._loop.run_until_complete(_first(chunks))
        except BaseException:
            self._loop.close()
            raise

    def __next__(self) -> bytes:
        chunk = self._next or self._loop.run_until_complete(_first(self._chunks))
        self._next = b""
        if not chunk:
            raise StopIteration
        return chunk

    def close(self) -> None:
        if not self._loop.is_closed():
            self._loop.run_until_complete(self._chunks.aclose())
            self._loop.close()


def _kept(steps: _Steps) -> Iterator[bytes]:
    """Returns the whole body from a temporary file, on disk if longer than a chunk. Closing it deletes the file."""
    file = SpooledTemporaryFile(max_size=CHUNK_BYTES)  # noqa: SIM115 - the receiver of the body closes it
    try:
        for chunk in steps:
            file.write(chunk)
    except BaseException:
        file.close()
        raise
    finally:
        steps.close()
    file.seek(0)
    return _ReadOnce(cast(BinaryIO, file), CHUNK_BYTES)


class _ReadOnce(FileWrapper):
    """Also closes its file at the end, because not every server closes a body that it has read."""

    def __next__(self) -> bytes:
        try:
            return super().__next__()
        except StopIteration:
            self.filelike.close()
            raise


def _is_over(job: Job, attempt: int) -> bool:
    """Whether this attempt has ended, in whatever way."""
    return job.is_finished or job.attempt > attempt or (job.status == JobStatus.PENDING and job.attempt == attempt)


@sync_to_async(thread_sensitive=False)
def _look(job_id: uuid.UUID) -> Job:
    try:
        return Job.objects.defer("text", "prompt").get(pk=job_id)
    finally:
        connection.close()  # a waiting stream holds no connection


async def _stored(job: Job, skip_bytes: int) -> AsyncGenerator[bytes, None]:
    """Yields the stored audio from this position. Raises StreamBroken if it was deleted, StoreUnavailable.

    A listener may hold a connection to the store for an hour, so a broken one is reopened.
    """
    in_thread = sync_to_async(thread_sensitive=False)
    while skip_bytes < job.audio_bytes:
        if not job.audio_key:  # erased since it was completed
            raise StreamBroken("The audio was deleted.")
        try:
            file = await in_thread(store.read_audio)(job.audio_key, skip_bytes)
        except FileNotFoundError:
            raise StreamBroken("The audio was deleted.") from None
        is_first = True
        try:
            while chunk := await in_thread(file.read)(CHUNK_BYTES):
                is_first = False
                skip_bytes += len(chunk)
                yield chunk
        except StoreUnavailable:
            if is_first:
                raise
            logger.info("job %s: the store broke off at byte %d of its audio", job.pk, skip_bytes)
        else:
            if is_first:
                raise StreamBroken("The audio was deleted.")
        finally:
            await in_thread(file.close)()

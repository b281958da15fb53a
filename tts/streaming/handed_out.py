"""Counts what a stream sends, before it is sent.

Limits the rate of the writes. `tts.refunds` uses the count; `lifecycle.raise_chars_handed_out` has the condition under
which it may be raised. If a web process dies between the write and the send, the customer is charged for what was ready
at that time; audio is never sent without being counted.
"""

import asyncio
import time
import uuid
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import suppress

from asgiref.sync import sync_to_async
from django.db import connection

from tts.services.lifecycle import raise_chars_handed_out
from tts.streaming.relay import Relayed

MAX_WRITES_A_SECOND = 4
MAX_HELD_BYTES = 1024 * 1024  # until the next write is due


class HandedOut:
    """Counts what one listener receives, over all attempts of a job."""

    def __init__(self, job_id: uuid.UUID) -> None:
        self._job_id = job_id
        self._counted_chars = -1
        self._written_at: deque[float] = deque(maxlen=MAX_WRITES_A_SECOND)

    async def follow(
        self, relayed: AsyncGenerator[Relayed | None, None], *, attempt: int
    ) -> AsyncGenerator[Relayed | None, None]:
        """Yields the same bytes, each once it has been counted. None means, as from the relay: check the job.

        Each write counts everything that is ready, so that a fast reader needs few. What arrives before the next write
        is due is held back, and dropped if the attempt ends meanwhile: a completed job's audio is in the store.
        """
        held, sent_bytes, counted_bytes = bytearray(), 0, 0
        latest = Relayed(b"", 0, 0)
        step: asyncio.Future[Relayed | None] | None = None
        try:
            while True:
                if len(held) < MAX_HELD_BYTES:
                    step = step or asyncio.ensure_future(anext(relayed))
                    await asyncio.wait([step], timeout=self._seconds_to_write() if held else None)
                    if step.done():
                        try:
                            item = step.result()
                        except StopAsyncIteration:
                            return
                        step = None
                        if item is None:
                            yield None
                            continue
                        latest = item
                        held += item.encoded
                else:
                    await asyncio.sleep(self._seconds_to_write())
                if sent_bytes + len(held) > counted_bytes:
                    if latest.ready_chars > self._counted_chars:
                        if self._seconds_to_write() > 0:
                            continue
                        if not await self._count(attempt, latest.ready_chars):
                            yield None
                            continue
                    counted_bytes = latest.ready_bytes
                sent_bytes += len(held)
                yield latest._replace(encoded=bytes(held))
                held.clear()
        finally:
            if step is not None:
                step.cancel()
                with suppress(asyncio.CancelledError, StopAsyncIteration):
                    await step
            await relayed.aclose()

    def _seconds_to_write(self) -> float:
        """Returns the time until the next write is due, or 0."""
        if len(self._written_at) < MAX_WRITES_A_SECOND:
            return 0.0
        return max(0.0, self._written_at[0] + 1.0 - time.monotonic())

    async def _count(self, attempt: int, chars: int) -> bool:
        self._written_at.append(time.monotonic())
        is_running = await _raise(self._job_id, attempt, chars)
        if is_running:
            self._counted_chars = chars
        return is_running


@sync_to_async(thread_sensitive=False)
def _raise(job_id: uuid.UUID, attempt: int, chars: int) -> bool:
    try:
        return raise_chars_handed_out(job_id=job_id, attempt=attempt, chars=chars)
    finally:
        connection.close()  # a waiting stream holds no connection

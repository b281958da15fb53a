"""Stores finished parts of a stream while the job runs, for readers that are further behind than the relay's buffer.

Decides when a part is stored, and reads them. `tts.services.parts` decides the order of row and object.
"""

import io
import logging
import os
import threading
import uuid
from collections.abc import AsyncGenerator
from contextvars import copy_context
from pathlib import Path

from asgiref.sync import sync_to_async
from django.db import Error as AnyDatabaseError
from django.db import connection

from tts.errors import StoreUnavailable
from tts.models import Job, StreamPart
from tts.selectors import find_stream_part
from tts.services.parts import PartDamaged, fetch_part, store_part
from tts.streaming.relay.base import CharMarks, Relayed, Writer

logger = logging.getLogger(__name__)

PART_BYTES = 1024 * 1024  # what a reader holds at a time; two minutes of Opus at its usual bitrate
# After a part before it is stored. Short streams have no parts, and the relay's buffer is larger than both together, so
# that a part is stored before its bytes leave the relay.
MARGIN_BYTES = 2 * 1024 * 1024
TRY_AGAIN_SECONDS = 5.0
CHUNK_BYTES = 64 * 1024


class PartsWriter(Writer):
    """Stores what an attempt has written to its spool file, in parts. A separate thread waits for the store."""

    def __init__(self, job: Job, spool: Path) -> None:
        self._job = job
        self._spool = spool
        self._marks = CharMarks()
        self._written_bytes = 0
        self._in_file_bytes = 0
        self._stored_bytes = 0
        self._is_over = False
        self._changed = threading.Condition()  # guards all of the above
        self._thread: threading.Thread | None = None

    def write(self, encoded: bytes, *, chars: int) -> None:
        with self._changed:
            self._in_file_bytes = self._written_bytes
            self._marks.add(self._written_bytes, chars)
            self._written_bytes += len(encoded)
            if self._is_due():
                self._changed.notify()
                if self._thread is None:
                    self.has_parts = True
                    self._thread = threading.Thread(
                        target=copy_context().run, args=(self._store_all,), name=f"parts of {self._job.pk}", daemon=True
                    )
                    self._thread.start()

    def end(self) -> None:
        with self._changed:
            self._is_over = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _is_due(self) -> bool:
        return self._in_file_bytes >= self._stored_bytes + PART_BYTES + MARGIN_BYTES

    def _store_all(self) -> None:
        try:
            with self._spool.open("rb", buffering=0) as file:
                while (part := self._next_part()) is not None:
                    if not self._store(part, os.pread(file.fileno(), PART_BYTES, part.begins)):
                        return
        except OSError:
            logger.warning("job %s: could not read its spool file", self._job.pk, exc_info=True)

    def _next_part(self) -> StreamPart | None:
        """Returns the next part, or None if the attempt is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_over or self._is_due())
            if self._is_over:
                return None
            begins, ends = self._stored_bytes, self._stored_bytes + PART_BYTES
            chars = self._marks.count(ends)
        return StreamPart(job=self._job, attempt=self._job.attempt, begins=begins, ends=ends, chars=chars)

    def _store(self, part: StreamPart, encoded: bytes) -> bool:
        """Retries until the part is stored. Returns False if it is no longer needed."""
        while True:
            try:
                if not store_part(part, io.BytesIO(encoded)):
                    return False
                break
            except (StoreUnavailable, AnyDatabaseError):
                logger.warning("job %s: could not store a part of its stream", self._job.pk, exc_info=True)
                part.pk = None  # another row: the object of this one may arrive late
            finally:
                connection.close()  # of this thread, which now waits
            with self._changed:
                if self._changed.wait_for(lambda: self._is_over, TRY_AGAIN_SECONDS):
                    return False
        with self._changed:
            self._stored_bytes = part.ends
        return True


async def read_parts(job_id: uuid.UUID, *, attempt: int, from_byte: int) -> AsyncGenerator[Relayed, None]:
    """Yields what is stored of an attempt from this position on. Ends early if the store does not respond."""
    while (found := await _read_part(job_id, attempt, from_byte)) is not None:
        part, encoded = found
        for start in range(0, len(encoded), CHUNK_BYTES):
            yield Relayed(encoded[start : start + CHUNK_BYTES], part.ends, part.chars)
        from_byte = part.ends


@sync_to_async(thread_sensitive=False)
def _read_part(job_id: uuid.UUID, attempt: int, from_byte: int) -> tuple[StreamPart, bytes] | None:
    """Returns the part that contains this byte, and its bytes from there on."""
    try:
        part = find_stream_part(job_id, attempt=attempt, at_byte=from_byte)
    finally:
        connection.close()  # a waiting stream holds no connection
    if part is None:
        return None
    content = io.BytesIO()
    try:
        fetch_part(part, content)
    except (FileNotFoundError, PartDamaged, StoreUnavailable) as error:  # just deleted with its job; or unavailable
        logger.info("%s could not be read: %s", part.key, type(error).__name__)
        return None
    return part, content.getvalue()[from_byte - part.begins :]

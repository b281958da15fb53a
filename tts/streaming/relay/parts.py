"""A stream's finished parts in the audio store, while the job runs: for readers that fell behind what the relay holds.

Owns when a part is stored, and reading them. The order of row and object is `tts.services.parts`.
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
# Behind a part before it is stored. Short streams have no parts, and the relay holds more than both together, so that
# a part is there before its bytes leave the relay.
MARGIN_BYTES = 2 * 1024 * 1024
TRY_AGAIN_SECONDS = 5.0
CHUNK_BYTES = 64 * 1024


class PartsWriter(Writer):
    """Stores what an attempt has written into its spool file, part by part. A thread of its own waits for the store."""

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
        """None: the attempt is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_over or self._is_due())
            if self._is_over:
                return None
            begins, ends = self._stored_bytes, self._stored_bytes + PART_BYTES
            chars = self._marks.count(ends)
        return StreamPart(job=self._job, attempt=self._job.attempt, begins=begins, ends=ends, chars=chars)

    def _store(self, part: StreamPart, encoded: bytes) -> bool:
        """Until it is there. False when there is no use in it any more."""
        while True:
            try:
                if not store_part(part, io.BytesIO(encoded)):
                    return False
                break
            except (StoreUnavailable, AnyDatabaseError):
                logger.warning("job %s: could not store a part of its stream", self._job.pk, exc_info=True)
                part.pk = None  # another row: the object of this one may come late
            finally:
                connection.close()  # of this thread, which waits now
            with self._changed:
                if self._changed.wait_for(lambda: self._is_over, TRY_AGAIN_SECONDS):
                    return False
        with self._changed:
            self._stored_bytes = part.ends
        return True


async def read_parts(job_id: uuid.UUID, *, attempt: int, from_byte: int) -> AsyncGenerator[Relayed, None]:
    """What is stored of an attempt from there on, as far as it goes. Ends early when the store does not answer."""
    while (found := await _read_part(job_id, attempt, from_byte)) is not None:
        part, encoded = found
        for start in range(0, len(encoded), CHUNK_BYTES):
            yield Relayed(encoded[start : start + CHUNK_BYTES], part.ends, part.chars)
        from_byte = part.ends


@sync_to_async(thread_sensitive=False)
def _read_part(job_id: uuid.UUID, attempt: int, from_byte: int) -> tuple[StreamPart, bytes] | None:
    """The part that has this byte, and its bytes from this one on."""
    try:
        part = find_stream_part(job_id, attempt=attempt, at_byte=from_byte)
    finally:
        connection.close()  # a stream that waits holds none
    if part is None:
        return None
    content = io.BytesIO()
    try:
        fetch_part(part, content)
    except (FileNotFoundError, PartDamaged, StoreUnavailable) as error:  # gone just now, with its job; or away
        logger.info("%s could not be read: %s", part.key, type(error).__name__)
        return None
    return part, content.getvalue()[from_byte - part.begins :]

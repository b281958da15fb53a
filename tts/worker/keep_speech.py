"""Stores what an engine has synthesized, segment by segment, so that a later attempt can continue after it.

Decides when a part is stored, and where it starts. `tts.services.parts` decides the order of row and object,
`tts.worker.resume_speech` reads the parts.
"""

import logging
import threading
import time
from contextvars import copy_context
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile, TemporaryFile
from types import TracebackType
from typing import IO, Self

from django.conf import settings
from django.db import Error as AnyDatabaseError
from django.db import connection

from speech.audio.lossless import pack_pcm
from speech.audio.wav import BYTES_PER_SAMPLE
from speech.engines.base import Segment
from tts.errors import StoreUnavailable
from tts.models import Job, SpeechPart
from tts.services.parts import store_part
from tts.worker.resume_speech import fingerprint

logger = logging.getLogger(__name__)

SAVE_EVERY_SECONDS = 60.0  # of work: the most that is lost when a worker dies
SAVE_EVERY_BYTES = 32 * 1024 * 1024  # of PCM: 12 minutes of audio, for an engine that is faster than that
WORTH_SAVING_SECONDS = 5.0  # of audio: less is faster to synthesize again than to fetch
MEMORY_BYTES = 4 * 1024 * 1024  # of PCM; beyond that, an unnamed file in the spool is used
GIVE_UP_BYTES = 512 * 1024 * 1024  # while the store is unavailable


@dataclass
class _Part:
    """PCM to be stored. What follows its last finished segment is not included."""

    file: IO[bytes]
    begins: int
    chars: int = 0
    segments: list[Segment] = field(default_factory=list)
    segment_samples: list[int] = field(default_factory=list)
    written_bytes: int = 0
    finished_bytes: int = 0


class SpeechKeeper:
    """Receives the PCM of one attempt from the engine. A separate thread packs and stores it.

    Never raises: speech that cannot be stored is just synthesized again. As a context manager, it waits for its thread.
    """

    def __init__(self, job: Job) -> None:
        self.has_parts = False  # whether the store has, or may have, parts
        self.rate_hertz = 0
        self.sound_version = ""
        self._job = job
        self._part: _Part | None = None
        self._unsaved: _Part | None = None  # finished, but the store was unavailable
        self._segments = 0  # so far, stored before or now
        self._saved_at = time.monotonic()
        self._thread: threading.Thread | None = None
        self._has_given_up = False

    def skip_segment(self) -> None:
        """Skips a segment that is in a part of an earlier attempt."""
        self._segments += 1

    def feed(self, pcm: bytes) -> None:
        if self._has_given_up:
            return
        try:
            part = self._open_part()
            part.file.write(pcm)
        except OSError as error:
            self._give_up(type(error).__name__)
            return
        part.written_bytes += len(pcm)
        if part.written_bytes > GIVE_UP_BYTES:
            self._give_up("the store does not answer")

    def end_segment(self, segment: Segment, *, chars: int) -> None:
        """Ends a segment. `chars` is how many of the charged code points have been spoken so far."""
        if self._has_given_up:
            return
        part = self._open_part()  # a segment may be empty
        self._segments += 1
        part.segments.append(segment)
        part.segment_samples.append((part.written_bytes - part.finished_bytes) // BYTES_PER_SAMPLE)
        part.finished_bytes, part.chars = part.written_bytes, chars
        is_due = time.monotonic() - self._saved_at >= SAVE_EVERY_SECONDS or part.written_bytes >= SAVE_EVERY_BYTES
        if is_due and not self._is_saving():
            self._save_next()

    def save(self) -> None:
        """Stores the finished segments before the attempt ends without completing the job. Waits until that is done."""
        for _ in range(2):  # what the store did not take before, and what came since
            self._join()
            if self._has_given_up:
                return
            if self._unsaved is None and (self._part is None or self._finished_seconds() < WORTH_SAVING_SECONDS):
                return
            self._save_next()
        self._join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._join()
        self._drop()

    def _open_part(self) -> _Part:
        if self._part is None:
            file = SpooledTemporaryFile(MEMORY_BYTES, dir=str(settings.SPOOL_DIR))  # noqa: SIM115 - the part closes it
            self._part = _Part(file, begins=self._segments)
        return self._part

    def _finished_seconds(self) -> float:
        return self._part.finished_bytes / BYTES_PER_SAMPLE / self.rate_hertz if self._part else 0.0

    def _is_saving(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _join(self) -> None:
        if self._thread is not None:
            self._thread.join()

    def _save_next(self) -> None:
        """Stores the older part first: a part is only usable after those before it. Call when none is being stored."""
        part, self._unsaved = self._unsaved, None
        if part is None:
            part, self._part = self._part, None
        self._saved_at = time.monotonic()
        self.has_parts = True
        self._thread = threading.Thread(target=copy_context().run, args=(self._store, part), name="keep speech")
        self._thread.start()

    def _store(self, part: _Part) -> None:
        row = SpeechPart(
            job=self._job,
            attempt=self._job.attempt,
            begins=part.begins,
            ends=part.begins + len(part.segments),
            chars=part.chars,
            segment_samples=part.segment_samples,
            fingerprint=fingerprint(part.segments, rate_hertz=self.rate_hertz, sound_version=self.sound_version),
        )
        try:
            with TemporaryFile(dir=settings.SPOOL_DIR) as flac:
                part.file.seek(0)
                pack_pcm(part.file, flac, size_bytes=part.finished_bytes, rate_hertz=self.rate_hertz)
                if not store_part(row, flac):
                    self._has_given_up = True
        except (StoreUnavailable, OSError, AnyDatabaseError):
            logger.warning("job %s: could not keep the speech so far", self._job.pk, exc_info=True)
            self._unsaved = part
        else:
            part.file.close()
        finally:
            connection.close()  # of this thread

    def _give_up(self, why: str) -> None:
        logger.warning("job %s: stopped keeping its speech: %s", self._job.pk, why)
        self._has_given_up = True
        self._drop()

    def _drop(self) -> None:
        for part in (self._part, self._unsaved):
            if part is not None:
                part.file.close()
        self._part = None

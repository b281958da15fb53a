"""Holds a claimed job while a worker runs it.

Renews the lease regularly, and detects the two reasons to stop early: the job was lost, or the process should stop.
"""

import logging
import threading
import time
from contextvars import copy_context
from dataclasses import asdict
from types import TracebackType
from typing import Self

from django.conf import settings
from django.db import Error as AnyDatabaseError
from django.db import connection

from tts.models import Job
from tts.services import lifecycle
from tts.stopping import worker_is_stopping
from tts.timing import Progress

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 1.0


class LeaseLost(Exception):
    """The job is no longer this worker's: it was cancelled, or another worker claimed it."""


class WorkerStopping(Exception):
    """The process was told to stop; the job is released to the queue."""


class Lease:
    """Keeps a claimed job while it runs: a thread renews the lease and reports the progress."""

    def __init__(self, job: Job) -> None:
        self.chars_done = job.chars_done  # stored by an earlier attempt
        self.audio_ms_done = 0
        self.is_storing = False
        self._pace_since: tuple[float, int] | None = None  # when, and how many characters were done then
        self._job = job
        self._lost = threading.Event()
        self._released = threading.Event()
        self._thread = threading.Thread(
            target=copy_context().run, args=(self._keep,), name=f"lease {job.pk}", daemon=True
        )

    def check(self) -> None:
        """Raises LeaseLost or WorkerStopping."""
        if self._lost.is_set():
            raise LeaseLost
        if worker_is_stopping.is_set():
            raise WorkerStopping

    def begin_pace(self) -> None:
        """Starts measuring the speed, after the characters that earlier attempts stored."""
        self._pace_since = None

    def progress(self) -> Progress:
        """Returns the current progress. Call repeatedly: the speed is unknown at the first call."""
        now, chars_done = time.monotonic(), self.chars_done
        if self._pace_since is None:
            self._pace_since = (now, chars_done) if chars_done else None
            return Progress(chars_done, self.is_storing, self.audio_ms_done)
        since, chars_before = self._pace_since
        if chars_done == chars_before:
            return Progress(chars_done, self.is_storing, self.audio_ms_done)
        chars_left = max(0, self._job.chars_charged - chars_done)
        seconds_left = (now - since) / (chars_done - chars_before) * chars_left
        return Progress(chars_done, self.is_storing, self.audio_ms_done, seconds_left)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._released.set()
        self._thread.join()

    def _keep(self) -> None:
        renewed_at, reported = time.monotonic(), Progress(chars_done=self._job.chars_done)
        renew_every_seconds = settings.JOB_LEASE_SECONDS / 3
        while not self._released.wait(min(HEARTBEAT_SECONDS, renew_every_seconds)):
            progress, now = self.progress(), time.monotonic()
            is_news = (progress.chars_done, progress.is_storing) != (reported.chars_done, reported.is_storing)
            if not is_news and now - renewed_at < renew_every_seconds:
                continue
            try:
                is_mine = lifecycle.renew_lease(job=self._job, **asdict(progress))
            except AnyDatabaseError:
                # Temporarily unavailable: retry until the lease expires, after which another worker may claim the job.
                logger.warning("job %s: the lease could not be renewed", self._job.pk, exc_info=True)
                is_mine = now - renewed_at < settings.JOB_LEASE_SECONDS
            else:
                renewed_at, reported = now, progress
            finally:
                # A broken connection stays broken until it is closed; a good one is for others until the next renewal.
                connection.close()
            if not is_mine:
                self._lost.set()
                return

"""A worker's hold on a claimed job while it works on it.

Owns the heartbeat, and the two ways in which work ends early: the job was taken away, or the process is to stop.
"""

import logging
import threading
import time
from contextvars import copy_context
from types import TracebackType
from typing import Self

from django.conf import settings
from django.db import Error as AnyDatabaseError
from django.db import connection

from tts.models import Job
from tts.services import lifecycle
from tts.stopping import worker_is_stopping

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 1.0


class LeaseLost(Exception):
    """The job is no longer this worker's: cancelled, or given to another."""


class WorkerStopping(Exception):
    """The process was told to stop; the job goes back to the queue."""


class Lease:
    """Keeps a claimed job ours while it is worked on: a thread renews the lease and reports the progress."""

    def __init__(self, job: Job) -> None:
        self.chars_done = 0
        self.is_storing = False  # everything is synthesised, and the store has it or is about to
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

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._released.set()
        self._thread.join()

    def _keep(self) -> None:
        renewed_at, reported = time.monotonic(), (0, False)
        renew_every_seconds = settings.JOB_LEASE_SECONDS / 3
        while not self._released.wait(min(HEARTBEAT_SECONDS, renew_every_seconds)):
            progress, now = (self.chars_done, self.is_storing), time.monotonic()
            if progress == reported and now - renewed_at < renew_every_seconds:
                continue
            try:
                is_mine = lifecycle.renew_lease(job=self._job, chars_done=progress[0], is_storing=progress[1])
            except AnyDatabaseError:
                # Away for a moment: try again until the lease is over, then somebody else has the job.
                logger.warning("job %s: the lease could not be renewed", self._job.pk, exc_info=True)
                is_mine = now - renewed_at < settings.JOB_LEASE_SECONDS
            else:
                renewed_at, reported = now, progress
            finally:
                # A broken connection stays broken until it is closed; a good one is for others between two beats.
                connection.close()
            if not is_mine:
                self._lost.set()
                return

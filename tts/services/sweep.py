"""Periodic cleanup: recovers stuck jobs and deletes expired data."""

import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from accounts.cache import forget_expired_counters
from accounts.models import Account
from accounts.services.idempotency import forget_expired
from tts.errors import StoreUnavailable
from tts.models import Job
from tts.queue import wake_worker
from tts.services.lifecycle import due_jobs, erase_job, fail_jobs_of_removed_engines, reclaim_dead_jobs
from tts.services.parts import delete_parts_of_finished_jobs
from tts.services.queue_presence import fail_unserved_jobs, watch_queues
from tts.services.voice_previews import sweep_auditions

logger = logging.getLogger(__name__)

ERASE_BATCH = 200
SPOOL_MAX_AGE_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Sweep:
    """The results of a sweep.

    Reclaimed: taken from dead workers. Stranded: failed because their engine was removed. Unserved: failed because
    their queue had no worker. Parts: of the audio of ended jobs. Erased and forgotten: past their retention.
    """

    reclaimed_jobs: int
    stranded_jobs: int
    woken_queues: int
    erased_jobs: int
    forgotten_requests: int
    forgotten_counters: int
    removed_spool_files: int
    forgotten_auditions: int
    unserved_jobs: int
    deleted_parts: int = 0


def sweep() -> Sweep:
    """Runs all cleanups. Safe at any time, on several machines at once."""
    watch_queues()
    reclaimed = reclaim_dead_jobs()
    stranded = fail_jobs_of_removed_engines()
    unserved = fail_unserved_jobs()
    waiting = list(due_jobs().order_by().values_list("queue", flat=True).distinct())
    return Sweep(
        reclaimed_jobs=reclaimed,
        stranded_jobs=stranded,
        woken_queues=sum(wake_worker(queue) for queue in waiting),
        erased_jobs=erase_old_jobs(),
        forgotten_requests=forget_expired(),
        forgotten_counters=forget_expired_counters(),
        removed_spool_files=remove_stale_spool_files(),
        forgotten_auditions=forget_auditions(),
        unserved_jobs=unserved,
        deleted_parts=delete_left_parts(),
    )


def delete_left_parts() -> int:
    try:
        return delete_parts_of_finished_jobs()
    except StoreUnavailable:
        logger.warning("could not delete the parts of finished jobs", exc_info=True)
        return 0


def forget_auditions() -> int:
    try:
        return sweep_auditions()
    except StoreUnavailable:
        logger.warning("could not delete expired voice previews", exc_info=True)
        return 0


def erase_old_jobs() -> int:
    """Erases text, metadata and audio of jobs past AUDIO_RETENTION_DAYS or their account's limit, one batch each."""
    now = timezone.now()
    left = Job.objects.filter(erased_at=None).select_related("account").defer("text")
    old = [left.filter(finished_at__lt=now - timedelta(days=settings.AUDIO_RETENTION_DAYS))]
    own = Account.objects.filter(retention_days__lt=settings.AUDIO_RETENTION_DAYS).order_by()
    for days in own.values_list("retention_days", flat=True).distinct():
        assert days is not None
        old.append(left.filter(account__retention_days=days, finished_at__lt=now - timedelta(days=days)))
    erased = 0
    try:
        for jobs in old:
            for job in list(jobs[:ERASE_BATCH]):
                erase_job(job=job)
                erased += 1
    except StoreUnavailable:
        # The others would wait just as long; the next sweep tries again.
        logger.warning("could not delete expired audio", exc_info=True)
    return erased


def remove_stale_spool_files() -> int:
    """Removes half-written audio of killed workers. Files in use were modified recently."""
    limit = time.time() - SPOOL_MAX_AGE_SECONDS
    removed = 0
    for path in settings.SPOOL_DIR.glob("*"):
        # Another sweep, or the worker itself, may be faster.
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < limit:
                path.unlink()
                removed += 1
    return removed

"""Tracks whether queues have workers, and fails jobs that have none.

Workers report which queues they serve, and the sweeper checks. A job fails only after two timeouts: its queue's and its
own. The queue's timeout starts at the last report of a worker or, if later, when the sweeper began to watch without
interruption. A night in which everything was off does not count, and neither does maintenance: any interruption of the
watch restarts the timeout.
"""

import logging
from collections.abc import Collection
from datetime import timedelta

from django.conf import settings
from django.db.models import Case, Exists, F, OuterRef, Q, When
from django.db.models.functions import Greatest, Now

from accounts.models import Maintenance
from tts.models import Job, JobStatus, QueueWatch
from tts.queue_presence import needed_queues
from tts.services.lifecycle import fail_waiting_job

logger = logging.getLogger(__name__)

# Between two checks of the sweeper, which runs every 5 s, and late while much has to be erased.
MAX_WATCH_GAP = timedelta(seconds=60)
FAIL_BATCH = 200  # jobs per sweep, to keep it short; the next one continues

# Since this time, the sweeper has seen no worker.
MISSING_SINCE = Greatest("last_served_at", "watched_since")

NO_WORKER_MESSAGE = "No worker has been available for this voice for {duration}. Try again later, or try another voice."


def note_served(queues: Collection[str]) -> None:
    """Records that a worker serves these queues now."""
    noted = QueueWatch.objects.filter(queue__in=queues).update(last_served_at=Now())
    if noted < len(queues):
        _add_missing(queues)


def watch_queues() -> None:
    """Checks all queues, for the sweeper. Safe to run on several machines at once."""
    if set(settings.SPEECH_QUEUES) - set(QueueWatch.objects.values_list("queue", flat=True)):
        _add_missing(settings.SPEECH_QUEUES)
    interrupted = Q(watched_at__lt=Now() - MAX_WATCH_GAP) | Q(Exists(Maintenance.objects.all()))
    _log_new_absences(~interrupted)
    QueueWatch.objects.update(
        watched_since=Case(When(interrupted, then=Now()), default=F("watched_since")), watched_at=Now()
    )


def fail_unserved_jobs() -> int:
    """Fails and refunds jobs that waited QUEUE_UNSERVED_SECONDS in a queue without workers. Returns how many.

    The condition is part of each UPDATE: a worker that starts up, or claims the job, prevents the failure.
    """
    limit = timedelta(seconds=settings.QUEUE_UNSERVED_SECONDS)
    unserved = QueueWatch.objects.alias(missing_since=MISSING_SINCE).filter(missing_since__lt=Now() - limit)
    if not unserved.exists():  # almost always, and the jobs need not be queried then
        return 0
    waiting = Job.objects.filter(
        Q(not_before=None) | Q(not_before__lt=Now() - limit),
        Exists(unserved.filter(queue=OuterRef("queue"))),
        ~Exists(Maintenance.objects.all()),
        status=JobStatus.PENDING,
        created_at__lt=Now() - limit,
    )
    message = NO_WORKER_MESSAGE.format(duration=_in_words(settings.QUEUE_UNSERVED_SECONDS))
    jobs = waiting.select_related("account").defer("text").order_by("created_at")[:FAIL_BATCH]
    return sum(fail_waiting_job(waiting=waiting, job=job, message=message) for job in jobs)


def _add_missing(queues: Collection[str]) -> None:
    QueueWatch.objects.bulk_create([QueueWatch(queue=queue) for queue in queues], ignore_conflicts=True)


def _log_new_absences(was_watched: Q) -> None:
    """Logs one line per queue, at the first check after its worker counts as absent."""
    absent_after = timedelta(seconds=settings.WORKER_ABSENT_SECONDS)
    gone = QueueWatch.objects.alias(missing_since=MISSING_SINCE).filter(
        was_watched,
        missing_since__lt=Now() - absent_after,
        missing_since__gte=F("watched_at") - absent_after,
        queue__in=needed_queues().values("queue"),
    )
    for watch in gone:
        logger.error("no worker for %s since %s", watch.queue, watch.last_served_at.isoformat(timespec="seconds"))


def _in_words(seconds: int) -> str:
    if seconds % 60:
        return f"{seconds} seconds"
    return "1 minute" if seconds == 60 else f"{seconds // 60} minutes"

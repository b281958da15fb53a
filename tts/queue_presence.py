"""Reports which queues have no worker. `tts.services.queue_presence` collects the data."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from tts.models import Job, JobStatus, QueueWatch
from tts.queue import MAINTENANCE_QUEUE
from voices.selectors import usable_voices
from webhooks.dispatch import QUEUE as WEBHOOK_QUEUE


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """`unserved_seconds` is 0.0 while a worker serves the queue, else the time since one last did."""

    queue: str
    last_served_at: datetime
    unserved_seconds: float

    def __str__(self) -> str:
        return f"No worker for {self.queue} since {self.last_served_at:%Y-%m-%d %H:%M} UTC"


def list_needed_queues() -> list[QueueStatus]:
    """Returns every queue that needs a worker, by name. One query."""
    absent_after = timedelta(seconds=settings.WORKER_ABSENT_SECONDS)
    statuses = []
    for row in needed_queues().annotate(now=Now()).order_by("queue"):
        silence = row.now - row.last_served_at
        unserved_seconds = silence.total_seconds() if silence > absent_after else 0.0
        statuses.append(QueueStatus(row.queue, row.last_served_at, unserved_seconds))
    return statuses


def list_unserved_queues() -> list[QueueStatus]:
    return [status for status in list_needed_queues() if status.unserved_seconds]


def needed_queues() -> QuerySet[QueueWatch]:
    """Returns the queues of engines with usable voices, of pending jobs, of maintenance and of webhooks.

    An engine that is configured but unavailable has no usable voice, so it needs no worker.
    """
    providers: dict[str, list[str]] = defaultdict(list)
    for provider in settings.SPEECH_ENGINES:
        if provider in settings.ENGINE_QUEUES:
            providers[settings.ENGINE_QUEUES[provider]].append(provider)
    is_needed = Q(queue=MAINTENANCE_QUEUE)
    if settings.WEBHOOK_SECRET_KEYS:
        is_needed |= Q(queue=WEBHOOK_QUEUE)
    for queue, names in providers.items():
        is_needed |= Q(Exists(usable_voices().filter(provider__in=names)), queue=queue)
    waiting = Job.objects.filter(status=JobStatus.PENDING, queue=OuterRef("queue"))
    return QueueWatch.objects.filter(is_needed | Q(Exists(waiting)))

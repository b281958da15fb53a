"""Records which queues have a worker."""

from django.db import models
from django.db.models.functions import Now


class QueueWatch(models.Model):
    """When a queue last had a worker, and since when the sweeper has watched it. All times are the database's.

    One row per queue, not per worker process: the question is whether the queue has any worker, and the answer must
    outlive the last one. A worker that stops has nothing to clean up, so a rolling restart raises no alarm.
    """

    queue = models.CharField(max_length=64, primary_key=True)
    # When a worker last reported that it serves the queue; if none ever did, when the queue was first known.
    last_served_at = models.DateTimeField(db_default=Now())
    # The sweeper checks every few seconds. `watched_since` is the first check since the last gap or maintenance.
    watched_since = models.DateTimeField(db_default=Now())
    watched_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.queue

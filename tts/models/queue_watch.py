"""Which queues have a worker."""

from django.db import models
from django.db.models.functions import Now


class QueueWatch(models.Model):
    """When a queue last had a worker, and since when the sweeper has watched it. All times by the database's clock.

    One row a queue, not one a worker process: the question is whether anybody serves the queue, and the answer outlives
    the last worker. A worker that stops has nothing to take back, so a rolling restart raises no alarm.
    """

    queue = models.CharField(max_length=64, primary_key=True)
    # When a worker last said that it serves the queue; where none ever did, when the queue was first known.
    last_served_at = models.DateTimeField(db_default=Now())
    # The sweeper looks every few seconds. `watched_since`: the first look after which no gap and no maintenance came.
    watched_since = models.DateTimeField(db_default=Now())
    watched_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.queue

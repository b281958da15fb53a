"""Waking the sender. The database says what is due; a message only says: look."""

from config.task_dispatch import dispatch_task

QUEUE = "webhooks"


def wake_sender() -> bool:
    return dispatch_task("webhooks.tasks.send_due", [], queue=QUEUE)

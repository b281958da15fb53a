"""Wakes the sender. The message has no content: the database says what is due."""

from config.task_dispatch import dispatch_task

QUEUE = "webhooks"


def wake_sender() -> bool:
    return dispatch_task("webhooks.tasks.send_due", [], queue=QUEUE)

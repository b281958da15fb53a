"""Waking the sender. The database says what is due; a message only says: look."""

from config.task_dispatch import send_wake_up

QUEUE = "webhooks"


def wake_sender() -> bool:
    return send_wake_up("webhooks.tasks.send_due", [], queue=QUEUE)

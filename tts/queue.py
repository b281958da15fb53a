"""Wakes the workers that generate speech, through `config.task_dispatch`."""

from config.task_dispatch import dispatch_task

MAINTENANCE_QUEUE = "maintenance"  # for the tasks that beat schedules


def wake_worker(queue: str) -> bool:
    """Sends a wake-up. Returns False if the broker is unavailable; the sweeper will send another."""
    return dispatch_task("tts.tasks.speak_next", [queue], queue=queue)

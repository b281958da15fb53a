"""Waking the workers that speak. How a wake-up is sent: `config.task_dispatch`."""

from config.task_dispatch import dispatch_task

MAINTENANCE_QUEUE = "maintenance"  # of the tasks that beat asks for


def wake_worker(queue: str) -> bool:
    """Sends a wake-up. False when the broker is away; the sweeper will wake again."""
    return dispatch_task("tts.tasks.speak_next", [queue], queue=queue)

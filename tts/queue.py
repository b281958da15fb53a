"""Waking workers. The database says what waits; a message only says: look.

Nothing here imports the tasks: the web process sends their names and loads no codec.
"""

import logging
from pathlib import Path

from django.conf import settings
from kombu.exceptions import OperationalError as BrokerError

from config.celery import app
from config.metrics import LOST_WAKE_UPS

logger = logging.getLogger(__name__)

WAKE_UP_EXPIRES_SECONDS = 60


def wake_worker(queue: str) -> bool:
    """Sends a wake-up. A broker that is away loses no job, for the sweeper wakes again: False, and a line in the log."""
    try:
        app.send_task(
            "tts.tasks.speak_next", args=[queue], queue=queue, expires=WAKE_UP_EXPIRES_SECONDS, retry=False
        )
    except (BrokerError, OSError) as error:
        LOST_WAKE_UPS.inc()
        logger.warning("the broker is out of reach, %s waits for the sweeper: %s", queue, type(error).__name__)
        return False
    return True


def ensure_queue_folders() -> None:
    """The file queue's folders, which the transport expects to exist; also after somebody deleted them."""
    options = getattr(settings, "CELERY_BROKER_TRANSPORT_OPTIONS", {})  # none with another broker
    for name in ("data_folder_in", "control_folder"):
        if name in options:
            Path(str(options[name])).mkdir(parents=True, exist_ok=True)

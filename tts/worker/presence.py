"""Reports every WORKER_PRESENCE_SECONDS, in a thread, which queues this worker process serves."""

import logging
import threading
from collections.abc import Collection

from django.conf import settings
from django.db import Error as AnyDatabaseError
from django.db import connection

from tts.services.queue_presence import note_served
from tts.stopping import worker_is_stopping

logger = logging.getLogger(__name__)


def start_noting(queues: Collection[str]) -> threading.Thread:
    """Starts the thread, which runs until the worker is told to stop."""
    thread = threading.Thread(target=_note_until_stopped, args=(queues,), name="presence", daemon=True)
    thread.start()
    return thread


def _note_until_stopped(queues: Collection[str]) -> None:
    while True:
        try:
            note_served(queues)
        except AnyDatabaseError as error:
            # The next report follows soon; while the database is unavailable, this one could not be read anyway.
            logger.warning("could not record that this worker serves %s: %s", ", ".join(queues), type(error).__name__)
        finally:
            connection.close()  # a broken connection stays broken until it is closed; a good one is for others
        if worker_is_stopping.wait(settings.WORKER_PRESENCE_SECONDS):
            return

"""Wakes workers. Messages have no content: the database says what is due.

Nothing here imports a task. The web process sends the task's name and does not load the codecs.
"""

import logging
from collections.abc import Sequence

from amqp.exceptions import AMQPError
from kombu import Connection
from kombu.exceptions import KombuError
from kombu.pools import producers

from config.celery import app
from config.metrics import LOST_WAKE_UPS

logger = logging.getLogger(__name__)

WAKE_UP_EXPIRES_SECONDS = 60
# A caller waits for this. With these limits, a broker that is down or hangs costs a submission about a second, instead
# of the six seconds of Celery's default connection.
CONNECT_SECONDS = 0.3
ANSWER_SECONDS = 0.3  # a Redis cache that hangs takes as long again; together that is below a second


def dispatch_task(task: str, args: Sequence[str], *, queue: str) -> bool:
    """Sends a task message. If the broker is down, logs that and returns False; the sweeper sends it again."""
    try:
        with producers[_connection()].acquire(block=True, timeout=ANSWER_SECONDS) as producer:
            app.send_task(
                task,
                args=list(args),
                queue=queue,
                expires=WAKE_UP_EXPIRES_SECONDS,
                producer=producer,
                # Retry once over a new connection: the pooled one may be older than the broker.
                retry=True,
                retry_policy={"max_retries": 1, "interval_start": 0},
            )
    except (KombuError, AMQPError, OSError) as error:
        LOST_WAKE_UPS.inc()
        logger.warning("the broker is unavailable; the sweeper will pick up %s: %s", queue, type(error).__name__)
        return False
    return True


def _connection() -> Connection:
    """Returns the broker connection with short timeouts. It connects when a message is sent."""
    patience = {
        "max_retries": 0,
        "interval_start": 0,
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": ANSWER_SECONDS,
    }
    return app.connection_for_write(
        connect_timeout=CONNECT_SECONDS,
        transport_options=app.conf.broker_transport_options | patience,
    )

"""Waking workers. The database says what waits; a message only says: look.

Nothing here imports a task: the web process sends their names and loads no codec.
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
# A caller waits for this. A broker that is away, or says nothing, costs a submission at most about a second, not
# the six that Celery's own connection takes by default.
CONNECT_SECONDS = 0.3
ANSWER_SECONDS = 0.3  # the cache of a Redis that hangs costs as much again; together they stay below a second


def dispatch_task(task: str, args: Sequence[str], *, queue: str) -> bool:
    """False, and a line in the log, when the broker is away; the sweeper will wake again."""
    try:
        with producers[_connection()].acquire(block=True, timeout=ANSWER_SECONDS) as producer:
            app.send_task(
                task,
                args=list(args),
                queue=queue,
                expires=WAKE_UP_EXPIRES_SECONDS,
                producer=producer,
                # Once more, over a fresh connection: the kept one may be older than the broker.
                retry=True,
                retry_policy={"max_retries": 1, "interval_start": 0},
            )
    except (KombuError, AMQPError, OSError) as error:
        LOST_WAKE_UPS.inc()
        logger.warning("the broker is unavailable; the sweeper will pick up %s: %s", queue, type(error).__name__)
        return False
    return True


def _connection() -> Connection:
    """What producers are pooled by: the broker, with little patience. It connects when something is sent."""
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

"""Waking the maintenance worker for an event of Stripe's. A message only says: look; the sweep looks anyway."""

import logging

from amqp.exceptions import AMQPError
from kombu.exceptions import KombuError
from kombu.pools import producers

from config.celery import app

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 0.5


def wake_for_event(event_id: str) -> bool:
    """False, and a line in the log, when the broker is away."""
    patience = {
        "max_retries": 0,
        "interval_start": 0,
        "socket_connect_timeout": PATIENCE_SECONDS,
        "socket_timeout": PATIENCE_SECONDS,
    }
    connection = app.connection_for_write(
        connect_timeout=PATIENCE_SECONDS, transport_options=app.conf.broker_transport_options | patience
    )
    try:
        with producers[connection].acquire(block=True, timeout=PATIENCE_SECONDS) as producer:
            app.send_task(
                "billing.tasks.apply_event",
                args=[event_id],
                queue="maintenance",
                producer=producer,
                retry=True,
                retry_policy={"max_retries": 1, "interval_start": 0},
            )
    except (KombuError, AMQPError, OSError) as error:
        logger.warning("the broker is out of reach, an event waits for the sweep: %s", type(error).__name__)
        return False
    return True

"""Celery tasks. Messages only wake them; each reads the database to find its work."""

from typing import Any

from celery import shared_task
from celery.signals import worker_shutting_down

from webhooks.mails import tell_owners
from webhooks.sender import sender
from webhooks.services.deliveries import forget_old_deliveries


@shared_task
def send_due() -> None:
    sender.run()


@shared_task
def tidy() -> None:
    tell_owners()
    forget_old_deliveries()


@worker_shutting_down.connect
def stop_sending(**kwargs: Any) -> None:
    sender.stop()

"""The Celery application. Messages only wake workers: the database says what there is to do."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("utterance")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_logging(**kwargs: Any) -> None:
    """Keeps `settings.LOGGING`: connecting a receiver stops Celery from setting up its own logging."""

"""Celery tasks: wake-ups. Each looks into the database for what is to be done."""

import logging
from typing import Any

from celery import shared_task
from celery.exceptions import WorkerShutdown
from celery.signals import worker_ready, worker_shutting_down

from config import logs
from tts import pipeline
from tts.engines.base import EngineError
from tts.engines.registry import all_engines
from tts.lease import worker_is_stopping
from tts.services import lifecycle
from tts.services import sweep as sweep_service

logger = logging.getLogger(__name__)


@shared_task
def speak_next(queue: str) -> None:
    """Runs what waits in a queue until nothing does."""
    while not worker_is_stopping.is_set():
        job = lifecycle.claim_next_job(queue=queue)
        if job is None:
            return
        with logs.context(job_id=job.pk, account_id=job.account_id):
            pipeline.run_job(job)


@shared_task
def sweep() -> None:
    sweep_service.sweep()


@worker_ready.connect
def start_up(**kwargs: Any) -> None:
    """A fresh worker first looks for what an earlier one left behind, and makes its engines quick to answer."""
    sweep_service.sweep()
    for engine in all_engines():
        try:
            engine.warm_up()
        except EngineError as error:
            logger.warning("engine %s: %s", engine.name, error)


@worker_shutting_down.connect
def give_jobs_back(**kwargs: Any) -> None:
    """Jobs that run now go back to the queue at their next chunk of sound, and the worker leaves its loop at once.

    Celery would first wait twice for messages, two seconds each. Nothing is lost by not waiting: a message is only a
    wake-up.
    """
    worker_is_stopping.set()
    raise WorkerShutdown(0)

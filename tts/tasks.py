"""Celery tasks. They are only wake-ups: each queries the database for what is due."""

import logging
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import shared_task
from celery.exceptions import WorkerShutdown
from celery.signals import worker_ready, worker_shutting_down
from django.conf import settings

from accounts.services.sessions import forget_ended_sessions
from config import logs
from config.collector import spare_start_up
from tts.account_data import deletion, exports
from tts.models import Job
from tts.services import catalogue, lifecycle, samples, voice_previews
from tts.services import sweep as sweep_service
from tts.stopping import worker_is_stopping
from tts.worker import pipeline
from tts.worker.engine_watch import start_watching
from tts.worker.presence import start_noting

logger = logging.getLogger(__name__)

SAMPLES_EXPIRE_SECONDS = 10  # after which they are requested again


_running: Counter[uuid.UUID] = Counter()  # by account: jobs that this worker is running
_taking = threading.Lock()


@shared_task
def speak_next(queue: str) -> None:
    """Runs the jobs in a queue until none is waiting."""
    while not worker_is_stopping.is_set():
        with _next_job(queue) as job:
            if job is None:
                return
            with logs.context(job_id=job.pk, account_id=job.account_id):
                pipeline.run_job(job)


@contextmanager
def _next_job(queue: str) -> Iterator[Job | None]:
    """Claims a job and yields it. No account gets the last slot of a worker, which is for the others' short texts."""
    with _taking:
        served = [account for account, count in _running.items() if count >= settings.WORKER_CONCURRENCY]
        job = lifecycle.claim_next_job(queue=queue, not_of=served)
        if job is not None:
            _running[job.account_id] += 1
    try:
        yield job
    finally:
        if job is not None:
            with _taking:
                _running[job.account_id] -= 1
                if not _running[job.account_id]:
                    del _running[job.account_id]


@shared_task
def sweep() -> None:
    sweep_service.sweep()


@shared_task
def make_exports() -> None:
    """Writes waiting exports one after the other, and deletes expired ones."""
    exports.delete_old_exports()
    while not worker_is_stopping.is_set() and exports.make_next_export():
        pass


@shared_task
def delete_accounts() -> None:
    """Deletes accounts whose owners requested it a week ago."""
    deletion.delete_due_accounts()


@shared_task
def forget_sessions() -> None:
    """Deletes ended sessions."""
    forget_ended_sessions()


@shared_task
def sync_voices() -> None:
    """Syncs the providers' voices.

    Voices of local engines are synced by the workers that run them: the worker of this task need not have their models.
    """
    catalogue.sync_remote_voices()


@shared_task
def ask_providers_again() -> None:
    """Retries providers that did not respond, so that a short failure does not last until the daily sync."""
    catalogue.ask_again()


@shared_task
def ask_for_samples() -> None:
    """Asks workers whose voices lack samples to generate some when idle."""
    for queue in samples.queues_without_samples():
        make_samples.apply_async(args=(queue,), queue=queue, expires=SAMPLES_EXPIRE_SECONDS)


@shared_task
def make_samples(queue: str) -> None:
    samples.make_samples_when_idle(queue=queue)


@shared_task
def speak_auditions(queue: str) -> None:
    """Generates visitors' previews while no job waits."""
    voice_previews.speak_auditions(queue=queue)


@worker_ready.connect
def start_up(sender: Any, **kwargs: Any) -> None:
    """Starts a worker: reports its queues, cleans up after an earlier one, and warms up its engines."""
    queues = sender.app.amqp.queues.consume_from
    start_noting(list(queues))
    sweep_service.sweep()
    start_watching(list(queues))
    spare_start_up()


@worker_shutting_down.connect
def give_jobs_back(**kwargs: Any) -> None:
    """Releases running jobs to the queue at their next chunk of audio, and exits the worker's loop at once.

    Celery would first wait twice for messages, two seconds each. Nothing is lost, because a message is only a wake-up.
    """
    worker_is_stopping.set()
    raise WorkerShutdown(0)

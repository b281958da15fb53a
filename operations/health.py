"""Health checks for load balancers, container runtimes and monitors: is the process alive, and can it work?"""

import logging
import tempfile
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from django.core.cache import cache
from django.core.files.storage import FileSystemStorage
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from config.celery import app
from tts.queue_presence import list_unserved_queues
from tts.storage import store

logger = logging.getLogger(__name__)

CHECK_SECONDS = 1.0  # a check that takes longer fails

_is_migrated = False


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """Answers that the process is running. Checks neither the database nor the queue."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """Answers 200 if everything that a request may need works, otherwise 503. Lists every check by name.

    Takes at most a second.   `degraded` lists queues without a worker. Requests are still accepted then, so the status
    stays 200.
    """
    running = _ask(CHECKS | {WORKERS: list_unserved_queues})
    workers = running.pop(WORKERS)
    checks = {name: _outcome(name, future) for name, future in running.items()}
    is_ready = all(outcome == "ok" for outcome in checks.values())
    # If this cannot be read, the database or migration check says why.
    unserved = workers.result() if _outcome(WORKERS, workers) == "ok" else []
    body = {
        "status": "ready" if is_ready else "not ready",
        "checks": checks,
        "degraded": [status.queue for status in unserved],
    }
    return JsonResponse(body, status=200 if is_ready else 503)


def run_checks() -> dict[str, str]:
    """Returns each check's result: "ok", "failed" or "no answer"."""
    return {name: _outcome(name, future) for name, future in _ask(CHECKS).items()}


def _ask(questions: Mapping[str, Callable[[], Any]]) -> "dict[str, Future[Any]]":
    """Returns the results that arrive within CHECK_SECONDS."""
    # Run each check once at a time and share its result, so that a check that hangs blocks only one thread.
    with _lock:
        for name, question in questions.items():
            if name not in _running or _running[name].done():
                _running[name] = _threads.submit(_run, question)
        running = {name: _running[name] for name in questions}
    wait(running.values(), timeout=CHECK_SECONDS)
    return running


def _run(question: Callable[[], Any]) -> Any:
    try:
        return question()
    finally:
        connection.close()


def _outcome(name: str, future: "Future[Any]") -> str:
    if not future.done():
        logger.warning("not ready: %s did not respond within %.0f s", name, CHECK_SECONDS)
        return "no answer"
    error = future.exception()
    if error is not None:
        logger.warning("not ready: %s failed", name, exc_info=error)
        return "failed"
    return "ok"


# --- the checks: each raises if it fails ---------------------------------------------------------


class PendingMigrations(Exception):
    """The database is older than this code."""


def _check_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _check_migrations() -> None:
    global _is_migrated
    if _is_migrated:  # cached: a migration stays applied, and checking reads every migration file
        return
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise PendingMigrations
    _is_migrated = True


def _check_cache() -> None:
    cache.get("readyz")


def _check_broker() -> None:
    with app.connection_for_write(connect_timeout=CHECK_SECONDS) as broker:
        # Try once. `connect` would wait and retry.
        broker.transport.close_connection(broker.transport.establish_connection())


def _check_store() -> None:
    storage = store.audio_storage()
    if isinstance(storage, FileSystemStorage):
        folder = Path(storage.location)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"readyz")
    else:
        storage.exists("readyz")  # reachable with our credentials; writing every few seconds would cost money


CHECKS: dict[str, Callable[[], None]] = {
    "database": _check_database,
    "migrations": _check_migrations,
    "cache": _check_cache,
    "broker": _check_broker,
    "store": _check_store,
}

WORKERS = "workers"  # not a check: its result never makes the service unready

_threads = ThreadPoolExecutor(max_workers=len(CHECKS) + 1, thread_name_prefix="readyz")
_running: dict[str, "Future[Any]"] = {}
_lock = threading.Lock()

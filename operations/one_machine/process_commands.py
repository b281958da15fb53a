"""The command lines of all roles that the service runs as.

`manage.py serve` uses them on one machine, `manage.py start` where something else supervises the processes (compose,
systemd). Each stops within five seconds of SIGTERM. To scale, run more of them, not bigger ones, so that the metrics of
a process stay complete for Prometheus.
"""

import resource
import sys
from collections.abc import Sequence

from django.conf import settings

from webhooks.dispatch import QUEUE as WEBHOOK_QUEUE

KILL_AFTER_SECONDS = 3  # then requests and downloads in progress are cut off
# Maximum number of open connections of a web process; the rest of its limit on open files is for everything else.
MAX_CONNECTIONS = 4096
OTHER_FILES = 256

PYTHON = (
    sys.executable,
    "-W",
    "ignore:You're running the worker",
)  # as root: that concerns pickled messages, ours are JSON
CELERY = (*PYTHON, "-m", "celery", "-q", "-A", "config")


def web_api() -> list[str]:
    """Returns the command for pages and API, in threads: a request costs a fraction of Django's ASGI handler."""
    return _granian("config.asgi_threads:application")


def web_stream() -> list[str]:
    """Returns the command for the same URLs over ASGI, for audio or a single machine. Slow downloads hold no thread."""
    return _granian("config.asgi:application")


def worker(queues: Sequence[str]) -> list[str]:
    slots = settings.WORKER_CONCURRENCY + 1  # the jobs of one account, and one slot for the others
    if WEBHOOK_QUEUE in queues:
        slots += 2  # the sender, whose requests have their own threads, and a second task that wakes it
    return [
        *(*CELERY, "worker", "--pool", "threads", "--concurrency", str(slots)),
        # No events: nothing consumes them, and in a file-based queue they would accumulate forever.
        *("--queues", ",".join(queues), "--without-gossip", "--without-mingle", "--without-heartbeat"),
        *("--loglevel", "warning"),
    ]


def beat() -> list[str]:
    """Returns the command of the scheduler. A second one does no harm, but one is enough."""
    return [*CELERY, "beat", "--pidfile=", "--loglevel", "warning"]


def kokoro_installation() -> list[str]:
    """Returns the command that installs Kokoro's model and voices, and then exits."""
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), "kokoro_install", "--keep-trying"]


def _granian(application: str) -> list[str]:
    return [
        *(sys.executable, "-m", "granian", "--interface", "asginl", "--no-ws", "--http", "1"),
        *("--host", settings.LISTEN_HOST, "--port", str(settings.PORT)),
        *("--backlog", str(MAX_CONNECTIONS), "--backpressure", str(_max_connections())),
        # Granian has a single timeout for reading a request's headers and for an idle connection before them.
        *("--http1-header-read-timeout", str(settings.HEADER_TIMEOUT_SECONDS * 1000)),
        *("--workers-kill-timeout", str(KILL_AFTER_SECONDS)),
        *("--log-level", "warning", "--log-config", str(settings.BASE_DIR / "config" / "granian.json")),
        application,
    ]


def _max_connections() -> int:
    """Returns the limit beyond which new connections wait, so that idle ones cannot use up all open files."""
    open_files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if open_files == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return max(OTHER_FILES, min(MAX_CONNECTIONS, open_files - OTHER_FILES))

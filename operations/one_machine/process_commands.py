"""The command line of every role that the service runs as, in one place.

`manage.py serve` uses them on one machine, `manage.py start` wherever something else keeps processes alive (compose,
systemd). Each ends within five seconds of SIGTERM. More throughput is more of them, not bigger ones: what a process
counts for Prometheus is then complete.
"""

import resource
import sys
from collections.abc import Sequence

from django.conf import settings

from webhooks.dispatch import QUEUE as WEBHOOK_QUEUE

KILL_AFTER_SECONDS = 3  # a request or a download that is still under way then is cut off
# Open connections that a web process takes at most; what lies between them and the limit on open files is for the rest.
MAX_CONNECTIONS = 4096
OTHER_FILES = 256

PYTHON = (
    sys.executable,
    "-W",
    "ignore:You're running the worker",
)  # as root: of concern to pickled messages, ours are JSON
CELERY = (*PYTHON, "-m", "celery", "-q", "-A", "config")


def web_api() -> list[str]:
    """Pages and API, in threads: a request costs a fraction of what it does in Django's ASGI handler."""
    return _granian("config.asgi_threads:application")


def web_stream() -> list[str]:
    """The same URLs over ASGI, where a slow download holds no thread: for audio, or for everything on one machine."""
    return _granian("config.asgi:application")


def worker(queues: Sequence[str]) -> list[str]:
    slots = settings.WORKER_CONCURRENCY + 1  # one account's jobs, and one slot for who else comes
    if WEBHOOK_QUEUE in queues:
        slots += 2  # the sender, whose requests have threads of their own, and whoever wakes it meanwhile
    return [
        *(*CELERY, "worker", "--pool", "threads", "--concurrency", str(slots)),
        # No events either: nobody listens, and in a queue of files they would pile up for ever.
        *("--queues", ",".join(queues), "--without-gossip", "--without-mingle", "--without-heartbeat"),
        *("--loglevel", "warning"),
    ]


def beat() -> list[str]:
    """The clock. Two of them do no harm, one is enough."""
    return [*CELERY, "beat", "--pidfile=", "--loglevel", "warning"]


def kokoro_installation() -> list[str]:
    """Ends when Kokoro's model and voices are there."""
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), "kokoro_install", "--keep-trying"]


def _granian(application: str) -> list[str]:
    return [
        *(sys.executable, "-m", "granian", "--interface", "asginl", "--no-ws", "--http", "1"),
        *("--host", settings.LISTEN_HOST, "--port", str(settings.PORT)),
        *("--backlog", str(MAX_CONNECTIONS), "--backpressure", str(_max_connections())),
        # Granian has one limit for the headers of a request and for the time that a connection may be idle before them.
        *("--http1-header-read-timeout", str(settings.HEADER_TIMEOUT_SECONDS * 1000)),
        *("--workers-kill-timeout", str(KILL_AFTER_SECONDS)),
        *("--log-level", "warning", "--log-config", str(settings.BASE_DIR / "config" / "granian.json")),
        application,
    ]


def _max_connections() -> int:
    """Past this, new connections wait: idle ones must not take every file that the process may open."""
    open_files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if open_files == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return max(OTHER_FILES, min(MAX_CONNECTIONS, open_files - OTHER_FILES))

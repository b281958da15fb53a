"""The command line of every role that the service runs as, in one place.

`manage.py serve` uses them on one machine, `manage.py start` wherever something else keeps processes alive (compose,
systemd). Each ends within five seconds of SIGTERM. More throughput is more of them, not bigger ones: what a process
counts for Prometheus is then complete.
"""

import sys
from collections.abc import Sequence

from django.conf import settings

from webhooks.wake_up import QUEUE as WEBHOOK_QUEUE

MAINTENANCE_QUEUE = "maintenance"
KILL_AFTER_SECONDS = 3  # a request or a download that is still under way then is cut off
# Threads that answer requests under WSGI. Each may hold a connection: not more than DATABASE_POOL_SIZE.
MAX_API_THREADS = 16

PYTHON = (
    sys.executable,
    "-W",
    "ignore:You're running the worker",
)  # as root: of concern to pickled messages, ours are JSON
CELERY = (*PYTHON, "-m", "celery", "-q", "-A", "config")


def web_api() -> list[str]:
    """Pages and API over WSGI: a request costs a fifth of what it does over ASGI."""
    threads = min(MAX_API_THREADS, settings.DATABASE_POOL_SIZE)
    return [*_granian("wsgi"), "--blocking-threads", str(threads), "config.wsgi:application"]


def web_stream() -> list[str]:
    """The same URLs over ASGI, where a slow download holds no thread: for audio, or for everything on one machine."""
    return [*_granian("asginl"), "config.asgi:application"]


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


def _granian(interface: str) -> list[str]:
    return [
        *(sys.executable, "-m", "granian", "--interface", interface, "--no-ws", "--http", "1"),
        *("--host", settings.LISTEN_HOST, "--port", str(settings.PORT)),
        *("--workers-kill-timeout", str(KILL_AFTER_SECONDS)),
        *("--log-level", "warning", "--log-config", str(settings.BASE_DIR / "config" / "granian.json")),
    ]

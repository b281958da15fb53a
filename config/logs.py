"""Formats log lines and keeps secrets and customer data out of them.

Owns the two formats (`LOG_FORMAT`), the fields on every line of a request or job, and the rule for failures: type and
locations, never variables, and a message only if it cannot quote a customer. Each module decides what to log.
"""

import json
import logging
import logging.config
import re
import sys
import threading
import traceback
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from config.api import format_time

logger = logging.getLogger(__name__)

ROOT = f"{Path(__file__).resolve().parent.parent}/"
MAX_FRAMES = 30  # the innermost frames of a failure
MAX_CAUSES = 4
MAX_MESSAGE_CHARS = 300
MAX_PATH_CHARS = 200
MAX_TEXT_CHARS = 4_000  # of an event or a field; callers control the length of a path
# Scrub this much beyond the cut, then discard it, so that a secret that the cut splits is still recognized.
CUT_MARGIN_CHARS = 500
WITHHELD = "withheld: may contain customer data"

# Messages of these errors cannot quote customer data. Others may: a ValueError names the value, an IntegrityError the
# row.
SAFE_FAILURES = (OSError, ImportError, NameError, AttributeError, TypeError, MemoryError)
SAFE_FAILURE_NAMES = {
    "django.db.utils.OperationalError",
    "django.db.utils.InterfaceError",
    "kombu.exceptions.OperationalError",
    "psycopg.OperationalError",
    "psycopg_pool.PoolTimeout",
    "redis.exceptions.ConnectionError",
    "redis.exceptions.TimeoutError",
}

# A second line of defence for text that we did not write: messages of other packages, paths that someone typed. Each
# word is tried once, from its first character: trying every character takes seconds for a long word.
SCRUBBED = (
    (re.compile(r"\btts_[A-Za-z0-9_-]{4,}"), "tts_…"),
    (re.compile(r"(://[^\s:/@]*:)(?:[^\s/@]+|[^\s@]{1,64})@"), r"\1…@"),
    (re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+\.[\w.+@-]+"), "…@…"),
    (
        re.compile(
            r"(?<![\w-])([\w-]*(?:signature|token|secret|password|credential)|(?:[\w-]*-)?text)=[^&\s'\"]+",
            re.IGNORECASE,
        ),
        r"\1=…",
    ),
)

_context: ContextVar[dict[str, str] | None] = ContextVar("log_context", default=None)


# --- the fields of a request or job --------------------------------------------------------------


@contextmanager
def context(**fields: object) -> Iterator[None]:
    """Adds these fields, and those of `bind`, to every line in the block."""
    token = _context.set({name: str(value) for name, value in fields.items()})
    try:
        yield
    finally:
        _context.reset(token)


def bind(**fields: object) -> None:
    """Adds fields to the lines of the current request or job. Outside of one, it does nothing."""
    # Change the dict in place: under ASGI, views run in a copy of the context that shares it.
    current = _context.get()
    if current is not None:
        current |= {name: str(value) for name, value in fields.items()}


def bound() -> Mapping[str, str]:
    return _context.get() or {}


# --- formats -------------------------------------------------------------------------------------


class JsonFormatter(logging.Formatter):
    """Writes one JSON object per line: time, level, logger, event, the fields, and `error` for a failure.

    A line's own fields come as `extra={"fields": {...}}`. Any other `extra` belongs to a package and is left out;
    Django attaches the whole request.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": format_time(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname,
            "logger": record.name,
            "event": cut_and_scrub(get_event(record)),
        }
        fields = get_fields(record)
        line |= {name: cut_and_scrub(value) if isinstance(value, str) else value for name, value in fields.items()}
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = failure(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False, default=lambda value: type(value).__name__)


class LineFormatter(logging.Formatter):
    """Writes lines for people: time, level, logger, event, fields as name=value, and a failure's locations below."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: ")

    def format(self, record: logging.LogRecord) -> str:
        record.asctime = self.formatTime(record, self.datefmt)
        fields = get_fields(record)
        words = [get_event(record), *(f"{name}={value}" for name, value in fields.items() if value is not None)]
        line = self.formatMessage(record) + " ".join(map(cut_and_scrub, words))
        if not record.exc_info or record.exc_info[1] is None:
            return line
        if settings.DEBUG:
            return f"{line}\n{self.formatException(record.exc_info)}"
        return line + "".join(f"\n  {text}" for text in _as_lines(failure(record.exc_info[1])))


def formatter() -> logging.Formatter:
    """Returns the formatter for LOG_FORMAT."""
    return JsonFormatter() if settings.LOG_FORMAT == "json" else LineFormatter()


def get_event(record: logging.LogRecord) -> str:
    task = getattr(record, "data", None)
    if record.name == "celery.app.trace" and isinstance(task, dict):
        # Celery's message quotes the exception.
        return f"task {task.get('name')} {task.get('description', '')}".strip()
    request = getattr(record, "request", None)
    if isinstance(request, HttpRequest) and len(request.path) > 1:  # Django logs the whole path
        return record.getMessage().replace(request.path, get_path(request))
    return record.getMessage()


def get_fields(record: logging.LogRecord) -> dict[str, Any]:
    # Django logs some responses after the request's context has ended, but attaches the request.
    request_id = getattr(getattr(record, "request", None), "request_id", None)
    of_request = {"request_id": request_id} if request_id else {}
    return {**of_request, **bound(), **getattr(record, "fields", {})}


def get_path(request: HttpRequest) -> str:
    """Returns the path without the query. If a part is free text, such as a token, returns the route's pattern.

    For an unknown page, returns only the first part, so that an extra slash cannot reveal a token.
    """
    match = request.resolver_match
    if match is None:
        _, first, *rest = request.path.split("/", 2)
        return f"/{first}{'/…' if rest else ''}"[:MAX_PATH_CHARS]
    is_plain = all(isinstance(value, uuid.UUID | int) for value in match.kwargs.values())
    return request.path if is_plain and not match.args else f"/{match.route}"


def cut_and_scrub(text: str, *, max_chars: int = MAX_TEXT_CHARS) -> str:
    """Returns at most `max_chars` of a text without secrets, and its length if it was cut.

    Cuts first, so that the time is bounded.
    """
    if len(text) <= max_chars:
        return scrub(text)
    kept = scrub(text[: max_chars + CUT_MARGIN_CHARS])[:-CUT_MARGIN_CHARS]
    return f"{kept[:max_chars]}… ({len(text):,} characters)"


def scrub(text: str) -> str:
    for pattern, replacement in SCRUBBED:
        text = pattern.sub(replacement, text)
    return text


def failure(error: BaseException) -> dict[str, Any]:
    """Returns what failed and where: `type`, `message`, `at` (innermost last), `because`."""
    first: dict[str, Any] = {}
    described, current = first, error
    for number in range(MAX_CAUSES):
        kind = type(current)
        name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        is_safe = isinstance(current, SAFE_FAILURES) or any(
            f"{ancestor.__module__}.{ancestor.__qualname__}" in SAFE_FAILURE_NAMES for ancestor in kind.__mro__
        )
        # PostgreSQL quotes the row below the first line.
        described["type"] = name
        first_line = str(current).partition("\n")[0]
        described["message"] = cut_and_scrub(first_line, max_chars=MAX_MESSAGE_CHARS) if is_safe else WITHHELD
        described["at"] = _places(current.__traceback__)
        cause = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
        if cause is None or number + 1 == MAX_CAUSES:
            break
        described["because"] = {}
        described, current = described["because"], cause
    return first


def _places(trace: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(trace, limit=-MAX_FRAMES)
    return [f"{frame.filename.removeprefix(ROOT)}:{frame.lineno} {frame.name}" for frame in frames]


def _as_lines(described: Mapping[str, Any]) -> list[str]:
    lines = [f"{described['type']}: {described['message']}", *(f"  at {place}" for place in described["at"])]
    return lines + (["because of", *_as_lines(described["because"])] if "because" in described else [])


# --- set-up --------------------------------------------------------------------------------------


def configure(config: dict[str, Any]) -> None:
    """Implements `settings.LOGGING_CONFIG` as Django does, and logs exceptions that end a thread or the process."""
    logging.config.dictConfig(config)
    threading.excepthook = _log_dead_thread
    sys.excepthook = _log_dead_process


def _log_dead_thread(arguments: threading.ExceptHookArgs) -> None:
    if arguments.exc_value is not None and not isinstance(arguments.exc_value, SystemExit):
        name = arguments.thread.name if arguments.thread else "?"
        logger.critical("unhandled exception in thread %s", name, exc_info=arguments.exc_value)


def _log_dead_process(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not isinstance(error, KeyboardInterrupt):
        logger.critical("unhandled exception", exc_info=error)

"""Where people are signed in: one row beside each session of Django's, which is what really opens doors.

A row is written at the first page a session shows and again every few minutes, not at every request.
"""

import time
import uuid
from importlib import import_module

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import SignedInSession, User

SEEN_EVERY_SECONDS = 300
MAX_REMEMBERED = 10_000
MAX_USER_AGENT_CHARS = 300

_noted: dict[str, float] = {}  # session key → when this process last wrote its row, Unix seconds


def note_session(request: HttpRequest, *, user: User) -> None:
    """That this session was here. Most calls cost nothing: each process writes a session's row every five minutes."""
    key = request.session.session_key
    now = time.time()
    if key is None or now - _noted.get(key, float("-inf")) < SEEN_EVERY_SECONDS:
        return
    if len(_noted) >= MAX_REMEMBERED:
        _noted.clear()
    _noted[key] = now
    row = SignedInSession(
        session_key=key,
        user=user,
        user_agent=request.headers.get("User-Agent", "")[:MAX_USER_AGENT_CHARS].replace("\0", ""),
        address=request.META.get("REMOTE_ADDR") or None,
    )
    changing = ["user", "user_agent", "address", "last_seen_at"]
    SignedInSession.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["session_key"], update_fields=changing
    )


def renew_session(request: HttpRequest) -> None:
    """A new name for the session, after something about security changed: whoever knew the old one knows nothing."""
    old = request.session.session_key
    request.session.cycle_key()
    SignedInSession.objects.filter(session_key=old).update(session_key=request.session.session_key)


def list_sessions(*, user: User) -> list[SignedInSession]:
    """Those that still open doors, the one seen last first. Rows whose session is over are forgotten on the way."""
    rows = list(SignedInSession.objects.filter(user=user).order_by("-last_seen_at", "pk"))
    alive = set(_alive().filter(pk__in=[row.session_key for row in rows]).values_list("pk", flat=True))
    SignedInSession.objects.filter(pk__in=[row.pk for row in rows if row.session_key not in alive]).delete()
    return [row for row in rows if row.session_key in alive]


def end_session(*, user: User, session_id: uuid.UUID) -> SignedInSession | None:
    """From its next request on that browser is nobody's. None for somebody else's, and for one that is over."""
    row = SignedInSession.objects.filter(user=user, pk=session_id).first()
    if row is not None:
        _end([row])
    return row


def end_other_sessions(*, user: User, keep: str | None) -> int:
    """All of the person's but the one with that key. Returns how many."""
    rows = list(SignedInSession.objects.filter(user=user).exclude(session_key=keep or ""))
    _end(rows)
    return len(rows)


def forget_session(*, session_key: str | None) -> None:
    """Somebody signed out."""
    SignedInSession.objects.filter(session_key=session_key).delete()


def forget_ended_sessions() -> int:
    """Django's own rows that are past their time, and ours beside sessions that are gone. Returns how many of ours."""
    Session.objects.filter(expire_date__lte=timezone.now()).delete()
    return SignedInSession.objects.exclude(session_key__in=Session.objects.values("pk")).delete()[0]


def _alive() -> "QuerySet[Session]":
    return Session.objects.filter(expire_date__gt=timezone.now())


def _end(rows: list[SignedInSession]) -> None:
    """The session first: a crash in between leaves a row that the next list forgets."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    for row in rows:
        store(row.session_key).delete()
        SignedInSession.objects.filter(pk=row.pk).delete()

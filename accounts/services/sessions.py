"""The sessions of a user: one row for each of Django's sessions, which grant the access.

A row is written at the session's first page and then every few minutes, not at every request.
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

_noted: dict[str, float] = {}  # session key → when this process last wrote its row, in Unix seconds


def note_session(request: HttpRequest, *, user: User) -> None:
    """Records that the session is in use. Each process writes a session's row at most every five minutes."""
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
    """Gives the session a new key after a security change, so that the old key is useless to anyone who has it."""
    old = request.session.session_key
    request.session.cycle_key()
    SignedInSession.objects.filter(session_key=old).update(session_key=request.session.session_key)


def list_sessions(*, user: User) -> list[SignedInSession]:
    """Returns the user's active sessions, most recent first. Deletes the rows of ended ones."""
    rows = list(SignedInSession.objects.filter(user=user).order_by("-last_seen_at", "pk"))
    alive = set(_alive().filter(pk__in=[row.session_key for row in rows]).values_list("pk", flat=True))
    SignedInSession.objects.filter(pk__in=[row.pk for row in rows if row.session_key not in alive]).delete()
    return [row for row in rows if row.session_key in alive]


def end_session(*, user: User, session_id: uuid.UUID) -> SignedInSession | None:
    """Ends a session from its next request on. Returns None for another user's session and for one that has ended."""
    row = SignedInSession.objects.filter(user=user, pk=session_id).first()
    if row is not None:
        _end([row])
    return row


def end_other_sessions(*, user: User, keep: str | None) -> int:
    """Ends all sessions of the user except the one with the key `keep`. Returns how many."""
    rows = list(SignedInSession.objects.filter(user=user).exclude(session_key=keep or ""))
    _end(rows)
    return len(rows)


def forget_session(*, session_key: str | None) -> None:
    """Deletes a session's row after a sign-out."""
    SignedInSession.objects.filter(session_key=session_key).delete()


def forget_ended_sessions() -> int:
    """Deletes Django's expired sessions, and our rows without a session. Returns how many of our rows."""
    Session.objects.filter(expire_date__lte=timezone.now()).delete()
    return SignedInSession.objects.exclude(session_key__in=Session.objects.values("pk")).delete()[0]


def _alive() -> "QuerySet[Session]":
    return Session.objects.filter(expire_date__gt=timezone.now())


def _end(rows: list[SignedInSession]) -> None:
    """Ends sessions. Django's session goes first: after a crash in between, the next list deletes the row."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    for row in rows:
        store(row.session_key).delete()
        SignedInSession.objects.filter(pk=row.pk).delete()

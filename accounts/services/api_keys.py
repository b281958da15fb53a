"""API keys: made, used, revoked."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from accounts import keys
from accounts.models import Account, ApiKey

LAST_USED_PRECISION = timedelta(minutes=1)  # a write per key and minute, not per request


def issue_key(
    *, account: Account, name: str, scopes: Sequence[str] = keys.SCOPES, expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """The row and the key itself, which nobody can show again."""
    key = keys.generate_key()
    row = ApiKey.objects.create(
        account=account,
        name=name,
        digest=keys.digest(key),
        prefix=key[: len(keys.PREFIX) + 4],
        last_four=key[-4:],
        scopes=list(scopes),
        expires_at=expires_at,
    )
    return row, key


def revoke_key(*, api_key: ApiKey) -> bool:
    """Refused from the next request on: keys are looked up in the database each time. False when it was revoked already."""
    return bool(ApiKey.objects.filter(pk=api_key.pk, revoked_at=None).update(revoked_at=timezone.now()))


def note_key_used(*, api_key: ApiKey) -> None:
    now = timezone.now()
    if api_key.last_used_at is not None and now - api_key.last_used_at < LAST_USED_PRECISION:
        return
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - LAST_USED_PRECISION)
    ApiKey.objects.filter(stale, pk=api_key.pk).update(last_used_at=now)

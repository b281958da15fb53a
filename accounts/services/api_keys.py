"""Issues, uses and revokes API keys. The audit trail records who issued or revoked one."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts import keys
from accounts.errors import KeyMadeAlready, TooManyKeys
from accounts.models import Account, ApiKey
from accounts.selectors import count_usable_keys
from accounts.services import audit
from accounts.services.audit import Actor
from config.api import format_time
from config.errors import ValidationFailed

MAX_USABLE_KEYS = 50  # per account; we advise one key per program
MAX_NAME_CHARACTERS = 80
LAST_USED_PRECISION = timedelta(minutes=1)  # at most one write per key and minute


@transaction.atomic
def issue_key(
    *,
    account: Account,
    name: str,
    actor: Actor,
    reason: str,
    scopes: Sequence[str] = keys.SCOPES,
    expires_at: datetime | None = None,
    form_token: str = "",
) -> tuple[ApiKey, str]:
    """Creates a key. Returns the row and the key itself, which cannot be shown again.

    One `form_token` creates at most one key. Raises ValidationFailed (name, scopes), TooManyKeys or KeyMadeAlready.
    """
    name, scopes = checked_name(name), checked_scopes(scopes)
    # Lock the account's row, so that two forms at once cannot exceed the limit.
    Account.objects.select_for_update().get(pk=account.pk)
    # The token becomes the ID, which is unique. It is combined with the account's ID, so that no one can take another
    # account's.
    key_id = uuid.uuid5(account.pk, form_token) if form_token else uuid.uuid4()
    if ApiKey.objects.for_account(account).filter(pk=key_id).exists():
        raise KeyMadeAlready(
            "This form has already created a key, and a key is shown only once. "
            "If you did not save it, revoke it and create another."
        )
    if count_usable_keys(account=account) >= MAX_USABLE_KEYS:
        raise TooManyKeys(f"{account.name} has {MAX_USABLE_KEYS} active keys, which is the maximum. Revoke one first.")
    key = keys.generate_key()
    row = ApiKey.objects.create(
        id=key_id,
        account=account,
        name=name,
        digest=keys.digest(key),
        prefix=key[: len(keys.PREFIX) + 4],
        last_four=key[-4:],
        scopes=scopes,
        expires_at=expires_at,
    )
    audit.record(
        actor=actor,
        action="key.made",
        reason=reason,
        target_type="api_key",
        target_id=row.pk,
        account=account,
        after={"scopes": row.scopes, "expires_at": format_time(expires_at) if expires_at else None},
    )
    return row, key


def checked_scopes(scopes: Sequence[str]) -> list[str]:
    """Returns the scopes as a list. Raises ValidationFailed."""
    if not scopes or not set(scopes) <= set(keys.SCOPES):
        raise ValidationFailed.of_field("scopes", "Choose at least one permission.")
    return list(scopes)


def checked_name(name: str) -> str:
    """Returns the name with single spaces. Raises ValidationFailed."""
    name = " ".join(name.split())
    if not name:
        raise ValidationFailed.of_field("name", "Enter the name of the application that will use the key.")
    if len(name) > MAX_NAME_CHARACTERS:
        raise ValidationFailed.of_field("name", f"Use at most {MAX_NAME_CHARACTERS} characters; these are {len(name)}.")
    return name


@transaction.atomic
def revoke_key(*, api_key: ApiKey, actor: Actor, reason: str) -> bool:
    """Revokes a key. Every request looks its key up, so the next one is refused. False if it was already revoked."""
    if not ApiKey.objects.filter(pk=api_key.pk, revoked_at=None).update(revoked_at=timezone.now()):
        return False
    audit.record(
        actor=actor,
        action="key.revoked",
        reason=reason,
        target_type="api_key",
        target_id=api_key.pk,
        account=api_key.account,
        before={"revoked": False},
        after={"revoked": True},
    )
    return True


def note_key_used(*, api_key: ApiKey) -> None:
    now = timezone.now()
    if api_key.last_used_at is not None and now - api_key.last_used_at < LAST_USED_PRECISION:
        return
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - LAST_USED_PRECISION)
    ApiKey.objects.filter(stale, pk=api_key.pk).update(last_used_at=now)

"""Changes existing keys: rotate the secret, edit the name and scopes. All changes are audited.

A rotated key keeps its name, limits, jobs and spending. Only the secret is new, and for a while both secrets work.
"""

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts import keys
from accounts.errors import KeyRotatedAlready
from accounts.models import ApiKey
from accounts.services import audit
from accounts.services.api_keys import checked_name, checked_scopes
from accounts.services.audit import Actor
from config.api import format_time
from config.errors import ValidationFailed

OVERLAP_HOURS = (0, 1, 24, 168)  # how long the old secret may keep working


@transaction.atomic
def rotate_key(*, api_key: ApiKey, last_four: str, overlap_hours: int, actor: Actor, reason: str) -> str:
    """Rotates the secret and returns the new one, which cannot be shown again.

    The current secret keeps working for `overlap_hours`, but not past the key's own expiry. A secret from an earlier
    rotation stops working now. `last_four` identifies the secret to replace, as the user saw it.

    Raises ValidationFailed (overlap_hours), or KeyRotatedAlready if it has been replaced or revoked.
    """
    if overlap_hours not in OVERLAP_HOURS:
        raise ValidationFailed.of_field("overlap_hours", "Choose an option from the list.")
    row = ApiKey.objects.select_for_update().get(pk=api_key.pk)
    if row.last_four != last_four or not row.is_usable:
        raise KeyRotatedAlready(
            "This key has since been rotated, revoked or expired. "
            "A secret is shown only once; if you did not save it, rotate the key again."
        )
    secret = keys.generate_key()
    row.old_digest, row.old_last_four = (row.digest, row.last_four) if overlap_hours else (None, "")
    row.old_expires_at = timezone.now() + timedelta(hours=overlap_hours) if overlap_hours else None
    row.digest = keys.digest(secret)
    row.prefix, row.last_four = secret[: len(keys.PREFIX) + 4], secret[-4:]
    row.save(update_fields=["digest", "prefix", "last_four", "old_digest", "old_last_four", "old_expires_at"])
    old_ends = format_time(row.old_expires_at) if row.old_expires_at else "now"
    _record(row, "key.rotated", actor, reason, before={"last_four": last_four}, after={"old_secret_ends": old_ends})
    return secret


@transaction.atomic
def end_old_secret(*, api_key: ApiKey, actor: Actor, reason: str) -> bool:
    """Revokes the previous secret before its time. Returns False if there was none."""
    with_one = ApiKey.objects.filter(pk=api_key.pk, old_digest__isnull=False)
    if not with_one.update(old_digest=None, old_last_four="", old_expires_at=None):
        return False
    _record(api_key, "key.old_secret_ended", actor, reason, before={"last_four": api_key.old_last_four}, after={})
    return True


@transaction.atomic
def edit_key(*, api_key: ApiKey, name: str, scopes: Sequence[str], actor: Actor, reason: str) -> None:
    """Changes the name and scopes from the next request on. Raises ValidationFailed (name, scopes)."""
    name, scopes = checked_name(name), checked_scopes(scopes)
    row = ApiKey.objects.select_for_update().get(pk=api_key.pk)
    if (name, scopes) == (row.name, row.scopes):
        return
    ApiKey.objects.filter(pk=row.pk).update(name=name, scopes=scopes)
    after = {"scopes": scopes, "renamed": name != row.name}  # the name is the customer's data and not stored here
    _record(row, "key.edited", actor, reason, before={"scopes": row.scopes}, after=after)


def _record(
    row: ApiKey, action: str, actor: Actor, reason: str, *, before: dict[str, object], after: dict[str, object]
) -> None:
    audit.record(
        actor=actor,
        action=action,
        reason=reason,
        target_type="api_key",
        target_id=row.pk,
        account=row.account,
        before=before,
        after=after,
    )

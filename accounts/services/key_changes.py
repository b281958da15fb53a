"""What becomes of a key that exists: a new secret in place of the old one, another name, other scopes. All audited.

A rotated key stays the same key: its name, limits, jobs and what it spent go on. Only the secret is new, and for a
while both open the door.
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

OVERLAP_HOURS = (0, 1, 24, 168)  # which the old secret may go on for


@transaction.atomic
def rotate_key(*, api_key: ApiKey, last_four: str, overlap_hours: int, actor: Actor, reason: str) -> str:
    """The new secret, which nobody can show again. The one before works for `overlap_hours` more, at most as long as
    the key itself; one before that, from an earlier rotation, stops now.

    `last_four`: of the secret that is to be replaced, as the person saw it.

    Raises ValidationFailed (overlap_hours), KeyRotatedAlready (it was replaced meanwhile, or revoked).
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
    """Before its time: refused from the next request on. False when there was none."""
    with_one = ApiKey.objects.filter(pk=api_key.pk, old_digest__isnull=False)
    if not with_one.update(old_digest=None, old_last_four="", old_expires_at=None):
        return False
    _record(api_key, "key.old_secret_ended", actor, reason, before={"last_four": api_key.old_last_four}, after={})
    return True


@transaction.atomic
def edit_key(*, api_key: ApiKey, name: str, scopes: Sequence[str], actor: Actor, reason: str) -> None:
    """Holds from the next request on. Raises ValidationFailed (name, scopes)."""
    name, scopes = checked_name(name), checked_scopes(scopes)
    row = ApiKey.objects.select_for_update().get(pk=api_key.pk)
    if (name, scopes) == (row.name, row.scopes):
        return
    ApiKey.objects.filter(pk=row.pk).update(name=name, scopes=scopes)
    after = {"scopes": scopes, "renamed": name != row.name}  # the name itself is the customer's, and not kept here
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

"""The maintenance switch."""

from django.db import transaction

from accounts.models import Maintenance
from accounts.services import audit
from accounts.services.audit import Actor


@transaction.atomic
def start_maintenance(*, actor: Actor, reason: str) -> bool:
    """The API answers 503 MAINTENANCE within a second, on every process. False when it did already."""
    _, is_new = Maintenance.objects.get_or_create(pk=1)
    if is_new:
        _record(actor, "maintenance.started", reason, is_on=True)
    return is_new


@transaction.atomic
def end_maintenance(*, actor: Actor, reason: str) -> bool:
    """False when there was none."""
    deleted, _ = Maintenance.objects.all().delete()
    if deleted:
        _record(actor, "maintenance.ended", reason, is_on=False)
    return bool(deleted)


def _record(actor: Actor, action: str, reason: str, *, is_on: bool) -> None:
    audit.record(
        actor=actor,
        action=action,
        reason=reason,
        target_type="maintenance",
        target_id=1,
        before={"maintenance": not is_on},
        after={"maintenance": is_on},
    )

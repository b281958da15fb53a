"""Starts and ends maintenance."""

from django.db import transaction

from accounts.models import Maintenance
from accounts.services import audit
from accounts.services.audit import Actor


@transaction.atomic
def start_maintenance(*, actor: Actor, reason: str) -> bool:
    """Makes the API answer 503 MAINTENANCE, on every process within a second. Returns False if it already did."""
    _, is_new = Maintenance.objects.get_or_create(pk=1)
    if is_new:
        _record(actor, "maintenance.started", reason, is_on=True)
    return is_new


@transaction.atomic
def end_maintenance(*, actor: Actor, reason: str) -> bool:
    """Ends maintenance. Returns False if there was none."""
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

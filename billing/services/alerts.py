"""Alerts for operators."""

from django.db import transaction
from django.utils import timezone

from accounts.errors import NothingToChange
from accounts.models import Account
from accounts.services import audit
from accounts.services.audit import Actor
from billing.models import OperatorAlert


def raise_alert(*, kind: str, reference: str, message: str, account: Account | None = None) -> None:
    """Creates an alert, once per kind and reference, in the caller's transaction if there is one."""
    OperatorAlert.objects.get_or_create(
        kind=kind, reference=reference[:160], defaults={"message": message[:500], "account": account}
    )


@transaction.atomic
def resolve_alert(*, alert: OperatorAlert, actor: Actor, reason: str) -> None:
    """Resolves an alert. Raises NothingToChange."""
    if not OperatorAlert.objects.filter(pk=alert.pk, resolved_at=None).update(resolved_at=timezone.now()):
        raise NothingToChange("This is already resolved.")
    audit.record(
        actor=actor,
        action="alert.resolved",
        reason=reason,
        target_type="operatoralert",
        target_id=alert.pk,
        account=alert.account,
        before={"kind": alert.kind, "reference": alert.reference},
    )

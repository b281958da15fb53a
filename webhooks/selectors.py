"""Reads of endpoints and deliveries."""

import uuid
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import Count, Min, Q, QuerySet

from accounts.models import Account
from config.errors import NotFound
from webhooks.db_time import database_now
from webhooks.models import Delivery, DeliveryState, Endpoint


def find_endpoint(*, account: Account) -> Endpoint | None:
    return Endpoint.objects.for_account(account).first()


def get_endpoint(*, account: Account) -> Endpoint:
    """Raises NotFound."""
    endpoint = find_endpoint(account=account)
    if endpoint is None:
        raise NotFound("There is no webhook endpoint. PUT one first.")
    return endpoint


def has_enabled_endpoint(*, account: Account) -> bool:
    """Whether a job of the account may bring a URL of its own."""
    return account.plan.allows_webhooks and Endpoint.objects.for_account(account).filter(disabled_at=None).exists()


def list_deliveries(*, account: Account, state: str | None = None, event: str | None = None) -> QuerySet[Delivery]:
    """Newest first, with their attempts."""
    deliveries = Delivery.objects.for_account(account).prefetch_related("attempts")
    if state is not None:
        deliveries = deliveries.filter(state=state)
    if event is not None:
        deliveries = deliveries.filter(event=event)
    return deliveries.order_by("-created_at", "-id")


def first_try_percent(*, account: Account) -> float | None:
    """Of the events that were delivered in the last seven days: how many by their first attempt. None without any."""
    since = database_now() - timedelta(days=7)
    delivered = Delivery.objects.for_account(account).filter(state=DeliveryState.DELIVERED, created_at__gte=since)
    counts = delivered.aggregate(all=Count("pk"), first=Count("pk", filter=Q(attempts_made=1)))
    return 100 * counts["first"] / counts["all"] if counts["all"] else None


def get_delivery(*, account: Account, delivery_id: uuid.UUID) -> Delivery:
    """Raises NotFound, the same for another tenant's as for one that never was."""
    delivery = Delivery.objects.for_account(account).filter(pk=delivery_id).first()
    if delivery is None:
        raise NotFound("There is no such delivery.")
    return delivery


def due_deliveries(now: datetime) -> QuerySet[Delivery]:
    """Those whose time has come and that no living sender holds. `now`: the database's."""
    is_free = Q(claim=None) | Q(claim_expires_at__lt=now)
    return Delivery.objects.filter(is_free, state=DeliveryState.PENDING, next_attempt_at__lte=now)


def still_claimed(deliveries: Collection[Delivery]) -> set[uuid.UUID]:
    """The ids of those that are still under the claim they were taken with."""
    if not deliveries:
        return set()
    claims = {delivery.claim for delivery in deliveries}
    ids = [delivery.pk for delivery in deliveries]
    return set(Delivery.objects.filter(pk__in=ids, claim__in=claims).values_list("pk", flat=True))


def due_receivers(now: datetime, *, but: set[str], limit: int) -> list[str]:
    """Receivers of what is due, the one that waits longest first."""
    due = due_deliveries(now).exclude(receiver__in=but).order_by().values("receiver")
    return [row["receiver"] for row in due.annotate(oldest=Min("next_attempt_at")).order_by("oldest")[:limit]]

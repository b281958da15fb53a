"""Queries of endpoints and deliveries."""

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
    """Returns the endpoint. Raises NotFound."""
    endpoint = find_endpoint(account=account)
    if endpoint is None:
        raise NotFound("There is no webhook endpoint. PUT one first.")
    return endpoint


def has_enabled_endpoint(*, account: Account) -> bool:
    """Whether a job of the account may have its own webhook URL."""
    return account.plan.allows_webhooks and Endpoint.objects.for_account(account).filter(disabled_at=None).exists()


def list_deliveries(*, account: Account, state: str | None = None, event: str | None = None) -> QuerySet[Delivery]:
    """Returns deliveries with their attempts, newest first."""
    deliveries = Delivery.objects.for_account(account).prefetch_related("attempts")
    if state is not None:
        deliveries = deliveries.filter(state=state)
    if event is not None:
        deliveries = deliveries.filter(event=event)
    return deliveries.order_by("-created_at", "-id")


def first_try_percent(*, account: Account) -> float | None:
    """Returns which share of the events delivered in the last seven days took one attempt, in percent.

    None without any.
    """
    since = database_now() - timedelta(days=7)
    delivered = Delivery.objects.for_account(account).filter(state=DeliveryState.DELIVERED, created_at__gte=since)
    counts = delivered.aggregate(all=Count("pk"), first=Count("pk", filter=Q(attempts_made=1)))
    return 100 * counts["first"] / counts["all"] if counts["all"] else None


def get_delivery(*, account: Account, delivery_id: uuid.UUID) -> Delivery:
    """Returns a delivery. Raises NotFound, also for another tenant's."""
    delivery = Delivery.objects.for_account(account).filter(pk=delivery_id).first()
    if delivery is None:
        raise NotFound("There is no such delivery.")
    return delivery


def due_deliveries(now: datetime) -> QuerySet[Delivery]:
    """Returns deliveries that are due and not claimed by an active sender. `now` is database time."""
    is_free = Q(claim=None) | Q(claim_expires_at__lt=now)
    return Delivery.objects.filter(is_free, state=DeliveryState.PENDING, next_attempt_at__lte=now)


def still_claimed(deliveries: Collection[Delivery]) -> set[uuid.UUID]:
    """Returns the IDs of deliveries that still have the claim that they were taken with."""
    if not deliveries:
        return set()
    claims = {delivery.claim for delivery in deliveries}
    ids = [delivery.pk for delivery in deliveries]
    return set(Delivery.objects.filter(pk__in=ids, claim__in=claims).values_list("pk", flat=True))


def due_receivers(now: datetime, *, but: set[str], limit: int) -> list[str]:
    """Returns the receivers of due deliveries, the one that has waited longest first."""
    due = due_deliveries(now).exclude(receiver__in=but).order_by().values("receiver")
    return [row["receiver"] for row in due.annotate(oldest=Min("next_attempt_at")).order_by("oldest")[:limit]]

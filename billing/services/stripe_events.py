"""Stripe's events: stored as they arrive, then applied one at a time, each once.

Our own rows are checked first: an event that they do not confirm (currency, amount, account) credits nothing and alerts
the operators. Exactly one kind of event credits each kind of purchase:

pack          checkout.session.completed when paid, or checkout.session.async_payment_succeeded
recharge      its own payment_intent.succeeded
subscription  invoice.paid of its first invoice or of a new period
"""

import json
import logging
import re
from collections.abc import Callable, Mapping
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from billing.models import MAX_ATTEMPTS, StripeEvent, StripeEventLock
from billing.services import stripe_payments, stripe_refunds, stripe_subscriptions
from billing.services.alerts import raise_alert
from billing.services.stripe_objects import NotOurs, Object, moment

logger = logging.getLogger(__name__)

NAME = re.compile(r"[A-Za-z0-9._-]{1,120}")

KEPT_DAYS = 90  # applied events, with their payload
FORGET_AT_ONCE = 10_000


def record_event(*, payload: bytes, is_reconciled: bool = False) -> str | None:
    """Stores a verified event. Returns its ID, or None if it is known. Raises ValueError if it is not an event."""
    try:
        data = json.loads(payload)
    except RecursionError:
        raise ValueError("too deep") from None
    if not isinstance(data, dict):
        raise ValueError("not an object")
    event_id, kind, created = data.get("id"), data.get("type"), data.get("created")
    body = data.get("data")
    if not isinstance(body, dict) or not isinstance(body.get("object"), dict):
        raise ValueError("not an event")
    if not isinstance(event_id, str) or not isinstance(kind, str) or type(created) is not int:
        raise ValueError("not an event")
    if not NAME.fullmatch(event_id) or not NAME.fullmatch(kind):
        raise ValueError("not an event")
    try:
        with transaction.atomic():
            StripeEvent.objects.create(
                event_id=event_id,
                type=kind,
                payload=payload,
                created_at=moment(created),
                is_reconciled=is_reconciled,
            )
    except IntegrityError:
        return None
    return event_id


def forget_old_events() -> int:
    """Deletes events applied KEPT_DAYS ago: they have names and addresses. Stripe does not resend events half that old.

    Returns how many. A very long backlog takes several days.
    """
    old = StripeEvent.objects.filter(processed_at__lt=timezone.now() - timedelta(days=KEPT_DAYS))
    ids = list(old.order_by("received_at").values_list("pk", flat=True)[:FORGET_AT_ONCE])
    StripeEvent.objects.filter(pk__in=ids).delete()
    return len(ids)


def apply_event(*, event_id: str) -> bool:
    """Applies an event in one transaction. Returns False if that was done before. May be called any number of times.

    The sweep retries failures up to MAX_ATTEMPTS times; then an operator is alerted.
    """
    try:
        with transaction.atomic():
            StripeEventLock.objects.get_or_create(pk=1)
            StripeEventLock.objects.select_for_update().get(pk=1)
            event = StripeEvent.objects.filter(pk=event_id, processed_at=None).first()
            if event is None:
                return False
            _dispatch(event)
            StripeEvent.objects.filter(pk=event_id).update(processed_at=timezone.now(), attempts=F("attempts") + 1)
        return True
    except Exception as error:
        StripeEvent.objects.filter(pk=event_id).update(attempts=F("attempts") + 1)
        # Do not log the message: it may quote the event, which names a customer.
        logger.error("could not apply Stripe event %s: %s", event_id, type(error).__name__)
        if StripeEvent.objects.filter(pk=event_id, attempts__gte=MAX_ATTEMPTS).exists():
            raise_alert(
                kind="event_failed",
                reference=event_id,
                message=f"Could not apply Stripe event {event_id} ({type(error).__name__}).",
            )
        raise


def _dispatch(event: StripeEvent) -> None:
    handler = HANDLERS.get(event.type)
    if handler is None:
        return  # acknowledged without effect
    thing = json.loads(bytes(event.payload))["data"]["object"]
    try:
        with transaction.atomic():
            handler(thing, event)
    except NotOurs as error:
        logger.error("rejected Stripe event %s: %s", event.pk, error)
        raise_alert(kind="event_refused", reference=event.pk, message=f"{event.type} {event.pk}: {error}")


HANDLERS: Mapping[str, Callable[[Object, StripeEvent], None]] = {
    "checkout.session.completed": stripe_payments.session_completed,
    "checkout.session.async_payment_succeeded": stripe_payments.session_paid_later,
    "checkout.session.async_payment_failed": stripe_payments.session_failed,
    "checkout.session.expired": stripe_payments.session_failed,
    "payment_intent.succeeded": stripe_payments.intent_succeeded,
    "payment_intent.payment_failed": stripe_payments.intent_failed,
    "invoice.paid": stripe_subscriptions.invoice_paid,
    "invoice_payment.paid": stripe_subscriptions.invoice_payment_paid,
    "charge.succeeded": stripe_refunds.charge_succeeded,
    "charge.refunded": stripe_refunds.charge_refunded,
    "refund.failed": stripe_refunds.refund_failed,
    "charge.dispute.created": stripe_refunds.dispute_changed,
    "charge.dispute.updated": stripe_refunds.dispute_changed,
    "charge.dispute.closed": stripe_refunds.dispute_changed,
    "charge.dispute.funds_withdrawn": stripe_refunds.dispute_changed,
    "charge.dispute.funds_reinstated": stripe_refunds.dispute_changed,
    "customer.subscription.created": stripe_subscriptions.subscription_changed,
    "customer.subscription.updated": stripe_subscriptions.subscription_changed,
    "customer.subscription.deleted": stripe_subscriptions.subscription_changed,
}

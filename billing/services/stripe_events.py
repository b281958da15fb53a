"""Stripe's events: kept as they came, then applied, one after the other, each once.

Applying one looks at our own rows first: what they do not confirm (currency, amount, account) credits nothing and is
told to the operators. Exactly one kind of event credits each kind of purchase:

pack          checkout.session.completed when paid, or checkout.session.async_payment_succeeded
recharge      its own payment_intent.succeeded
subscription  invoice.paid of its first invoice or of a new period
"""

import json
import logging
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from billing.models import (
    MAX_ATTEMPTS,
    Dispute,
    DisputeStage,
    Payment,
    Purchase,
    PurchaseKind,
    StripeCursor,
    StripeEvent,
)
from billing.services import recharge, subscriptions
from billing.services.alerts import raise_alert
from billing.services.purchases import credit_purchase, keep_card, mark_failed, remember_customer, settle

logger = logging.getLogger(__name__)

Object = Mapping[str, Any]
NAME = re.compile(r"[A-Za-z0-9._-]{1,120}")


KEPT_DAYS = 90  # applied events, as they came
FORGET_AT_ONCE = 10_000


class NotOurs(Exception):
    """An event that our rows do not confirm; the message tells an operator why."""


def record_event(*, payload: bytes, is_reconciled: bool = False) -> str | None:
    """Keeps a verified event and gives its id; None when it was known. Raises ValueError for what is no event."""
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
                created_at=_moment(created),
                is_reconciled=is_reconciled,
            )
    except IntegrityError:
        return None
    return event_id


def forget_old_events() -> int:
    """What was applied KEPT_DAYS ago; it holds names and addresses. Stripe sends nothing again that is half as old.

    Returns how many; the next day takes the rest of a very long list.
    """
    old = StripeEvent.objects.filter(processed_at__lt=timezone.now() - timedelta(days=KEPT_DAYS))
    ids = list(old.order_by("received_at").values_list("pk", flat=True)[:FORGET_AT_ONCE])
    StripeEvent.objects.filter(pk__in=ids).delete()
    return len(ids)


def apply_event(*, event_id: str) -> bool:
    """Does what the event says, in one transaction. False when it was done already. May be called any number of times.

    What fails is tried again by the sweep, MAX_ATTEMPTS times; then an operator is told.
    """
    try:
        with transaction.atomic():
            StripeCursor.objects.get_or_create(pk=1)
            StripeCursor.objects.select_for_update().get(pk=1)
            event = StripeEvent.objects.filter(pk=event_id, processed_at=None).first()
            if event is None:
                return False
            _dispatch(event)
            StripeEvent.objects.filter(pk=event_id).update(processed_at=timezone.now(), attempts=F("attempts") + 1)
        return True
    except Exception as error:
        StripeEvent.objects.filter(pk=event_id).update(attempts=F("attempts") + 1)
        # Its message may quote the event, which names a customer.
        logger.error("Stripe's event %s could not be applied: %s", event_id, type(error).__name__)
        if StripeEvent.objects.filter(pk=event_id, attempts__gte=MAX_ATTEMPTS).exists():
            raise_alert(
                kind="event_failed",
                reference=event_id,
                message=f"Stripe's event {event_id} could not be applied ({type(error).__name__}).",
            )
        raise


def _dispatch(event: StripeEvent) -> None:
    handler = HANDLERS.get(event.type)
    if handler is None:
        return  # acknowledged
    thing = json.loads(bytes(event.payload))["data"]["object"]
    try:
        with transaction.atomic():
            handler(thing, event)
    except NotOurs as error:
        logger.error("Stripe's event %s credits nothing: %s", event.pk, error)
        raise_alert(kind="event_refused", reference=event.pk, message=f"{event.type} {event.pk}: {error}")


# --- payments -------------------------------------------------------------------------------------


def _session_completed(session: Object, event: StripeEvent) -> None:
    if session.get("mode") == "subscription":
        subscriptions.note_checkout(
            subscription_id=_ours(session, "subscription"),
            stripe_subscription_id=_id(session.get("subscription")),
            customer_id=_id(session.get("customer")),
        )
        return
    if session.get("payment_status") == "paid":
        _credit_session(session)


def _session_paid_later(session: Object, event: StripeEvent) -> None:
    if session.get("mode") == "payment" and session.get("payment_status") == "paid":
        _credit_session(session)


def _credit_session(session: Object) -> None:
    purchase = _purchase_of(session, PurchaseKind.TOP_UP)
    if purchase is None:
        return
    if purchase.checkout_session_id not in (None, session.get("id")):
        raise NotOurs("another Checkout was opened for this purchase")
    _check_money(purchase, currency=session.get("currency"), amount=session.get("amount_subtotal"))
    if session.get("client_reference_id") != str(purchase.account_id):
        raise NotOurs("it names another account than our purchase")
    if customer_id := _id(session.get("customer")):
        remember_customer(account=purchase.account, customer_id=customer_id)
    if purchase.checkout_session_id is None:
        Purchase.objects.filter(pk=purchase.pk).update(checkout_session_id=session.get("id"))
    credit_purchase(
        purchase=purchase,
        paid=_number(session.get("amount_total")),
        payment_intent_id=_id(session.get("payment_intent")),
        invoice_id=_id(session.get("invoice")),
    )


def _session_failed(session: Object, event: StripeEvent) -> None:
    purchase = _purchase_of(session, PurchaseKind.TOP_UP)
    if purchase is not None:
        mark_failed(purchase=purchase)


def _intent_succeeded(intent: Object, event: StripeEvent) -> None:
    """Credits a recharge. Of a Checkout's payment it keeps the card, if the buyer wanted that."""
    purchase = _purchase_of(intent, None)
    if purchase is None:
        return
    if purchase.kind == PurchaseKind.RECHARGE:
        _check_money(purchase, currency=intent.get("currency"), amount=intent.get("amount_received"))
        _check_account(purchase, intent)
        credit_purchase(
            purchase=purchase,
            paid=_number(intent.get("amount_received")),
            payment_intent_id=_id(intent),
        )
        return
    customer_id, method_id = _id(intent.get("customer")), _id(intent.get("payment_method"))
    if purchase.keeps_card and customer_id and method_id:
        _check_account(purchase, intent)
        remember_customer(account=purchase.account, customer_id=customer_id)
        keep_card(account=purchase.account, customer_id=customer_id, payment_method_id=method_id)


def _intent_failed(intent: Object, event: StripeEvent) -> None:
    purchase = _purchase_of(intent, PurchaseKind.RECHARGE)
    if purchase is not None:
        recharge.give_up(purchase=purchase)


def _invoice_paid(invoice: Object, event: StripeEvent) -> None:
    if invoice.get("billing_reason") not in {"subscription_create", "subscription_cycle"}:
        return
    details = (invoice.get("parent") or {}).get("subscription_details") or {}
    stripe_subscription_id = _id(details.get("subscription")) or _id(invoice.get("subscription"))
    metadata = details.get("metadata") or (invoice.get("subscription_details") or {}).get("metadata")
    subscription = subscriptions.find_subscription(
        subscription_id=_ours({"metadata": metadata}, "subscription"), stripe_subscription_id=stripe_subscription_id
    )
    if subscription is None:
        return  # somebody else's product at the same Stripe account
    named = _ours({"metadata": metadata}, "account")
    if named is not None and named != str(subscription.account_id):
        raise NotOurs("it names another account than our subscription")
    # Its price may be that of the plan it was changed to by now.
    month = _number(invoice.get("subtotal")) - _corrections(invoice)
    if (invoice.get("currency"), month) != (subscription.currency, subscription.price):
        raise NotOurs("currency or amount differ from our subscription")
    subscriptions.credit_month(
        subscription=subscription,
        stripe_subscription_id=stripe_subscription_id,
        customer_id=_id(invoice.get("customer")),
        invoice_id=_id(invoice) or "",
        period_start=_moment(_period_start(invoice)),
        paid=_number(invoice.get("amount_paid")),
        payment_intent_id=_payment_intent_of(invoice),
        receipt_url=str(invoice.get("hosted_invoice_url") or "")[:2000],
    )


def _lines(invoice: Object) -> list[Object]:
    return (invoice.get("lines") or {}).get("data") or []


def _is_correction(line: Object) -> bool:
    """Of an old period, after a change of plan in its middle (a proration)."""
    details = (line.get("parent") or {}).get("subscription_item_details")
    return bool(details.get("proration")) if details else bool(line.get("proration"))


def _corrections(invoice: Object) -> int:
    """What the corrections of old periods come to; it may be below zero."""
    amounts = [line.get("amount") for line in _lines(invoice) if _is_correction(line)]
    return sum(amount for amount in amounts if isinstance(amount, int))


def _period_start(invoice: Object) -> int:
    """Of the new period: the latest that a line of the subscription, and no correction of an old one, begins."""
    starts = [_number((line.get("period") or {}).get("start")) for line in _lines(invoice) if not _is_correction(line)]
    if not starts:
        raise NotOurs("the invoice has no line for a period")
    return max(starts)


def _payment_intent_of(invoice: Object) -> str | None:
    for each in (invoice.get("payments") or {}).get("data") or []:
        if intent_id := _id((each.get("payment") or {}).get("payment_intent")):
            return intent_id
    if intent_id := _id(invoice.get("payment_intent")):
        return intent_id
    payment = Payment.objects.filter(invoice_id=_id(invoice) or "-").first()
    return payment.pk if payment else None


def _invoice_payment_paid(invoice_payment: Object, event: StripeEvent) -> None:
    """Which payment paid which invoice: refunds and disputes name only the payment."""
    intent_id = _id((invoice_payment.get("payment") or {}).get("payment_intent"))
    invoice_id = _id(invoice_payment.get("invoice"))
    if intent_id and invoice_id:
        Payment.objects.update_or_create(pk=intent_id, defaults={"invoice_id": invoice_id})
        _settle_payment(intent_id)


# --- money that goes back -------------------------------------------------------------------------


def _charge_refunded(charge: Object, event: StripeEvent) -> None:
    """`amount_refunded` is all that was refunded so far, so the largest one seen holds."""
    if intent_id := _note_charge(charge):
        refunded = _number(charge.get("amount_refunded"))
        Payment.objects.filter(pk=intent_id, refunded__lt=refunded).update(refunded=refunded)
        _settle_payment(intent_id)
    if url := charge.get("receipt_url"):
        _keep_receipt(charge, str(url))


def _charge_succeeded(charge: Object, event: StripeEvent) -> None:
    """Credits nothing: it brings the receipt."""
    _note_charge(charge)
    if url := charge.get("receipt_url"):
        _keep_receipt(charge, str(url))


def _note_charge(charge: Object) -> str | None:
    """What the charge is of; None when it does not say."""
    intent_id = _id(charge.get("payment_intent"))
    if intent_id:
        Payment.objects.update_or_create(pk=intent_id, defaults={"charge_id": _id(charge) or ""})
    return intent_id


def _keep_receipt(charge: Object, url: str) -> None:
    purchase_id = _ours(charge, "purchase")
    if purchase_id and url.startswith("https://") and len(url) <= 2000:
        Purchase.objects.filter(pk=purchase_id, receipt_url="").update(receipt_url=url)


def _refund_failed(refund: Object, event: StripeEvent) -> None:
    raise NotOurs("a refund did not reach the customer; Stripe has the money again. Adjust the credits by hand")


def _dispute_changed(dispute: Object, event: StripeEvent) -> None:
    intent_id, dispute_id = _id(dispute.get("payment_intent")), _id(dispute)
    if not intent_id or not dispute_id:
        raise NotOurs("a dispute without a payment")
    status = str(dispute.get("status"))
    stage = DisputeStage.OPEN
    if status.startswith("warning_"):
        stage = DisputeStage.INQUIRY
    elif status in {"won", "lost", "prevented"}:
        stage = DisputeStage.CLOSED
    is_won = status in {"won", "prevented"}
    Payment.objects.get_or_create(pk=intent_id)
    values = {"payment_id": intent_id, "amount": _number(dispute.get("amount")), "stage": stage, "is_won": is_won}
    row, is_new = Dispute.objects.get_or_create(pk=dispute_id, defaults=values)
    if not is_new:
        Dispute.objects.filter(pk=row.pk, stage__lt=stage).update(**values)
    _settle_payment(intent_id)


def _settle_payment(intent_id: str) -> None:
    invoice_id = Payment.objects.values_list("invoice_id", flat=True).get(pk=intent_id)
    paid_for = Q(payment_intent_id=intent_id) | (Q(invoice_id=invoice_id) if invoice_id else Q())
    for purchase in Purchase.objects.filter(paid_for):
        settle(purchase=purchase)


# --- subscriptions --------------------------------------------------------------------------------


def _subscription_changed(subscription: Object, event: StripeEvent) -> None:
    items = (subscription.get("items") or {}).get("data") or [{}]
    price = items[0].get("price") or {}
    ends = subscription.get("cancel_at")
    period_end = items[0].get("current_period_end") or subscription.get("current_period_end")
    if not ends and subscription.get("cancel_at_period_end"):
        ends = period_end
    subscriptions.sync_subscription(
        subscription_id=_ours(subscription, "subscription"),
        stripe_subscription_id=_id(subscription) or "",
        customer_id=_id(subscription.get("customer")),
        status=str(subscription.get("status")),
        stripe_price_id=str(price.get("id") or ""),
        price=price.get("unit_amount"),
        currency=price.get("currency"),
        ends_at=_moment(ends) if ends else None,
        period_ends_at=_moment(period_end) if period_end else None,
        said_at=event.created_at,
    )


# --- reading what came ----------------------------------------------------------------------------


def _moment(seconds: Any) -> datetime:
    try:
        return datetime.fromtimestamp(_number(seconds), UTC)
    except (OverflowError, OSError, ValueError):
        raise ValueError("no moment") from None


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**62:
        raise NotOurs("an amount is missing")
    return value


def _id(value: Any) -> str | None:
    """Of a thing or of a reference to one: Stripe sends either."""
    found = value.get("id") if isinstance(value, Mapping) else value
    return found if isinstance(found, str) and 0 < len(found) <= 120 else None


def _ours(thing: Object, name: str) -> str | None:
    """An id of ours in its metadata; None when there is none, so that it is not our affair."""
    metadata = thing.get("metadata")
    value = metadata.get(name) if isinstance(metadata, Mapping) else None
    return subscriptions.as_uuid(value)


def _purchase_of(thing: Object, kind: str | None) -> Purchase | None:
    purchase_id = _ours(thing, "purchase")
    if purchase_id is None:
        return None
    purchase = Purchase.objects.select_related("account").filter(pk=purchase_id).first()
    if purchase is None:
        raise NotOurs("we know no such purchase")
    if kind is not None and purchase.kind != kind:
        return None
    return purchase


def _check_money(purchase: Purchase, *, currency: Any, amount: Any) -> None:
    if (currency, amount) != (purchase.currency, purchase.price):
        raise NotOurs("currency or amount differ from our purchase")


def _check_account(purchase: Purchase, thing: Object) -> None:
    if _ours(thing, "account") != str(purchase.account_id):
        raise NotOurs("it names another account than our purchase")


HANDLERS: Mapping[str, Callable[[Object, StripeEvent], None]] = {
    "checkout.session.completed": _session_completed,
    "checkout.session.async_payment_succeeded": _session_paid_later,
    "checkout.session.async_payment_failed": _session_failed,
    "checkout.session.expired": _session_failed,
    "payment_intent.succeeded": _intent_succeeded,
    "payment_intent.payment_failed": _intent_failed,
    "invoice.paid": _invoice_paid,
    "invoice_payment.paid": _invoice_payment_paid,
    "charge.succeeded": _charge_succeeded,
    "charge.refunded": _charge_refunded,
    "refund.failed": _refund_failed,
    "charge.dispute.created": _dispute_changed,
    "charge.dispute.updated": _dispute_changed,
    "charge.dispute.closed": _dispute_changed,
    "charge.dispute.funds_withdrawn": _dispute_changed,
    "charge.dispute.funds_reinstated": _dispute_changed,
    "customer.subscription.created": _subscription_changed,
    "customer.subscription.updated": _subscription_changed,
    "customer.subscription.deleted": _subscription_changed,
}

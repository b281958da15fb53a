"""Handles events about invoices and subscriptions."""

from billing.models import Payment, StripeEvent
from billing.services import subscriptions
from billing.services.stripe_objects import NotOurs, Object, get_id, moment, number, our_id
from billing.services.stripe_refunds import settle_payment


def invoice_paid(invoice: Object, event: StripeEvent) -> None:
    if invoice.get("billing_reason") not in {"subscription_create", "subscription_cycle"}:
        return
    details = (invoice.get("parent") or {}).get("subscription_details") or {}
    stripe_subscription_id = get_id(details.get("subscription")) or get_id(invoice.get("subscription"))
    metadata = details.get("metadata") or (invoice.get("subscription_details") or {}).get("metadata")
    subscription = subscriptions.find_subscription(
        subscription_id=our_id({"metadata": metadata}, "subscription"), stripe_subscription_id=stripe_subscription_id
    )
    if subscription is None:
        return  # another product that uses the same Stripe account
    named = our_id({"metadata": metadata}, "account")
    if named is not None and named != str(subscription.account_id):
        raise NotOurs("it names a different account from the subscription")
    line = _line_of_the_month(invoice)
    price = number(invoice.get("subtotal")) - _other_amounts(invoice)
    plan = subscriptions.plan_of_month(
        subscription=subscription, stripe_price_id=_price_id(line), price=price, currency=invoice.get("currency")
    )
    if plan is None:
        raise NotOurs("currency or amount differs from the subscription")
    subscriptions.credit_month(
        subscription=subscription,
        plan=plan,
        price=price,
        said_at=moment(invoice.get("created")),
        stripe_subscription_id=stripe_subscription_id,
        customer_id=get_id(invoice.get("customer")),
        invoice_id=get_id(invoice) or "",
        period_start=moment(_begins(line)),
        paid=number(invoice.get("amount_paid")),
        payment_intent_id=_find_payment_intent(invoice),
        receipt_url=str(invoice.get("hosted_invoice_url") or "")[:2000],
    )


def _lines(invoice: Object) -> list[Object]:
    return (invoice.get("lines") or {}).get("data") or []


def _is_of_a_month(line: Object) -> bool:
    """Whether the line is for a month, not a proration of an earlier period or an extra item."""
    parent = line.get("parent") or {}
    if parent.get("type") == "invoice_item_details":
        return False
    return not (parent.get("subscription_item_details") or line).get("proration")


def _line_of_the_month(invoice: Object) -> Object:
    """Returns the line for the new period: the one that starts last. Raises NotOurs if there is none."""
    months = [line for line in _lines(invoice) if _is_of_a_month(line)]
    if not months:
        raise NotOurs("the invoice has no line for a period")
    return max(months, key=_begins)


def _begins(line: Object) -> int:
    return number((line.get("period") or {}).get("start"))


def _price_id(line: Object) -> str:
    """Returns the ID of the line's Stripe price, or "". https://docs.stripe.com/api/invoice-line-item/object"""
    details = (line.get("pricing") or {}).get("price_details") or {}
    return get_id(details.get("price")) or get_id(line.get("price")) or ""


def _other_amounts(invoice: Object) -> int:
    """Returns the sum of the other lines on the invoice. It may be negative."""
    amounts = [line.get("amount") for line in _lines(invoice) if not _is_of_a_month(line)]
    return sum(amount for amount in amounts if isinstance(amount, int))


def _find_payment_intent(invoice: Object) -> str | None:
    for invoice_payment in (invoice.get("payments") or {}).get("data") or []:
        if intent_id := get_id((invoice_payment.get("payment") or {}).get("payment_intent")):
            return intent_id
    if intent_id := get_id(invoice.get("payment_intent")):
        return intent_id
    payment = Payment.objects.filter(invoice_id=get_id(invoice) or "-").first()
    return payment.pk if payment else None


def invoice_payment_paid(invoice_payment: Object, event: StripeEvent) -> None:
    """Records which payment paid which invoice: refunds and disputes name only the payment."""
    intent_id = get_id((invoice_payment.get("payment") or {}).get("payment_intent"))
    invoice_id = get_id(invoice_payment.get("invoice"))
    if intent_id and invoice_id:
        Payment.objects.update_or_create(pk=intent_id, defaults={"invoice_id": invoice_id})
        settle_payment(intent_id)


def subscription_changed(subscription: Object, event: StripeEvent) -> None:
    items = (subscription.get("items") or {}).get("data") or [{}]
    price = items[0].get("price") or {}
    ends = subscription.get("cancel_at")
    period_end = items[0].get("current_period_end") or subscription.get("current_period_end")
    if not ends and subscription.get("cancel_at_period_end"):
        ends = period_end
    subscriptions.sync_subscription(
        subscription_id=our_id(subscription, "subscription"),
        stripe_subscription_id=get_id(subscription) or "",
        customer_id=get_id(subscription.get("customer")),
        status=str(subscription.get("status")),
        stripe_price_id=str(price.get("id") or ""),
        price=price.get("unit_amount"),
        currency=price.get("currency"),
        ends_at=moment(ends) if ends else None,
        period_ends_at=moment(period_end) if period_end else None,
        said_at=event.created_at,
    )

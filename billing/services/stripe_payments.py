"""Handles events about packs and automatic top-ups. `stripe_events` lists which event credits what."""

from billing.models import Purchase, PurchaseKind, StripeEvent
from billing.services import auto_top_up, subscriptions
from billing.services.purchases import credit_purchase, keep_card, mark_failed, remember_customer
from billing.services.stripe_objects import (
    NotOurs,
    Object,
    check_account,
    check_money,
    find_purchase,
    get_id,
    number,
    our_id,
)


def session_completed(session: Object, event: StripeEvent) -> None:
    if session.get("mode") == "subscription":
        subscriptions.note_checkout(
            subscription_id=our_id(session, "subscription"),
            stripe_subscription_id=get_id(session.get("subscription")),
            customer_id=get_id(session.get("customer")),
        )
        return
    if session.get("payment_status") == "paid":
        _credit_session(session)


def session_paid_later(session: Object, event: StripeEvent) -> None:
    if session.get("mode") == "payment" and session.get("payment_status") == "paid":
        _credit_session(session)


def _credit_session(session: Object) -> None:
    purchase = find_purchase(session, PurchaseKind.TOP_UP)
    if purchase is None:
        return
    if purchase.checkout_session_id not in (None, session.get("id")):
        raise NotOurs("another Checkout was opened for this purchase")
    check_money(purchase, currency=session.get("currency"), amount=session.get("amount_subtotal"))
    if session.get("client_reference_id") != str(purchase.account_id):
        raise NotOurs("it names a different account from the purchase")
    if customer_id := get_id(session.get("customer")):
        remember_customer(account=purchase.account, customer_id=customer_id)
    if purchase.checkout_session_id is None:
        Purchase.objects.filter(pk=purchase.pk).update(checkout_session_id=session.get("id"))
    credit_purchase(
        purchase=purchase,
        paid=number(session.get("amount_total")),
        payment_intent_id=get_id(session.get("payment_intent")),
        invoice_id=get_id(session.get("invoice")),
    )


def session_failed(session: Object, event: StripeEvent) -> None:
    purchase = find_purchase(session, PurchaseKind.TOP_UP)
    if purchase is not None:
        mark_failed(purchase=purchase)


def intent_succeeded(intent: Object, event: StripeEvent) -> None:
    """Credits an automatic top-up. For a Checkout payment, saves the card if the buyer agreed."""
    purchase = find_purchase(intent, None)
    if purchase is None:
        return
    if purchase.kind == PurchaseKind.RECHARGE:
        check_money(purchase, currency=intent.get("currency"), amount=intent.get("amount_received"))
        check_account(purchase, intent)
        credit_purchase(
            purchase=purchase,
            paid=number(intent.get("amount_received")),
            payment_intent_id=get_id(intent),
        )
        return
    customer_id, method_id = get_id(intent.get("customer")), get_id(intent.get("payment_method"))
    if purchase.keeps_card and customer_id and method_id:
        check_account(purchase, intent)
        remember_customer(account=purchase.account, customer_id=customer_id)
        keep_card(account=purchase.account, customer_id=customer_id, payment_method_id=method_id)


def intent_failed(intent: Object, event: StripeEvent) -> None:
    purchase = find_purchase(intent, PurchaseKind.RECHARGE)
    if purchase is not None:
        auto_top_up.give_up(purchase=purchase)

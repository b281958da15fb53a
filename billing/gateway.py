"""Requests to Stripe, through its own SDK. Owns no state: `billing.services` owns the rows and never calls Stripe.

Every request that creates something has an idempotency key, so that a retry creates nothing twice.
https://docs.stripe.com/api/idempotent_requests
"""

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NoReturn

import stripe
from django.conf import settings
from django.urls import reverse

from billing.errors import CardDeclined, CardGone, PaymentsUnavailable, PaymentsUnreachable, SellingNotSetUp
from billing.models import MICROCREDITS_PER_CREDIT, Purchase, StripeCustomer, Subscription
from config.connections import release_connection

logger = logging.getLogger(__name__)

CONNECT_SECONDS, ANSWER_SECONDS = 2.0, 8.0  # users wait for these
RETRIES = 1  # by the SDK; sweeps turn them off, because the next sweep retries anyway


def is_set_up() -> bool:
    return bool(settings.STRIPE_API_KEY)


def stripe_client(*, retries: int = RETRIES) -> stripe.StripeClient:
    """Returns a client. Raises SellingNotSetUp."""
    if not is_set_up():
        raise SellingNotSetUp
    return stripe.StripeClient(
        settings.STRIPE_API_KEY,
        http_client=stripe.RequestsClient(timeout=(CONNECT_SECONDS, ANSWER_SECONDS)),
        max_network_retries=retries,
        base_addresses={"api": settings.STRIPE_API_BASE} if settings.STRIPE_API_BASE else {},
    )


def open_checkout(purchase: Purchase) -> tuple[str, str]:
    """Creates a Checkout for a pack. Returns its ID and the URL to pay at; the same purchase gets the same ones.

    Raises PaymentsUnavailable or SellingNotSetUp.
    """
    client = stripe_client()
    ours = {"purchase": str(purchase.pk), "account": str(purchase.account_id)}
    intent: Any = {"metadata": ours}
    if purchase.keeps_card:
        intent["setup_future_usage"] = "off_session"
    credits = purchase.credits_microcredits // MICROCREDITS_PER_CREDIT
    item: Any = {"quantity": 1}
    if purchase.stripe_price_id:
        item["price"] = purchase.stripe_price_id
    else:
        item["price_data"] = {
            "currency": purchase.currency,
            "unit_amount": purchase.price,
            "product_data": {"name": f"{credits:,} credits"},
        }
    params: Any = {
        "mode": "payment",
        "line_items": [item],
        "client_reference_id": str(purchase.account_id),
        "metadata": ours,
        "payment_intent_data": intent,
        "invoice_creation": {"enabled": True},
        "allow_promotion_codes": False,
        "success_url": f"{settings.PUBLIC_URL}{reverse('billing_success', args=[purchase.pk])}",
        "cancel_url": f"{settings.PUBLIC_URL}{reverse('billing_cancel', args=[purchase.pk])}",
    }
    params |= _customer(purchase.account_id) or {"customer_creation": "always"}
    return _open_session(client, params, key=f"purchase:{purchase.pk}")


def open_subscription_checkout(subscription: Subscription) -> tuple[str, str]:
    """Creates a Checkout for a plan. Returns its ID and URL. Raises PaymentsUnavailable or SellingNotSetUp."""
    client = stripe_client()
    ours = {"subscription": str(subscription.pk), "account": str(subscription.account_id)}
    plan = subscription.plan
    item: Any = {"quantity": 1}
    if plan.stripe_price_id:
        item["price"] = plan.stripe_price_id
    else:
        item["price_data"] = {
            "currency": subscription.currency,
            "unit_amount": subscription.price,
            "recurring": {"interval": "month"},
            "product_data": {"name": f"{plan.name} plan"},
        }
    params: Any = {
        "mode": "subscription",
        "line_items": [item],
        "client_reference_id": str(subscription.account_id),
        "metadata": ours,
        "subscription_data": {"metadata": ours},
        "allow_promotion_codes": False,
        "success_url": f"{settings.PUBLIC_URL}{reverse('billing_subscribed', args=[subscription.pk])}",
        "cancel_url": f"{settings.PUBLIC_URL}{reverse('billing')}",
    }
    params |= _customer(subscription.account_id)
    return _open_session(client, params, key=f"subscription:{subscription.pk}")


def cancel_subscription(subscription: Subscription) -> None:
    """Cancels a subscription immediately, without a refund.

    Does nothing if Stripe does not know it or has already ended it. Raises PaymentsUnavailable or SellingNotSetUp.
    """
    if not subscription.stripe_subscription_id:
        return
    client = stripe_client()
    with _asking_of_one_that_may_be_gone("cancel subscription"):
        client.v1.subscriptions.cancel(subscription.stripe_subscription_id)


def set_renewal(subscription: Subscription, *, is_on: bool) -> None:
    """Sets whether the subscription renews after the paid month.

    Does nothing if Stripe does not know the subscription. Raises PaymentsUnavailable or SellingNotSetUp.
    """
    if not subscription.stripe_subscription_id:
        return
    client = stripe_client(retries=0)
    with _asking_of_one_that_may_be_gone("update subscription"):
        changed = client.v1.subscriptions.update(
            subscription.stripe_subscription_id, {"cancel_at_period_end": not is_on}
        )
        if changed.cancel_at_period_end is is_on:
            raise ValueError("Stripe did not change the renewal")


def open_portal(customer: StripeCustomer) -> str:
    """Returns the URL where customers change cards, plan and address, and find invoices. Raises PaymentsUnavailable."""
    client = stripe_client()
    with _asking("open customer portal"):
        session = client.v1.billing_portal.sessions.create(
            {"customer": customer.customer_id, "return_url": f"{settings.PUBLIC_URL}{reverse('billing')}"}
        )
    return _text(session, "url")


def charge_saved_card(purchase: Purchase, customer: StripeCustomer) -> str:
    """Charges the saved card for a purchase, off-session, and returns the PaymentIntent's ID.

    Only Stripe's event proves that it was paid. The same purchase is charged once, however often this is called within
    a day. CardDeclined and CardGone are final; after PaymentsUnavailable, try again.
    """
    client = stripe_client(retries=0)
    ours = {"purchase": str(purchase.pk), "account": str(purchase.account_id)}
    try:
        with _asking("automatic top-up", but=(stripe.CardError, stripe.InvalidRequestError)):
            intent = client.v1.payment_intents.create(
                {
                    "amount": purchase.price,
                    "currency": purchase.currency,
                    "customer": customer.customer_id,
                    "payment_method": customer.payment_method_id,
                    "off_session": True,
                    "confirm": True,
                    "metadata": ours,
                    "description": f"{purchase.credits_microcredits // MICROCREDITS_PER_CREDIT:,} credits",
                },
                {"idempotency_key": f"recharge:{purchase.pk}"},
            )
    except stripe.CardError:
        raise CardDeclined from None
    except stripe.InvalidRequestError as error:
        logger.error("Stripe request failed (automatic top-up): %s %s", type(error).__name__, error.code or "")
        raise CardGone from None
    intent_id, status = _text(intent, "id"), _text(intent, "status")
    if status in {"succeeded", "processing"}:
        return intent_id
    raise CardDeclined  # the bank asks the cardholder to authenticate


def list_events(*, since: datetime, types: list[str]) -> Iterator[dict[str, Any]]:
    """Returns Stripe's events since then (it keeps 30 days), newest first, in the form in which they are delivered.

    Raises PaymentsUnavailable.
    """
    client = stripe_client()
    with _asking("events"):
        page = client.v1.events.list({"created": {"gte": int(since.timestamp())}, "limit": 100})
        for event in page.auto_paging_iter():
            if event.type in types:
                yield event.to_dict(for_json=True)


def _customer(account_id: uuid.UUID) -> dict[str, str]:
    customer = StripeCustomer.objects.filter(account=account_id).first()
    return {"customer": customer.customer_id} if customer else {}


def _open_session(client: stripe.StripeClient, params: Any, *, key: str) -> tuple[str, str]:
    with _asking("open Checkout"):
        session = client.v1.checkout.sessions.create(params, {"idempotency_key": key})
    return _text(session, "id"), _text(session, "url")


@contextmanager
def _asking(what: str, *, but: tuple[type[stripe.StripeError], ...] = ()) -> Iterator[None]:
    """Wraps one request. Raises PaymentsUnavailable for any error or malformed response, except errors in `but`."""
    release_connection()
    try:
        yield
    except but:
        raise
    except stripe.StripeError as error:
        _refuse(what, error)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # The SDK raises these if the response body is not Stripe's.
        logger.error("unexpected Stripe response for %s: %s", what, type(error).__name__)
        raise PaymentsUnavailable from None


@contextmanager
def _asking_of_one_that_may_be_gone(what: str) -> Iterator[None]:
    try:
        with _asking(what, but=(stripe.InvalidRequestError,)):
            yield
    except stripe.InvalidRequestError as error:
        if error.code != "resource_missing":
            _refuse(what, error)


def _text(answer: object, name: str) -> str:
    """Returns a text field of a response. Raises PaymentsUnavailable if it is missing."""
    value = getattr(answer, name, None)
    if not isinstance(value, str) or not value:
        logger.error("Stripe's response has no %s", name)
        raise PaymentsUnavailable
    return value


def _refuse(what: str, error: stripe.StripeError) -> NoReturn:
    """Raises our error in place of Stripe's, whose message may have customer data and is neither logged nor shown."""
    logger.error("Stripe request failed (%s): %s %s", what, type(error).__name__, error.code or "")
    raise PaymentsUnreachable if isinstance(error, stripe.APIConnectionError) else PaymentsUnavailable from None

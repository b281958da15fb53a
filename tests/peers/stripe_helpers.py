"""Stripe's events as Stripe shapes them (fixtures: github.com/stripe/openapi, MIT), signed and posted."""

import copy
import hashlib
import hmac
import json
import time
import uuid
from pathlib import Path
from typing import Any

from django.test import Client

from accounts.models import Account
from billing.models import Pack, Purchase, StripeEvent
from billing.services.purchases import start_top_up
from billing.services.stripe_events import apply_event

SECRET = "whsec_test"
FIXTURES: dict[str, Any] = json.loads((Path(__file__).parent / "stripe_fixtures.json").read_text())
CREDIT = 1_000_000


def event(kind: str, thing: dict[str, Any], **changes: Any) -> dict[str, Any]:
    values = {"id": f"evt_{uuid.uuid4().hex}", "type": kind, "created": int(time.time()), "data": {"object": thing}}
    return dict(copy.deepcopy(FIXTURES["event"]) | values | changes)


def signature(body: bytes, *, secret: str = SECRET, skew_seconds: int = 0, scheme: str = "v1") -> str:
    at = int(time.time()) + skew_seconds
    digest = hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256).hexdigest()
    return f"t={at},{scheme}={digest}"


def post(body: bytes, header: str) -> Any:
    return Client().post(
        "/webhooks/stripe/", data=body, content_type="application/json", headers={"Stripe-Signature": header}
    )


def deliver(what: dict[str, Any]) -> None:
    """As Stripe would, and as the worker then does."""
    body = json.dumps(what).encode()
    response = post(body, signature(body))
    assert response.status_code == 200, response.content
    for event_id in list(StripeEvent.objects.filter(processed_at=None).values_list("pk", flat=True)):
        apply_event(event_id=event_id)


def make_purchase(account: Account, *, credits: int = 1_000, price: int = 1_000, **fields: Any) -> Purchase:
    pack = Pack.objects.create(credits_microcredits=credits * CREDIT, price=price, currency="usd")
    return start_top_up(account=account, pack=pack, form_token=uuid.uuid4(), **fields)


def session_of(purchase: Purchase, **changes: Any) -> dict[str, Any]:
    """A paid Checkout Session of this purchase."""
    ours = {"purchase": str(purchase.pk), "account": str(purchase.account_id)}
    values = {
        "id": f"cs_{purchase.pk.hex}",
        "mode": "payment",
        "status": "complete",
        "payment_status": "paid",
        "client_reference_id": str(purchase.account_id),
        "metadata": ours,
        "amount_subtotal": purchase.price,
        "amount_total": purchase.price,
        "currency": purchase.currency,
        "payment_intent": intent_of(purchase),
        "customer": f"cus_{purchase.account_id.hex}",
        "invoice": None,
    }
    return dict(copy.deepcopy(FIXTURES["checkout.session"]) | values | changes)


def intent_of(purchase: Purchase) -> str:
    return f"pi_{purchase.pk.hex}"


def completed(purchase: Purchase, **changes: Any) -> dict[str, Any]:
    return event("checkout.session.completed", session_of(purchase, **changes))


def refunded(purchase: Purchase, amount: int) -> dict[str, Any]:
    """So much in all so far."""
    values = {
        "id": f"ch_{purchase.pk.hex}",
        "amount": purchase.price,
        "amount_refunded": amount,
        "payment_intent": intent_of(purchase),
        "metadata": {"purchase": str(purchase.pk)},
    }
    return event("charge.refunded", copy.deepcopy(FIXTURES["charge"]) | values)


def dispute(purchase: Purchase, status: str, *, amount: int | None = None, number: int = 1) -> dict[str, Any]:
    kind = "closed" if status in {"won", "lost", "warning_closed"} else "created"
    values = {
        "id": f"dp_{purchase.pk.hex}_{number}",
        "amount": purchase.price if amount is None else amount,
        "status": status,
        "payment_intent": intent_of(purchase),
    }
    return event(f"charge.dispute.{kind}", copy.deepcopy(FIXTURES["dispute"]) | values)

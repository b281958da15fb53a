"""Reads Stripe's objects: times, amounts, IDs, and the row that an object belongs to."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from billing.models import Purchase
from billing.services import subscriptions

Object = Mapping[str, Any]


class NotOurs(Exception):
    """Our rows do not confirm the event. The message tells an operator why."""


def moment(seconds: Any) -> datetime:
    try:
        return datetime.fromtimestamp(number(seconds), UTC)
    except (OverflowError, OSError, ValueError):
        raise ValueError("a timestamp is missing") from None


def number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**62:
        raise NotOurs("an amount is missing")
    return value


def get_id(value: Any) -> str | None:
    """Returns an ID. Stripe sends either the object or its ID."""
    found = value.get("id") if isinstance(value, Mapping) else value
    return found if isinstance(found, str) and 0 < len(found) <= 120 else None


def our_id(thing: Object, name: str) -> str | None:
    """Returns our ID from an object's metadata, or None if the object is not ours."""
    metadata = thing.get("metadata")
    value = metadata.get(name) if isinstance(metadata, Mapping) else None
    return subscriptions.as_uuid(value)


def find_purchase(thing: Object, kind: str | None) -> Purchase | None:
    purchase_id = our_id(thing, "purchase")
    if purchase_id is None:
        return None
    purchase = Purchase.objects.select_related("account").filter(pk=purchase_id).first()
    if purchase is None:
        raise NotOurs("unknown purchase")
    if kind is not None and purchase.kind != kind:
        return None
    return purchase


def check_money(purchase: Purchase, *, currency: Any, amount: Any) -> None:
    if (currency, amount) != (purchase.currency, purchase.price):
        raise NotOurs("currency or amount differs from the purchase")


def check_account(purchase: Purchase, thing: Object) -> None:
    if our_id(thing, "account") != str(purchase.account_id):
        raise NotOurs("it names a different account from the purchase")

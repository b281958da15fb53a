"""Describes purchases, for the billing page and receipts."""

from billing.models import Purchase, PurchaseKind
from billing.money import format_money, format_whole


def what_was_bought(purchase: Purchase) -> str:
    """Returns a description such as "1,000 credits", or "Pro, a month with 3,000 credits"."""
    credits = f"{format_whole(purchase.credits_microcredits)} credits"
    if purchase.subscription is not None:
        plan = purchase.plan or purchase.subscription.plan
        return f"{plan.name}, one month with {credits}"
    return f"{credits}, automatically" if purchase.kind == PurchaseKind.RECHARGE else credits


def what_it_cost(purchase: Purchase) -> str:
    """Returns the price: with tax once it is paid, before tax until then."""
    amount = purchase.price if purchase.paid is None else purchase.paid
    return format_money(amount, purchase.currency)

"""Sends one receipt email per payment."""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from accounts.mails import in_subject
from billing.mails import mail_owners
from billing.models import Purchase, PurchaseKind, PurchaseState
from billing.money import format_have
from billing.purchase_words import what_it_cost, what_was_bought
from billing.selectors import get_balance

PATIENCE = timedelta(minutes=2)  # wait for Stripe's own receipt, which a later event brings
AT_ONCE = 100


def send_receipts() -> int:
    """Sends the receipts that are due and returns how many. Uses the network, so call it outside transactions."""
    has_link_or_waited = ~Q(receipt_url="") | Q(paid_at__lte=timezone.now() - PATIENCE)
    due = Purchase.objects.filter(has_link_or_waited, state=PurchaseState.PAID, receipt_mailed_at=None)
    return sum(
        _send(purchase)
        for purchase in due.select_related("account", "plan", "subscription__plan").order_by("paid_at")[:AT_ONCE]
    )


def _send(purchase: Purchase) -> bool:
    unsent = Purchase.objects.filter(pk=purchase.pk, receipt_mailed_at=None)
    if not unsent.update(receipt_mailed_at=timezone.now()):
        return False  # another worker sends it
    account = purchase.account
    is_sent = mail_owners(
        account,
        subject=f"Receipt for {in_subject(account.name)}: {what_it_cost(purchase)}",
        template="receipt",
        context={
            "what": what_was_bought(purchase),
            "paid": what_it_cost(purchase),
            "paid_at": purchase.paid_at,
            "available": format_have(get_balance(account).available_microcredits),
            "by_itself": purchase.kind == PurchaseKind.RECHARGE,
            "receipt_url": purchase.receipt_url,
        },
    )
    if not is_sent:
        Purchase.objects.filter(pk=purchase.pk).update(receipt_mailed_at=None)  # the next sweep retries
    return is_sent

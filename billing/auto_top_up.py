"""Charges the saved card for automatic top-ups, and emails the owners when they stop.

These functions use the network, so call them outside transactions.
"""

import logging

from django.utils import timezone

from accounts.models import Account
from billing import gateway
from billing.errors import CardDeclined, CardGone, PaymentsUnavailable, PaymentsUnreachable
from billing.mails import mail_owners
from billing.models import AutoTopUp, Purchase, PurchaseKind, PurchaseState, StripeCustomer
from billing.selectors import accounts_to_recharge
from billing.services import auto_top_up
from billing.services.purchases import forget_card, mark_opened

logger = logging.getLogger(__name__)

UNANSWERED = "The payment service was unavailable for a day."
GONE = "The saved card can no longer be charged. Save a card with your next purchase."


def recharge_account(account: Account) -> Purchase | None:
    """Charges the saved card if a top-up is due, or asks again about one that Stripe did not answer.

    The credits come with Stripe's event. If the card is declined or no longer exists, automatic top-ups are turned off,
    so that the charge is not repeated. Raises PaymentsUnreachable; the next call retries.
    """
    if not gateway.is_set_up():
        return None
    begun = Purchase.objects.for_account(account).filter(kind=PurchaseKind.RECHARGE, state=PurchaseState.CREATED)
    purchase = begun.first() or auto_top_up.start_recharge(account=account)
    customer = StripeCustomer.objects.filter(account=account).first()
    if purchase is None or customer is None:
        return purchase
    if timezone.now() - purchase.created_at > auto_top_up.ASK_AGAIN_FOR:
        auto_top_up.give_up(purchase=purchase, because=UNANSWERED)
        return purchase
    try:
        intent_id = gateway.charge_saved_card(purchase, customer)
    except CardDeclined:
        auto_top_up.give_up(purchase=purchase)
    except CardGone:
        auto_top_up.give_up(purchase=purchase, because=GONE)
        forget_card(customer=customer)
    except PaymentsUnreachable:
        raise
    except PaymentsUnavailable:
        logger.warning("Stripe is unavailable; an automatic top-up will be retried")
    else:
        mark_opened(purchase=purchase, payment_intent_id=intent_id)
    return purchase


def recharge_accounts() -> None:
    """Runs every due top-up. Stops at the first one that Stripe does not answer, to wait for one timeout only."""
    for account_id in accounts_to_recharge():
        try:
            recharge_account(Account.objects.get(pk=account_id))
        except PaymentsUnreachable:
            logger.warning("Stripe is unavailable; automatic top-ups will be retried")
            return


def tell_owners(account: Account) -> None:
    """Emails the owners once that automatic top-ups were stopped, and why."""
    if not auto_top_up.claim_mail(account=account):
        return
    row = AutoTopUp.objects.get(account=account)
    subject = "Your credits are no longer topped up automatically"
    if not mail_owners(account, subject=subject, template="recharge_stopped", context={"because": row.stopped_because}):
        auto_top_up.return_mail(account=account)

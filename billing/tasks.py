"""Celery tasks for billing: applying events, a sweep for lost messages, and calls to Stripe in the background."""

import logging

from celery import shared_task

from accounts.models import Account
from billing import auto_top_up, reconciliation, renewals
from billing.selectors import accounts_to_tell, waiting_events
from billing.services.low_balance import send_low_balance_notices
from billing.services.receipts import send_receipts
from billing.services.stripe_events import apply_event as apply_stripe_event
from billing.services.stripe_events import forget_old_events

logger = logging.getLogger(__name__)


@shared_task
def apply_event(event_id: str) -> None:
    """Applies a Stripe event. May run twice."""
    apply_stripe_event(event_id=event_id)


@shared_task
def sweep_payments() -> None:
    """Retries lost and failed events; handles low balances, and renewals and emails that are due."""
    for event_id in waiting_events():
        try:
            apply_stripe_event(event_id=event_id)
        except Exception:  # logged, counted and alerted; the next event must not wait
            logger.warning("the sweep could not apply event %s; continuing with the next one", event_id)
    auto_top_up.recharge_accounts()
    renewals.follow_accounts()
    send_receipts()
    send_low_balance_notices()
    for account_id in accounts_to_tell():
        auto_top_up.tell_owners(Account.objects.get(pk=account_id))


@shared_task
def reconcile_stripe() -> None:
    """Fetches events that were never delivered, and deletes old ones."""
    reconciliation.reconcile()
    forget_old_events()

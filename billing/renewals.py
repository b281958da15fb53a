"""Renewals follow their accounts: off at Stripe while one is about to be deleted, on again when it stays.

Network, and no transaction. The sweep compares what should be with what is known, so that a crash, or a Stripe that
does not answer, only makes it later.
"""

import logging

from billing import gateway
from billing.errors import PaymentsUnavailable, PaymentsUnreachable
from billing.models import Subscription
from billing.selectors import renewals_to_change
from billing.services.cancel_on_deletion import begin_to_hold, note_held, note_released

logger = logging.getLogger(__name__)


def follow_accounts() -> None:
    """All that are due, or as many as Stripe answers."""
    if not gateway.is_set_up():
        return
    for subscription in renewals_to_change():
        try:
            if subscription.account.is_closing:
                _hold(subscription)
            else:
                _release(subscription)
        except PaymentsUnreachable:
            logger.warning("Stripe is unavailable; changes of renewal will be retried")
            return
        except PaymentsUnavailable:
            logger.warning(
                "Stripe is unavailable; the change of renewal of subscription %s will be retried", subscription.pk
            )


def _hold(subscription: Subscription) -> None:
    begin_to_hold(subscription=subscription)
    gateway.set_renewal(subscription, is_on=False)
    note_held(subscription=subscription)


def _release(subscription: Subscription) -> None:
    gateway.set_renewal(subscription, is_on=True)
    note_released(subscription=subscription)

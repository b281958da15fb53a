"""Turns off renewal at Stripe while an account is scheduled for deletion, and on again if the account is kept.

These functions use the network, so call them outside transactions. The sweep compares the desired state with the known
one, so a crash or an outage of Stripe only delays the change.
"""

import logging

from billing import gateway
from billing.errors import PaymentsUnavailable, PaymentsUnreachable
from billing.models import Subscription
from billing.selectors import renewals_to_change
from billing.services.cancel_on_deletion import begin_to_hold, note_held, note_released

logger = logging.getLogger(__name__)


def follow_accounts() -> None:
    """Updates all subscriptions that need it. Stops at the first one that Stripe does not answer."""
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

"""Subscriptions and payment settings of an account that is deleted: nothing is renewed or charged afterwards."""

from django.db import transaction
from django.db.models import F

from accounts.models import Account
from billing.models import AutoTopUp, LowBalanceNotice, StripeCustomer, Subscription


def begin_to_hold(*, subscription: Subscription) -> None:
    """Records that we are about to pause the renewal.

    If we crash before Stripe answers, the pause can still be undone.
    """
    Subscription.objects.filter(pk=subscription.pk).update(renewal_paused=True)


def note_held(*, subscription: Subscription) -> None:
    """Records that Stripe paused the renewal. Its event will say the same."""
    Subscription.objects.filter(pk=subscription.pk).update(ends_at=F("period_ends_at"))


def note_released(*, subscription: Subscription) -> None:
    """Records that Stripe resumed the renewal."""
    Subscription.objects.filter(pk=subscription.pk).update(renewal_paused=False, ends_at=None)


@transaction.atomic
def forget_payment_settings(*, account: Account) -> None:
    """Deletes the saved card, automatic top-ups and notices.

    Payments and the Stripe customer stay, because refunds and disputes may still come.
    """
    AutoTopUp.objects.filter(account=account).delete()
    LowBalanceNotice.objects.filter(account=account).delete()
    StripeCustomer.objects.filter(account=account).update(payment_method_id="")

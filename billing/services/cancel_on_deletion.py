"""An account on its way out: its subscription is not renewed meanwhile, and what it leaves behind charges nobody."""

from django.db import transaction
from django.db.models import F

from accounts.models import Account
from billing.models import AutoTopUp, LowBalanceNotice, StripeCustomer, Subscription


def begin_to_hold(*, subscription: Subscription) -> None:
    """Before Stripe is asked: what we may have switched off there is switched on again, whatever happens between."""
    Subscription.objects.filter(pk=subscription.pk).update(renewal_paused=True)


def note_held(*, subscription: Subscription) -> None:
    """Stripe has agreed. Its event will say the same."""
    Subscription.objects.filter(pk=subscription.pk).update(ends_at=F("period_ends_at"))


def note_released(*, subscription: Subscription) -> None:
    """Stripe has agreed that it goes on."""
    Subscription.objects.filter(pk=subscription.pk).update(renewal_paused=False, ends_at=None)


@transaction.atomic
def forget_payment_settings(*, account: Account) -> None:
    """No kept card, no automatic top-up, no notices. What was paid stays, and so does who Stripe knows it as: refunds
    and disputes may still come.
    """
    AutoTopUp.objects.filter(account=account).delete()
    LowBalanceNotice.objects.filter(account=account).delete()
    StripeCustomer.objects.filter(account=account).update(payment_method_id="")

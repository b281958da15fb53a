"""Automatic top-ups: buy a pack with the saved card when credits run low. Settings, limits, and what stops them.

Owns `AutoTopUp`, and the start and the end of its purchases. `billing.tasks` charges the card outside transactions;
only Stripe's event adds credits.
"""

from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import F, Sum
from django.utils import timezone

from accounts.models import Account
from billing.models import AutoTopUp, Pack, Purchase, PurchaseKind, PurchaseState, StripeCustomer
from billing.services.purchases import mark_failed

DECLINED = "The card was declined."
# Stripe remembers our idempotency key for 24 hours. After that, another request could charge the card again.
ASK_AGAIN_FOR = timedelta(hours=20)


@transaction.atomic
def save_recharge(
    *,
    account: Account,
    is_on: bool,
    pack: Pack,
    threshold_microcredits: int,
    max_per_month: int,
    monthly_ceiling: int,
) -> None:
    """Saves the settings and clears the reason why it was stopped."""
    values = {
        "is_on": is_on,
        "pack": pack,
        "threshold_microcredits": threshold_microcredits,
        "max_per_month": max_per_month,
        "monthly_ceiling": monthly_ceiling,
        "stopped_because": "",
        "is_owner_told": True,
    }
    AutoTopUp.objects.update_or_create(account=account, defaults=values)


@transaction.atomic
def start_recharge(*, account: Account) -> Purchase | None:
    """Creates a purchase if a top-up is due, otherwise returns None.

    It is due if top-ups are on, the balance is low, there is a saved card, no other top-up is in progress, and the
    month's limits allow it.
    """
    row = AutoTopUp.objects.select_for_update().select_related("pack").filter(account=account, is_on=True).first()
    if row is None or not _is_low(row) or account.blocked_reason:
        return None
    if not StripeCustomer.objects.filter(account=account).exclude(payment_method_id="").exists():
        return None
    begin = timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    month = Purchase.objects.filter(account=account, kind=PurchaseKind.RECHARGE, created_at__gte=begin)
    month = month.exclude(state=PurchaseState.FAILED)
    spent: int = month.filter(currency=row.pack.currency).aggregate(total=Sum("price"))["total"] or 0
    if month.count() >= row.max_per_month or spent + row.pack.price > row.monthly_ceiling:
        return None
    try:
        with transaction.atomic():
            return Purchase.objects.create(
                account=account,
                kind=PurchaseKind.RECHARGE,
                pack=row.pack,
                credits_microcredits=row.pack.credits_microcredits,
                price=row.pack.price,
                currency=row.pack.currency,
            )
    except IntegrityError:
        return None  # one is in progress


@transaction.atomic
def give_up(*, purchase: Purchase, because: str = DECLINED) -> bool:
    """Marks the purchase as failed and turns automatic top-ups off. Returns False if it had already failed."""
    if not mark_failed(purchase=purchase):
        return False
    AutoTopUp.objects.filter(account=purchase.account_id).update(
        is_on=False, stopped_because=because, is_owner_told=False
    )
    return True


@transaction.atomic
def claim_mail(*, account: Account) -> bool:
    """Returns True to the one caller that should email the owners. If that fails, `return_mail` undoes it."""
    return bool(AutoTopUp.objects.filter(account=account, is_owner_told=False).update(is_owner_told=True))


def return_mail(*, account: Account) -> None:
    AutoTopUp.objects.filter(account=account).update(is_owner_told=False)


def _is_low(row: AutoTopUp) -> bool:
    return AutoTopUp.objects.filter(
        pk=row.pk, account__balance__available_microcredits__lt=F("threshold_microcredits")
    ).exists()

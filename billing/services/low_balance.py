"""The low-balance email: its threshold, and one email each time the balance falls below it."""

from django.db.models import F
from django.utils import timezone

from accounts.mails import in_subject
from accounts.models import Account
from billing.mails import mail_owners
from billing.models import LowBalanceNotice
from billing.money import format_have
from billing.selectors import get_balance


def set_low_balance_notice(*, account: Account, threshold_microcredits: int | None) -> None:
    """Sets the threshold; None turns the email off. A new threshold may send again; saving the same one does not."""
    if threshold_microcredits is None:
        LowBalanceNotice.objects.filter(account=account).delete()
        return
    values = {"threshold_microcredits": threshold_microcredits, "told_at": None}
    _, is_new = LowBalanceNotice.objects.get_or_create(account=account, defaults=values)
    if not is_new:
        changed = LowBalanceNotice.objects.exclude(threshold_microcredits=threshold_microcredits)
        changed.filter(account=account).update(**values)


def send_low_balance_notices() -> int:
    """Emails owners whose balance fell below the threshold since the last run. Returns how many accounts.

    Uses the network, so call it outside transactions.
    """
    told = LowBalanceNotice.objects.filter(told_at__isnull=False)
    told.filter(account__balance__available_microcredits__gte=F("threshold_microcredits")).update(told_at=None)
    low = LowBalanceNotice.objects.filter(
        told_at=None, account__balance__available_microcredits__lt=F("threshold_microcredits")
    )
    return sum(_tell(notice) for notice in low.select_related("account"))


def _tell(notice: LowBalanceNotice) -> bool:
    untold = LowBalanceNotice.objects.filter(pk=notice.pk, told_at=None)
    if not untold.update(told_at=timezone.now()):
        return False  # another worker sends it
    available = format_have(get_balance(notice.account).available_microcredits)
    is_sent = mail_owners(
        notice.account,
        subject=f"{in_subject(notice.account.name)} has {available} credits left",
        template="low_balance",
        context={"available": available, "threshold": format_have(notice.threshold_microcredits)},
    )
    if not is_sent:
        LowBalanceNotice.objects.filter(pk=notice.pk).update(told_at=None)  # the next sweep retries
    return is_sent

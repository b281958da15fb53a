"""All movements of credits. Each function runs in one transaction, its own or the caller's."""

import uuid
from typing import Literal

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Greatest, Least

from accounts.errors import NothingToChange
from accounts.models import Account, ApiKey
from accounts.services import audit
from accounts.services.audit import Actor
from billing.errors import InsufficientCredits, NotEnoughToTake
from billing.models import Balance, EntryKind, LedgerEntry
from billing.money import format_credits
from billing.months import get_month
from billing.selectors import get_balance
from billing.services.key_limits import release_key_spend, spend_with_key

REVERSIBLE = (EntryKind.ADJUSTMENT, EntryKind.GRANT)


@transaction.atomic
def charge_job(
    *, account: Account, job_id: uuid.UUID, cost_microcredits: int, actor: str, api_key: ApiKey | None = None
) -> int:
    """Charges a job once and returns the microcredits left to spend.

    Raises InsufficientCredits or KeyCapReached; then nothing changes. One conditional UPDATE decides: two jobs that
    race for the last credit cannot both win, and debt blocks spending.
    """
    if cost_microcredits == 0:
        return get_balance(account).spendable_microcredits  # an operator made this tier free
    paid = Balance.objects.filter(
        account=account, available_microcredits__gte=cost_microcredits, debt_microcredits=0
    ).update(available_microcredits=F("available_microcredits") - cost_microcredits)
    if not paid:
        have = get_balance(account).spendable_microcredits
        raise InsufficientCredits(need_microcredits=cost_microcredits, have_microcredits=have)
    entry = _write_entry(
        account=account,
        kind=EntryKind.CHARGE,
        amount_microcredits=-cost_microcredits,
        reference=f"charge:{job_id}",
        job_id=job_id,
        actor=actor,
        key_id=None if api_key is None else api_key.pk,
    )
    if api_key is not None:
        spend_with_key(api_key=api_key, month=get_month(entry.created_at), cost_microcredits=cost_microcredits)
    return entry.balance_after_microcredits  # there is no debt, because debt blocks spending


@transaction.atomic
def refund_job(
    *,
    account: Account,
    job_id: uuid.UUID,
    amount_microcredits: int,
    actor: str,
    note: str,
    kind: Literal[EntryKind.REFUND, EntryKind.OPERATOR_REFUND] = EntryKind.REFUND,
) -> bool:
    """Refunds a job's price or a part, at most once per `kind`. Returns False if it was already refunded.

    The caller holds the lock of the job's row and ensures that all refunds together do not exceed the charge.
    """
    if amount_microcredits == 0:
        return False
    is_new = _credit(
        account=account,
        kind=kind,
        amount_microcredits=amount_microcredits,
        reference=f"{kind}:{job_id}",
        job_id=job_id,
        actor=actor,
        note=note,
    )
    if is_new:
        release_key_spend(job_id=job_id, amount_microcredits=amount_microcredits)
    return is_new


@transaction.atomic
def grant_credits(*, account: Account, amount_microcredits: int, actor: str, note: str, reference: str = "") -> bool:
    """Grants credits from an operator, at most once per `reference`. Returns False if that was used before."""
    if amount_microcredits <= 0:
        raise ValueError("A grant must be more than 0 credits.")
    return _credit(
        account=account,
        kind=EntryKind.GRANT,
        amount_microcredits=amount_microcredits,
        reference=reference or f"grant:{uuid.uuid4()}",
        job_id=None,
        actor=actor,
        note=note,
    )


@transaction.atomic
def credit_payment(
    *,
    account: Account,
    kind: Literal[EntryKind.TOP_UP, EntryKind.SUBSCRIPTION, EntryKind.RESTORED],
    amount_microcredits: int,
    reference: str,
    note: str,
) -> bool:
    """Adds the credits of a payment, once per `reference`. Returns False if they were already added."""
    return _credit(
        account=account,
        kind=kind,
        amount_microcredits=amount_microcredits,
        reference=reference,
        job_id=None,
        actor="stripe",
        note=note,
    )


@transaction.atomic
def claw_back(*, account: Account, amount_microcredits: int, reference: str, note: str) -> None:
    """Takes credits back after a refund or dispute at Stripe. What the balance cannot cover becomes debt."""
    Balance.objects.get_or_create(account=account)
    Balance.objects.filter(account=account).update(
        available_microcredits=F("available_microcredits") - Least(F("available_microcredits"), amount_microcredits),
        debt_microcredits=F("debt_microcredits") + Greatest(amount_microcredits - F("available_microcredits"), 0),
    )
    _write_entry(
        account=account,
        kind=EntryKind.CLAWED_BACK,
        amount_microcredits=-amount_microcredits,
        reference=reference,
        job_id=None,
        actor="stripe",
        note=note,
    )


@transaction.atomic
def adjust_credits(
    *,
    account: Account,
    amount_microcredits: int,
    actor: Actor,
    reason: str,
    kind: Literal[EntryKind.ADJUSTMENT, EntryKind.GRANT] = EntryKind.ADJUSTMENT,
    reference: str = "",
) -> None:
    """Adds or deducts credits for an operator. Added credits pay debt first; deductions never create debt.

    Raises NotEnoughToTake, NothingToChange if the `reference` was used (a form submitted twice), or ValueError if the
    amount is 0 or a grant is negative.
    """
    if amount_microcredits == 0 or (kind == EntryKind.GRANT and amount_microcredits < 0):
        raise ValueError("An adjustment must not be 0, and a grant must be more than 0 credits.")
    reason = audit.checked_reason(reason)
    Balance.objects.get_or_create(account=account)
    before = Balance.objects.select_for_update().get(account=account)
    reference = f"{kind}:{reference or uuid.uuid4()}"
    if LedgerEntry.objects.filter(reference=reference).exists():  # safe: the balance is locked
        raise NothingToChange("This has already been done.")
    if amount_microcredits > 0:
        _credit(
            account=account,
            kind=kind,
            amount_microcredits=amount_microcredits,
            reference=reference,
            job_id=None,
            actor=str(actor),
            note=reason,
        )
    else:
        taken = Balance.objects.filter(account=account, available_microcredits__gte=-amount_microcredits).update(
            available_microcredits=F("available_microcredits") + amount_microcredits
        )
        if not taken:
            raise NotEnoughToTake(
                wanted_microcredits=-amount_microcredits, have_microcredits=before.available_microcredits
            )
        _write_entry(
            account=account,
            kind=kind,
            amount_microcredits=amount_microcredits,
            reference=reference,
            job_id=None,
            actor=str(actor),
            note=reason,
        )
    audit.record(
        actor=actor,
        action="credits.granted" if kind == EntryKind.GRANT else "credits.adjusted",
        reason=reason,
        target_type="account",
        target_id=account.pk,
        account=account,
        before=_as_data(before),
        after=_as_data(Balance.objects.get(account=account)),
    )


def reverse_entry(*, entry: LedgerEntry, actor: Actor, reason: str) -> None:
    """Reverses an operator's entry, once. Raises NothingToChange if already reversed, or NotEnoughToTake."""
    assert entry.kind in REVERSIBLE
    adjust_credits(
        account=entry.account,
        amount_microcredits=-entry.amount_microcredits,
        actor=actor,
        reason=reason,
        reference=f"reversal:{entry.pk}",
    )


def _as_data(balance: Balance) -> dict[str, str]:
    """Returns the balance in credits, exact."""
    return {
        "available": format_credits(balance.available_microcredits),
        "debt": format_credits(balance.debt_microcredits),
    }


def _credit(
    *,
    account: Account,
    kind: EntryKind,
    amount_microcredits: int,
    reference: str,
    job_id: uuid.UUID | None,
    actor: str,
    note: str,
) -> bool:
    """Adds to the balance, paying debt first. The unique reference makes it count once."""
    try:
        with transaction.atomic():
            Balance.objects.get_or_create(account=account)
            debt_paid = Least(F("debt_microcredits"), amount_microcredits)
            Balance.objects.filter(account=account).update(
                debt_microcredits=F("debt_microcredits") - debt_paid,
                available_microcredits=F("available_microcredits")
                + Greatest(amount_microcredits - F("debt_microcredits"), 0),
            )
            _write_entry(
                account=account,
                kind=kind,
                amount_microcredits=amount_microcredits,
                reference=reference,
                job_id=job_id,
                actor=actor,
                note=note,
            )
    except IntegrityError:
        if LedgerEntry.objects.filter(reference=reference).exists():
            return False
        raise
    return True


def _write_entry(
    *,
    account: Account,
    kind: EntryKind,
    amount_microcredits: int,
    reference: str,
    job_id: uuid.UUID | None,
    actor: str,
    note: str = "",
    key_id: uuid.UUID | None = None,
) -> LedgerEntry:
    """Writes an entry after the balance was updated in the same transaction.

    That update locked the row, so the balance read here is the one that we wrote.
    """
    balance = Balance.objects.get(account=account)
    return LedgerEntry.objects.create(
        account=account,
        kind=kind,
        amount_microcredits=amount_microcredits,
        balance_after_microcredits=balance.available_microcredits - balance.debt_microcredits,
        reference=reference,
        job_id=job_id,
        actor=actor,
        key_id=key_id,
        note=note,
    )

"""Queries of prices, balances, the ledger, and what is sold."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

from django.db.models import F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.models import Account, ApiKey, Plan
from billing.models import (
    LIVE,
    MAX_ATTEMPTS,
    AutoTopUp,
    Balance,
    KeyMonth,
    LedgerEntry,
    LowBalanceNotice,
    Pack,
    Price,
    Purchase,
    PurchaseKind,
    PurchaseState,
    StripeCustomer,
    StripeEvent,
    Subscription,
)
from billing.months import get_month
from config.errors import NotFound


def get_price(*, provider: str, family: str, model_type: str) -> int:
    """Returns the price of a voice in microcredits per character."""
    codes = (f"{provider}:{family}", model_type)
    rows = Price.objects.filter(code__in=codes, is_enabled=True)
    prices = dict(rows.values_list("code", "microcredits_per_character"))
    return pick_price(prices, provider=provider, family=family, model_type=model_type)


def get_prices() -> dict[str, int]:
    """Returns prices in microcredits per character, by code: for `pick_price`."""
    return dict(Price.objects.filter(is_enabled=True).values_list("code", "microcredits_per_character"))


def pick_price(prices: Mapping[str, int], *, provider: str, family: str, model_type: str) -> int:
    """Returns the price of a voice: its family's, or else its tier's."""
    of_family = prices.get(f"{provider}:{family}")
    return prices[model_type] if of_family is None else of_family


def get_balance(account: Account) -> Balance:
    return Balance.objects.filter(account=account).first() or Balance(account=account)


def spent_this_month(api_key: ApiKey) -> int:
    row = KeyMonth.objects.filter(api_key=api_key, month=get_month(timezone.now())).first()
    return row.spent_microcredits if row is not None else 0


def spent_this_month_by_key(api_keys: Collection[ApiKey]) -> dict[uuid.UUID, int]:
    """Returns the microcredits that each key spent this month; keys that spent nothing are absent."""
    rows = KeyMonth.objects.filter(api_key__in=api_keys, month=get_month(timezone.now()))
    return dict(rows.values_list("api_key", "spent_microcredits"))


def left_this_month(api_key: ApiKey) -> int | None:
    """Returns the microcredits left of the key's cap, or None if it has none."""
    cap = api_key.monthly_cap_microcredits
    return None if cap is None else max(0, cap - spent_this_month(api_key))


def list_entries(*, account: Account) -> QuerySet[LedgerEntry]:
    return LedgerEntry.objects.for_account(account).order_by("-created_at", "-pk")


@dataclass(frozen=True, slots=True)
class LedgerMismatch:
    """An account whose entries do not add up to its balance; amounts in microcredits."""

    account_id: str
    entries_microcredits: int
    balance_microcredits: int


def find_ledger_mismatches() -> tuple[int, list[LedgerMismatch]]:
    """Returns how many accounts were checked, and those where sum(entries) ≠ available - debt. Takes one query."""
    rows = Account.objects.annotate(
        entries=Coalesce(Sum("ledger_entries__amount_microcredits"), 0),
        held=Coalesce(F("balance__available_microcredits") - F("balance__debt_microcredits"), 0),
    ).values_list("pk", "entries", "held")
    mismatches = [LedgerMismatch(str(pk), entries, held) for pk, entries, held in rows if entries != held]
    return len(rows), mismatches


def find_over_refunded_jobs() -> list[str]:
    """Returns the IDs of jobs that were refunded more than they were charged. Takes one query."""
    totals = LedgerEntry.objects.filter(job_id__isnull=False).order_by().values("job_id")
    over = totals.annotate(total=Sum("amount_microcredits")).filter(total__gt=0)
    return [str(job_id) for job_id in over.values_list("job_id", flat=True)]


# --- what is sold ---------------------------------------------------------------------------------


def list_packs() -> QuerySet[Pack]:
    """Returns the packs on sale, smallest first."""
    return Pack.objects.filter(is_enabled=True).order_by("credits_microcredits", "price")


def list_purchases(*, account: Account) -> QuerySet[Purchase]:
    """Returns the purchases that reached Stripe, newest first."""
    known = Purchase.objects.for_account(account).exclude(state=PurchaseState.CREATED)
    return known.select_related("plan", "subscription__plan").order_by("-created_at", "-pk")


def get_purchase(*, account: Account, purchase_id: uuid.UUID) -> Purchase:
    """Returns a purchase. Raises NotFound."""
    purchase = Purchase.objects.for_account(account).filter(pk=purchase_id).first()
    if purchase is None:
        raise NotFound("There is no such purchase.")
    return purchase


def get_subscription(*, account: Account, subscription_id: uuid.UUID | None = None) -> Subscription | None:
    """Returns the subscription with this ID, or by default the one that is paid now."""
    rows = Subscription.objects.for_account(account).select_related("plan")
    if subscription_id is not None:
        return rows.filter(pk=subscription_id).first()
    return rows.filter(state__in=["active", "past_due"]).order_by("-created_at").first()


def list_sold_plans() -> QuerySet[Plan]:
    return Plan.objects.filter(is_sold=True).order_by("price")


def cheapest_credit_usd() -> Fraction | None:
    """US dollars that a credit brings in when it is bought as cheaply as possible. None: nothing is sold in dollars."""
    packs = list_packs().filter(currency="usd").values_list("price", "credits_microcredits")
    plans = list_sold_plans().filter(currency="usd", price__gt=0, monthly_microcredits__gt=0)
    offers = [*packs, *plans.values_list("price", "monthly_microcredits")]
    return min((Fraction(cents * 10_000, microcredits) for cents, microcredits in offers), default=None)


def get_recharge(account: Account) -> AutoTopUp | None:
    return AutoTopUp.objects.filter(account=account).select_related("pack").first()


def get_low_balance_notice(account: Account) -> LowBalanceNotice | None:
    return LowBalanceNotice.objects.filter(account=account).first()


def get_customer(account: Account) -> StripeCustomer | None:
    return StripeCustomer.objects.filter(account=account).first()


# --- pending work ---------------------------------------------------------------------------------

LOST_AFTER = timedelta(seconds=20)  # after this, a task message is considered lost


def waiting_events(*, limit: int = 500) -> list[str]:
    """Returns the IDs of events that should have been applied by now, oldest first, without those given up on."""
    rows = StripeEvent.objects.filter(processed_at=None, attempts__lt=MAX_ATTEMPTS)
    rows = rows.filter(received_at__lt=timezone.now() - LOST_AFTER).order_by("created_at")
    return list(rows.values_list("pk", flat=True)[:limit])


def accounts_to_recharge() -> list[uuid.UUID]:
    """Returns the accounts whose top-up is due, then those whose last one Stripe did not answer."""
    on = AutoTopUp.objects.filter(is_on=True)
    low = on.filter(account__balance__available_microcredits__lt=F("threshold_microcredits"))
    unanswered = Purchase.objects.filter(kind=PurchaseKind.RECHARGE, state=PurchaseState.CREATED)
    # These come last, newest first, so that one that Stripe never answers does not block the others.
    late = list(unanswered.order_by("-created_at").values_list("account", flat=True))
    return [*low.exclude(account__in=late).order_by("account").values_list("account", flat=True), *late]


def accounts_to_tell() -> list[uuid.UUID]:
    """Returns the accounts whose automatic top-ups stopped and whose owners have not been told yet."""
    return list(AutoTopUp.objects.filter(is_owner_told=False).values_list("account", flat=True))


def renewals_to_change() -> QuerySet[Subscription]:
    """Returns subscriptions that would renew although the account is scheduled for deletion.

    Also returns those that we paused although the account is kept.
    """
    is_going = Q(account__deletion_due_at__isnull=False, account__deleted_at=None, ends_at=None)
    stays = Q(account__deletion_due_at=None, renewal_paused=True)
    return Subscription.objects.filter(is_going | stays, state__in=LIVE).select_related("account").order_by("account")

"""Reads of prices, balances and the ledger."""

from dataclasses import dataclass

from django.db.models import F, QuerySet, Sum
from django.db.models.functions import Coalesce

from accounts.models import Account
from billing.models import Balance, LedgerEntry, Price


def get_price(model_type: str) -> int:
    """Microcredits per character."""
    return Price.objects.get(pk=model_type).microcredits_per_character


def get_prices() -> dict[str, int]:
    """Microcredits per character, by model type."""
    return dict(Price.objects.values_list("model_type", "microcredits_per_character"))


def get_balance(account: Account) -> Balance:
    return Balance.objects.filter(account=account).first() or Balance(account=account)


def list_entries(*, account: Account) -> QuerySet[LedgerEntry]:
    return LedgerEntry.objects.for_account(account).order_by("-created_at")


@dataclass(frozen=True, slots=True)
class LedgerMismatch:
    """An account whose entries do not add up to its balance, in microcredits."""

    account_id: str
    entries_microcredits: int
    balance_microcredits: int


def find_ledger_mismatches() -> tuple[int, list[LedgerMismatch]]:
    """How many accounts were checked, and those where sum(entries) differs from available - debt. One query."""
    rows = Account.objects.annotate(
        entries=Coalesce(Sum("ledger_entries__amount_microcredits"), 0),
        held=Coalesce(F("balance__available_microcredits") - F("balance__debt_microcredits"), 0),
    ).values_list("pk", "entries", "held")
    mismatches = [LedgerMismatch(str(pk), entries, held) for pk, entries, held in rows if entries != held]
    return len(rows), mismatches

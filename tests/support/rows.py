"""What the tests of the operators' pages read from the database and from pages."""

import html
import re
from typing import Any

from accounts.models import Account, AuditEntry
from billing.models import LedgerEntry
from billing.selectors import get_balance


def audit_rows() -> list[dict[str, Any]]:
    """Every audit entry, oldest first, without when; the keys that the cast was given excepted."""
    fields = ("actor", "action", "reason", "target_type", "target_id", "account_id", "before", "after")
    return list(AuditEntry.objects.exclude(action="key.made").order_by("id").values(*fields))


def credits_of(account: Account) -> tuple[int, int]:
    """Available and owed, in microcredits."""
    balance = get_balance(account)
    return balance.available_microcredits, balance.debt_microcredits


def ledger_rows(account: Account) -> list[tuple[str, int, int, str, str]]:
    """Kind, amount, balance after, actor and note, oldest first."""
    rows = LedgerEntry.objects.filter(account=account).order_by("created_at", "id")
    return [(e.kind, e.amount_microcredits, e.balance_after_microcredits, e.actor, e.note) for e in rows]


def text_of(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())

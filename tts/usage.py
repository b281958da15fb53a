"""Sums up an account's requests, characters and credits by day, API key or voice. Days are UTC.

Counted from the jobs themselves: retention erases a job's text but never its row, so nothing is lost and nothing is
stored twice. Credits are charges less refunds.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Literal, get_args

from django.db.models import Count, DateField, F, Func, QuerySet, Sum
from django.utils import timezone

from accounts.models import Account, ApiKey
from tts.models import Job

Group = Literal["day", "key", "voice"]
GROUPS: tuple[Group, ...] = get_args(Group)
MAX_DAYS = 366

_COLUMNS: Mapping[Group, Any] = {
    # Times are stored and queried in UTC. On SQLite, Django's TruncDate calls Python for every row.
    "day": Func(F("created_at"), function="DATE", output_field=DateField()),
    "key": F("api_key"),
    "voice": F("voice_id"),
}

_SUMS: Mapping[str, Any] = {
    "requests": Count("pk"),
    "characters": Sum("chars_charged"),
    "microcredits": Sum(F("cost_microcredits") - F("refunded_microcredits")),
}


@dataclass(frozen=True, slots=True)
class Used:
    """The totals of one group. `of` is the day, the key (None: no key, the dashboard), or the voice's id."""

    of: Any
    requests: int
    characters: int
    microcredits: int


def get_usage(*, account: Account, first_day: date, last_day: date, by: Group) -> list[Used]:
    """Returns days in order, without those that had no requests; keys and voices with the most expensive first."""
    rows = (
        _jobs(account, first_day, last_day)
        .annotate(of=_COLUMNS[by])
        .values("of")
        .annotate(**_SUMS)
        .order_by(*(("of",) if by == "day" else ("-microcredits", "of")))
        .values_list("of", "requests", "characters", "microcredits")
    )
    return [Used(*row) for row in rows]


def all_usage(account: Account) -> list[Used]:
    """Returns every day with requests since the account was created."""
    today = timezone.now().date()
    return get_usage(account=account, first_day=account.created_at.date(), last_day=today, by="day")


def total_usage(*, account: Account, first_day: date, last_day: date) -> Used:
    """Returns the total, in one query without grouping."""
    total = _jobs(account, first_day, last_day).aggregate(**_SUMS)
    return Used(None, total["requests"], total["characters"] or 0, total["microcredits"] or 0)


def get_total(rows: list[Used]) -> Used:
    return Used(
        None,
        sum(row.requests for row in rows),
        sum(row.characters for row in rows),
        sum(row.microcredits for row in rows),
    )


def get_keys(account: Account, rows: list[Used]) -> dict[uuid.UUID, ApiKey]:
    """Returns the keys of `get_usage(by="key")`, by id."""
    ids = [row.of for row in rows if row.of is not None]
    return {key.pk: key for key in ApiKey.objects.for_account(account).filter(pk__in=ids)}


def _jobs(account: Account, first_day: date, last_day: date) -> QuerySet[Job]:
    begin = datetime.combine(first_day, time(), UTC)
    end = datetime.combine(last_day, time.max, UTC)
    return Job.objects.for_account(account).filter(created_at__range=(begin, end)).order_by()

"""Summarises an account's usage for the overview: the days of the last month, and how long its credits last."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Exists
from django.utils import timezone

from accounts.models import Account, ApiKey
from billing.models import EntryKind, LedgerEntry
from tts.models import Job
from tts.usage import get_usage

DAYS = 30
BURN_DAYS = 7  # the average use of credits is taken over these last days


@dataclass(frozen=True, slots=True)
class Day:
    """A day in UTC. `spent_microcredits` is what its requests were charged, less their refunds."""

    date: date
    requests: int = 0
    characters: int = 0
    spent_microcredits: int = 0


def daily_usage(*, account: Account) -> list[Day]:
    """Returns DAYS days, today last, including those without requests. One query."""
    today = timezone.now().date()
    first = today - timedelta(days=DAYS - 1)
    rows = get_usage(account=account, first_day=first, last_day=today, by="day")
    found = {row.of: Day(row.of, row.requests, row.characters, row.microcredits) for row in rows}
    days = [first + timedelta(days=number) for number in range(DAYS)]
    return [found.get(day, Day(day)) for day in days]


def burn_per_day(days: list[Day]) -> int:
    """Returns the average microcredits a day over the last BURN_DAYS, or since the first request if that is later."""
    used = days[-BURN_DAYS:]
    while len(used) > 1 and not used[0].requests:
        used = used[1:]
    return sum(day.spent_microcredits for day in used) // len(used)


@dataclass(frozen=True, slots=True)
class FirstSteps:
    """Which first steps a new account has completed."""

    has_played: bool
    has_key: bool
    has_called: bool
    has_added_credits: bool

    @property
    def is_done(self) -> bool:
        return self.has_played and self.has_key and self.has_called and self.has_added_credits


def first_steps(*, account: Account) -> FirstSteps:
    """Runs one query."""
    jobs = Job.objects.for_account(account).order_by()
    paid = LedgerEntry.objects.for_account(account).filter(kind__in=[EntryKind.TOP_UP, EntryKind.SUBSCRIPTION])
    row = (
        Account.objects.filter(pk=account.pk)
        .annotate(
            has_played=Exists(jobs.filter(api_key=None)),
            has_key=Exists(ApiKey.objects.for_account(account)),
            has_called=Exists(jobs.filter(api_key__isnull=False)),
            has_added_credits=Exists(paid),
        )
        .values("has_played", "has_key", "has_called", "has_added_credits")
        .get()
    )
    return FirstSteps(**row)

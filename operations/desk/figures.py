"""The figures on the admin site's first page.

Every query uses an index and reads little: one day of jobs, the queue, one row per account, two months of payments.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Min, Q, Sum
from django.db.models.functions import TruncHour
from django.utils import timezone

from accounts.operator_admin import Panel, format_moment, list_url, row_link
from billing.models import Balance, OperatorAlert, Purchase, PurchaseState
from billing.money import format_have, format_money, format_need
from billing.months import get_month
from tts.models import Job, JobStatus
from voices.models import Voice
from webhooks.models import Delivery, DeliveryState

HOURS = 24
MAX_ROWS = 10


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Hour:
    """The jobs that arrived in one hour. `share` is the percentage of the busiest hour."""

    begins: datetime
    total: int
    share: int


def figures() -> list[Figure]:
    return [*_jobs(), *_webhooks(), *_credits(), *_revenue(), *_engines()]


def hours() -> list[Hour]:
    """Returns the last 24 hours, oldest first, including hours without jobs."""
    this_hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    counts = dict(
        _last_day().annotate(hour=TruncHour("created_at", tzinfo=UTC)).values_list("hour").annotate(Count("pk"))
    )
    most = max(counts.values(), default=0)
    begins = [this_hour - timedelta(hours=ago) for ago in reversed(range(HOURS))]
    return [Hour(hour, counts.get(hour, 0), round(100 * counts.get(hour, 0) / most) if most else 0) for hour in begins]


def panels() -> list[Panel]:
    return [_by_status_and_engine(), _by_failure(), _queues(), _alerts()]


def _last_day() -> Any:
    begin = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    return Job.objects.filter(created_at__gte=begin).order_by()


def _jobs() -> list[Figure]:
    counts = Job.objects.filter(status__in=[JobStatus.PENDING, JobStatus.PROCESSING]).aggregate(
        waiting=Count("pk", filter=Q(status=JobStatus.PENDING)),
        running=Count("pk", filter=Q(status=JobStatus.PROCESSING)),
    )
    failed = _last_day().filter(status=JobStatus.FAILED).count()
    return [
        Figure("Jobs queued", f"{counts['waiting']:,}"),
        Figure("Jobs running", f"{counts['running']:,}"),
        Figure("Failed jobs, last 24 hours", f"{failed:,}"),
    ]


def _webhooks() -> list[Figure]:
    pending = Delivery.objects.filter(state=DeliveryState.PENDING)
    due = pending.filter(next_attempt_at__lte=timezone.now()).aggregate(
        count=Count("pk"), oldest=Min("next_attempt_at")
    )
    note = f"due, oldest {_age(due['oldest'])} ago" if due["count"] else "due"
    return [Figure("Webhooks", f"{due['count']:,}", note)]


def _credits() -> list[Figure]:
    held = Balance.objects.aggregate(available=Sum("available_microcredits"), debt=Sum("debt_microcredits"))
    debt = f"{format_need(held['debt'])} owed" if held["debt"] else ""
    return [Figure("Credits outstanding", format_have(held["available"] or 0), debt)]


def _revenue() -> list[Figure]:
    """Returns the payments with tax. Later refunds are not deducted."""
    this_month = get_month(timezone.now())
    last_month = get_month(this_month - timedelta(days=1))
    is_now = Q(paid_at__gte=_beginning(this_month))
    sums = (
        Purchase.objects.filter(state=PurchaseState.PAID, paid_at__gte=_beginning(last_month))
        .values_list("currency")
        .annotate(now=Sum("paid", filter=is_now, default=0), before=Sum("paid", filter=~is_now, default=0))
        .order_by("currency")
    )
    return [
        Figure(
            f"Revenue in {this_month:%B}",
            format_money(now, currency),
            f"{format_money(before, currency)} in {last_month:%B}",
        )
        for currency, now, before in sums
    ]


def _beginning(month: date) -> datetime:
    return datetime(month.year, month.month, 1, tzinfo=UTC)


def _engines() -> Iterable[Figure]:
    rows = (
        Voice.objects.values("provider", "unavailable_reason")
        .annotate(usable=Count("pk", filter=Q(is_enabled=True, is_listed=True, unavailable_reason="")))
        .order_by("provider", "unavailable_reason")
    )
    for row in rows:
        reason = row["unavailable_reason"]
        yield Figure(row["provider"], "", reason) if reason else Figure(row["provider"], str(row["usable"]), "voices")


def _by_status_and_engine() -> Panel:
    rows = _last_day().values_list("provider", "status").annotate(count=Count("pk"))
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    for provider, status, count in rows:
        counts[provider][status] = count
    table = [
        [provider, *(str(counts[provider].get(status, 0)) for status in JobStatus.values)]
        for provider in sorted(counts)
    ]
    return Panel("Jobs by engine, last 24 hours", ["Engine", *JobStatus.labels], table, list_url(Job))


def _by_failure() -> Panel:
    rows = (
        _last_day()
        .filter(status=JobStatus.FAILED)
        .values_list("provider", "error_code", "error_message")
        .annotate(count=Count("pk"))
        .order_by("-count")[:MAX_ROWS]
    )
    table = [[str(count), provider, code, message] for provider, code, message, count in rows]
    return Panel(
        "Failed jobs by reason, last 24 hours", ["Jobs", "Engine", "Code", "Message to the customer"], table,
        list_url(Job, status__exact="failed"),
    )  # fmt: skip


def _queues() -> Panel:
    rows = Job.objects.filter(status=JobStatus.PENDING).order_by().values("queue")
    waiting = {row["queue"]: row for row in rows.annotate(count=Count("pk"), oldest=Min("created_at"))}
    table = [
        [queue, str(waiting[queue]["count"]), _age(waiting[queue]["oldest"])] if queue in waiting else [queue, "0", "–"]
        for queue in sorted({*settings.SPEECH_QUEUES, *waiting})
    ]
    return Panel("Queues", ["Queue", "Queued jobs", "Oldest"], table)


def _alerts() -> Panel:
    """Returns the open alerts."""
    alerts = OperatorAlert.objects.filter(resolved_at=None).select_related("account").order_by("-id")[:MAX_ROWS]
    rows = [
        [
            format_moment(alert.created_at),
            row_link(alert, alert.kind),
            alert.message,
            row_link(alert.account) if alert.account else "–",
        ]
        for alert in alerts
    ]
    return Panel("Open alerts", ["When", "What", "Message", "Account"], rows, list_url(OperatorAlert))


def _age(moment: datetime) -> str:
    seconds = max(0, round((timezone.now() - moment).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"

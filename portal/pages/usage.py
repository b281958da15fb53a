"""`/billing/usage`: the usage of a month by day, API key and voice, also as CSV."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.membership import MemberRequest, member_page
from accounts.models import Account, ApiKey
from billing.models import MICROCREDITS_PER_CREDIT
from billing.money import format_exact
from billing.months import get_month, next_month
from config.csv_files import csv_response
from tts.usage import GROUPS, Group, Used, get_keys, get_total, get_usage
from voices.models import Voice

WITHOUT_KEY = "Dashboard, without a key"


@dataclass(frozen=True, slots=True)
class Row:
    """`share` is the bar's length in percent of the largest row."""

    name: str
    note: str
    requests: str
    characters: str
    credits: str
    share: int


@require_safe
@never_cache
@member_page("view_billing")
def usage(request: MemberRequest) -> HttpResponseBase:
    account = request.membership.account
    this_month = get_month(timezone.now())
    month = _asked_month(request, this_month)
    last_day = next_month(month) - timedelta(days=1)
    by: Group | None = next((group for group in GROUPS if group == request.GET.get("csv")), None)
    if by is not None:
        rows = get_usage(account=account, first_day=month, last_day=last_day, by=by)
        head = (by, "name", "requests", "characters", "credits")
        return csv_response(f"usage-{month:%Y-%m}-by-{by}.csv", head, _lines(account, rows, by))
    used = {group: get_usage(account=account, first_day=month, last_day=last_day, by=group) for group in GROUPS}
    context = {
        "month": month,
        "previous": f"{month - timedelta(days=1):%Y-%m}" if month > get_month(account.created_at) else "",
        "next": f"{next_month(month):%Y-%m}" if month < this_month else "",
        "total": _row(get_total(used["day"])),
        "groups": [
            ("day", "By day, UTC", _rows(account, used["day"], "day")),
            ("key", "By API key", _rows(account, used["key"], "key")),
            ("voice", "By voice", _rows(account, used["voice"], "voice")),
        ],
        "is_empty": not used["day"],
    }
    return render(request, "tts/usage.html", context)


def _asked_month(request: HttpRequest, this_month: date) -> date:
    """Returns the month of `?month=2026-11`, by default this month. Raises Http404 for future or invalid months."""
    text = request.GET.get("month")
    if not text:
        return this_month
    try:
        month = date.fromisoformat(f"{text}-01")
    except ValueError:
        raise Http404 from None
    if month > this_month or month.year < 2000:
        raise Http404
    return month


def _rows(account: Account, rows: Sequence[Used], by: Group) -> list[Row]:
    names = _names(account, rows, by)
    largest = max((row.microcredits for row in rows), default=0)
    return [_row(row, *names(row), largest) for row in rows]


def _row(row: Used, name: str = "", note: str = "", largest: int = 0) -> Row:
    return Row(
        name=name,
        note=note,
        requests=f"{row.requests:,}",
        characters=f"{row.characters:,}",
        credits=format_exact(row.microcredits),
        share=round(100 * row.microcredits / largest) if largest else 0,
    )


def _names(account: Account, rows: Sequence[Used], by: Group) -> Callable[[Used], tuple[str, str]]:
    """Returns a function from a row to its name and a note."""
    if by == "day":
        return lambda row: (f"{row.of.day} {row.of:%b}", f"{row.of:%A}")
    if by == "key":
        keys: Mapping[Any, ApiKey] = get_keys(account, list(rows))
        return lambda row: _key_name(keys.get(row.of))
    known = dict(Voice.objects.filter(voice_id__in=[row.of for row in rows]).values_list("voice_id", "name"))
    return lambda row: (known.get(row.of, row.of), row.of)


def _key_name(key: ApiKey | None) -> tuple[str, str]:
    return (key.name, f"{key.prefix}…{key.last_four}") if key is not None else (WITHOUT_KEY, "")


def _lines(account: Account, rows: Sequence[Used], by: Group) -> Iterator[tuple[object, ...]]:
    names = _names(account, rows, by)
    for row in rows:
        credits = Decimal(row.microcredits) / MICROCREDITS_PER_CREDIT
        yield row.of or "", names(row)[0], row.requests, row.characters, credits

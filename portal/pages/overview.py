"""The overview of an account: remaining credits and how long they last, recent jobs, first steps."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.membership import MemberRequest, member_page
from accounts.permissions import has_permission
from accounts.rate_limits import limit_for
from billing.money import format_have, format_need
from portal.charts import draw_chart
from portal.context import build_navigation
from portal.pages.player import build_player
from portal.usage_summary import BURN_DAYS, Day, burn_per_day, daily_usage, first_steps
from tts.selectors import search_jobs

LATEST_JOBS = 8
MOST_DAYS = 999  # that credits last; beyond that, a forecast is meaningless


@dataclass(frozen=True, slots=True)
class DayRow:
    day: Day
    credits: str


@require_safe
@never_cache
@member_page()
def overview(request: MemberRequest) -> HttpResponse:
    """Shows the overview. Members who may not view jobs see only the account."""
    nav = build_navigation(request)
    account, balance = nav.account, nav.balance
    context: dict[str, Any] = {
        "nav": nav,
        "account": account,
        "debt": format_need(balance.debt_microcredits) if balance.debt_microcredits else "",
        "generate_limit": f"{limit_for(account, 'generate'):,}",
        "may_create": has_permission(request.membership, "create_speech"),
    }
    if has_permission(request.membership, "view_jobs"):
        days = daily_usage(account=account)
        latest = search_jobs(account=account)[:LATEST_JOBS]
        context |= _usage(days, balance.spendable_microcredits)
        context["sounds"] = [build_player(job, text=getattr(job, "beginning", ""), is_drawn=False) for job in latest]
        context["is_any_unfinished"] = any(not sound.job.is_finished for sound in context["sounds"])
        context["steps"] = first_steps(account=account)
    return render(request, "tts/overview.html", context)


def _usage(days: list[Day], spendable_microcredits: int) -> dict[str, Any]:
    burn = burn_per_day(days)
    days_left = min(MOST_DAYS, spendable_microcredits // burn) if burn else None
    requests, characters = [day.requests for day in days], [day.characters for day in days]
    return {
        "burn": format_need(burn) if burn else "",
        "burn_days": BURN_DAYS,
        "days_left": days_left,
        "is_more_than": days_left == MOST_DAYS,
        "first_day": days[0].date,
        "today": days[-1],
        "requests_today": f"{requests[-1]:,}",
        "characters_today": f"{characters[-1]:,}",
        "requests_total": f"{sum(requests):,}",
        "characters_total": f"{sum(characters):,}",
        "requests_chart": draw_chart(requests),
        "characters_chart": draw_chart(characters),
        "rows": [DayRow(day, format_have(day.spent_microcredits)) for day in reversed(days) if day.requests],
        "x_labels": [day.date.day for day in days],
    }

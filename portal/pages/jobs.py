"""The list of an account's jobs: search, filters, cursor pagination, and export as CSV."""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import cast

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db.models import Q, QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.membership import MemberRequest, member_page
from accounts.models import Account
from accounts.pagination import get_page
from accounts.permissions import has_permission
from accounts.selectors import list_keys
from billing.money import format_credits
from config.api import format_time
from config.connections import release_connection
from config.csv_files import BYTE_ORDER_MARK, escape_formula
from config.errors import ValidationFailed
from portal.forms import JobFilterForm
from portal.pages.player import build_player
from tts.models import Job
from tts.selectors import search_jobs

ROWS_AT_ONCE = 500  # per query of the CSV export
COLUMNS = (
    "job_id", "created_at", "status", "voice_id", "output_format", "characters", "credits_charged",
    "credits_refunded", "duration_seconds", "made_by", "error", "text_beginning",
)  # fmt: skip


@require_safe
@never_cache
@member_page("view_jobs")
def jobs(request: MemberRequest) -> HttpResponse:
    """Lists jobs, newest first. The URL contains the whole search, so it can be bookmarked and shared."""
    form = _filter_form(request)
    filters = form.filters()
    try:
        rows, next_url, previous_url = get_page(
            search_jobs(account=request.membership.account, **filters), Request(request), APIView()
        )
    except ValidationFailed:
        return redirect("jobs")
    query = request.GET.copy()
    query.pop("cursor", None)
    context = {
        "form": form,
        "sounds": [build_player(row, text=getattr(row, "beginning", ""), is_drawn=False) for row in rows],
        "next_url": next_url,
        "previous_url": previous_url,
        "is_filtered": bool(filters),
        "query": query.urlencode(),
        "may_create": has_permission(request.membership, "create_speech"),
    }
    return render(request, "tts/jobs.html", context)


@require_safe
@never_cache
@member_page("view_jobs")
def jobs_csv(request: MemberRequest) -> HttpResponse:
    """Streams all jobs that match the filters, while they are read."""
    lines = _csv_lines(search_jobs(account=request.membership.account, **_filter_form(request).filters()))
    # Under ASGI, Django would read a plain iterator to its end before sending the first byte.
    body = _asynchronous(lines) if isinstance(request, ASGIRequest) else lines
    name = f"jobs-{timezone.now():%Y-%m-%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    response = StreamingHttpResponse(body, content_type="text/csv; charset=utf-8", headers=headers)
    return cast(HttpResponse, response)  # the type that member pages return


def _filter_form(request: MemberRequest) -> JobFilterForm:
    account: Account = request.membership.account
    keys = list_keys(account=account).values_list("pk", "name", "last_four")
    choices = [(str(pk), f"{name} …{last_four}") for pk, name, last_four in keys]
    return JobFilterForm(request.GET, key_choices=choices)


def _csv_lines(found: QuerySet[Job]) -> Iterator[str]:
    yield BYTE_ORDER_MARK + _line(COLUMNS)
    for rows in _in_batches(found):
        yield "".join(_line(_cells(row)) for row in rows)


def _in_batches(found: QuerySet[Job]) -> Iterator[list[Job]]:
    """Yields batches by index, so that a slow download holds neither a cursor nor a connection."""
    rows = list(found[:ROWS_AT_ONCE])
    while rows:
        release_connection()
        yield rows
        last = rows[-1]
        older = Q(created_at__lt=last.created_at) | Q(created_at=last.created_at, pk__lt=last.pk)
        rows = list(found.filter(older)[:ROWS_AT_ONCE])


def _cells(job: Job) -> tuple[str, ...]:
    return (
        str(job.pk),
        format_time(job.created_at),
        job.status,
        job.voice_id,
        job.output_format,
        str(job.chars_charged),
        format_credits(job.cost_microcredits),
        format_credits(job.refunded_microcredits),
        f"{job.duration_ms / 1000:.3f}" if job.duration_ms else "",
        job.api_key.name if job.api_key else "",
        job.error_message,
        str(getattr(job, "beginning", "")),
    )


def _line(cells: Iterable[str]) -> str:
    file = io.StringIO()
    csv.writer(file).writerow([escape_formula(cell) for cell in cells])
    return file.getvalue()


async def _asynchronous(lines: Iterator[str]) -> AsyncIterator[str]:
    def step() -> str:
        return next(lines, "")

    while line := await sync_to_async(step)():
        yield line

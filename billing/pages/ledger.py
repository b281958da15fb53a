"""`/billing/ledger`: all movements of credits, newest first, and the same as CSV."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.db.models import Q, QuerySet
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.membership import MemberRequest, member_page
from accounts.models import ApiKey
from accounts.selectors import list_keys
from billing.models import MICROCREDITS_PER_CREDIT, EntryKind, LedgerEntry
from billing.money import format_exact
from billing.selectors import list_entries
from config.api import format_time
from config.csv_files import csv_response

ROWS = 50
CSV_ROWS = 100_000
WORDS = {
    EntryKind.GRANT: "Credits granted",
    EntryKind.ADJUSTMENT: "Adjustment",
    EntryKind.CHARGE: "Speech",
    EntryKind.REFUND: "Speech, refunded",
    EntryKind.OPERATOR_REFUND: "Speech, refunded by support",
    EntryKind.TOP_UP: "Credits bought",
    EntryKind.SUBSCRIPTION: "Plan credits",
    EntryKind.CLAWED_BACK: "Payment reversed",
    EntryKind.RESTORED: "Reversed payment restored",
}
HEAD = ("time_utc", "kind", "credits", "balance_after", "job_id", "api_key", "note", "reference")


@dataclass(frozen=True, slots=True)
class Row:
    """An entry in the list. `key_name` is the API key that paid, or ""."""

    entry: LedgerEntry
    what: str
    amount: str
    balance: str
    key_name: str


class LedgerFilters(forms.Form):
    kind = forms.ChoiceField(
        label="Type",
        required=False,
        choices=[("", "Everything"), *((kind.value, word) for kind, word in WORDS.items())],
        error_messages={"invalid_choice": "Choose an option from the list."},
    )
    key = forms.ModelChoiceField(
        label="API key",
        required=False,
        queryset=ApiKey.objects.none(),
        empty_label="All keys",
        error_messages={"invalid_choice": "Choose an option from the list."},
    )
    first_day = forms.DateField(
        label="From",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={"invalid": "Enter a date such as 2026-01-31."},
    )
    last_day = forms.DateField(
        label="To",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={"invalid": "Enter a date such as 2026-01-31."},
    )
    job = forms.UUIDField(
        label="Job ID",
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        error_messages={"invalid": "Enter a complete job ID."},
    )

    def __init__(self, data: Any, *, keys: QuerySet[ApiKey]) -> None:
        super().__init__(data)
        self.label_suffix = ""
        self.fields["key"].queryset = keys  # type: ignore[attr-defined]
        self.fields["key"].label_from_instance = lambda key: key.name  # type: ignore[attr-defined]

    def chosen(self, entries: QuerySet[LedgerEntry]) -> QuerySet[LedgerEntry]:
        """Filters `entries` by the valid form. Dates mean whole days in UTC."""
        data = self.cleaned_data
        wanted = Q()
        if data["kind"]:
            wanted &= Q(kind=data["kind"])
        if data["key"]:
            wanted &= Q(key_id=data["key"].pk)
        if data["first_day"]:
            wanted &= Q(created_at__gte=datetime.combine(data["first_day"], time(), UTC))
        if data["last_day"]:
            wanted &= Q(created_at__lte=datetime.combine(data["last_day"], time.max, UTC))
        if data["job"]:
            wanted &= Q(job_id=data["job"])
        return entries.filter(wanted)


@require_safe
@never_cache
@member_page("view_billing")
def ledger(request: MemberRequest) -> HttpResponseBase:
    account = request.membership.account
    keys = list_keys(account=account)
    form = LedgerFilters(request.GET, keys=keys)
    entries = form.chosen(list_entries(account=account)) if form.is_valid() else LedgerEntry.objects.none()
    names = dict(keys.values_list("pk", "name"))
    if request.GET.get("format") == "csv" and form.is_valid():
        rows = entries[:CSV_ROWS].iterator(chunk_size=2000)
        return csv_response("ledger.csv", HEAD, _lines(rows, names))
    # Fetch one row more than the page shows to learn whether there is a next page, without counting rows.
    found = list(_after(entries, request.GET.get("after", ""))[: ROWS + 1])
    query = {name: value for name, value in request.GET.items() if value and name in form.fields}
    context = {
        "form": form,
        "rows": [_row(entry, names) for entry in found[:ROWS]],
        "is_filtered": bool(query),
        "is_first": not request.GET.get("after"),
        "newest": f"?{urlencode(query)}",
        "older": f"?{urlencode(query | {'after': found[ROWS - 1].pk})}" if len(found) > ROWS else "",
        "csv": f"?{urlencode(query | {'format': 'csv'})}",
        "csv_rows": f"{CSV_ROWS:,}",
    }
    return render(request, "billing/ledger.html", context, status=200 if form.is_valid() else 400)


def _after(entries: QuerySet[LedgerEntry], last_id: str) -> QuerySet[LedgerEntry]:
    """Returns the entries below an entry, so that new entries shift nothing. For an unknown ID, starts at the top."""
    try:
        last = entries.filter(pk=uuid.UUID(last_id)).first()
    except ValueError:
        last = None
    if last is None:
        return entries
    # The first condition is implied by the second, but only with it can the scan of the index start there.
    return entries.filter(created_at__lte=last.created_at).filter(Q(created_at__lt=last.created_at) | Q(pk__lt=last.pk))


def _row(entry: LedgerEntry, names: Mapping[uuid.UUID, str]) -> Row:
    return Row(
        entry=entry,
        what=WORDS[EntryKind(entry.kind)],
        amount=format_exact(entry.amount_microcredits, signed=True),
        balance=format_exact(entry.balance_after_microcredits),
        key_name=_get_key_name(entry, names),
    )


def _get_key_name(entry: LedgerEntry, names: Mapping[uuid.UUID, str]) -> str:
    return names.get(entry.key_id, "") if entry.key_id else ""


def _lines(entries: Iterator[LedgerEntry], names: Mapping[uuid.UUID, str]) -> Iterator[tuple[object, ...]]:
    for entry in entries:
        yield (
            format_time(entry.created_at),
            entry.kind,
            # Write numbers, not text, so that a minus sign is not taken for a formula.
            Decimal(entry.amount_microcredits) / MICROCREDITS_PER_CREDIT,
            Decimal(entry.balance_after_microcredits) / MICROCREDITS_PER_CREDIT,
            entry.job_id or "",
            _get_key_name(entry, names),
            entry.note,
            entry.reference,
        )

"""The public pricing page: plans, packs and voices from the database, and a calculator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import Plan
from accounts.selectors import list_plans
from billing.models import Pack
from billing.money import format_money, format_need, format_whole
from billing.selectors import get_prices, list_packs
from portal.prices import PriceRow, list_price_rows

MAX_CHARACTERS = 10**10
CHARACTERS_OF_AN_HOUR = 54_000  # of speech, at 15 a second
PER_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class PlanCard:
    plan: Plan
    price: str  # per month; "" if free
    credits: str  # included per month; "" if none
    generate_limit: str


@dataclass(frozen=True, slots=True)
class PackRow:
    credits: str
    price: str
    per_million: dict[str, str]  # name of a price → money for a million characters


class CalculatorForm(forms.Form):
    characters = forms.CharField(
        label="Characters per month",
        max_length=20,
        help_text=f"One hour of speech is about {CHARACTERS_OF_AN_HOUR:,} characters.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages={"required": "Enter a number of characters."},
    )
    tier = forms.ChoiceField(label="Voices")

    def __init__(self, data: Mapping[str, Any] | None, *, rows: Sequence[PriceRow]) -> None:
        super().__init__(data, initial={"characters": "600,000"})
        self.label_suffix = ""
        self.fields["tier"].choices = [(row.code, row.name) for row in rows]  # type: ignore[attr-defined]

    def clean_characters(self) -> int:
        text = self.cleaned_data["characters"].replace(",", "").replace(" ", "")
        if not (text.isascii() and text.isdecimal()) or not 0 < int(text[:20]) <= MAX_CHARACTERS:
            raise forms.ValidationError(f"Enter a whole number from 1 to {MAX_CHARACTERS:,}.")
        return int(text)


@require_safe
def pricing(request: HttpRequest) -> HttpResponse:
    prices = get_prices()
    rows = list_price_rows(prices)
    form = CalculatorForm(request.GET if "characters" in request.GET else None, rows=rows)
    estimate = None
    if form.is_bound and form.is_valid():
        cost = form.cleaned_data["characters"] * prices[form.cleaned_data["tier"]]
        estimate = {"credits": format_need(cost), "packs": [_to_pay(pack, cost) for pack in list_packs()]}
    context = {
        "plans": [_plan_card(plan) for plan in list_plans()],
        "prices": rows,
        "packs": [_pack_row(pack, rows) for pack in list_packs()],
        "signup_credits": settings.SIGNUP_CREDITS,
        "form": form,
        "estimate": estimate,
    }
    return render(request, "tts/pricing.html", context, status=400 if form.is_bound and not form.is_valid() else 200)


def _plan_card(plan: Plan) -> PlanCard:
    return PlanCard(
        plan=plan,
        price=format_money(plan.price, plan.currency) if plan.price else "",
        credits=format_whole(plan.monthly_microcredits) if plan.monthly_microcredits else "",
        generate_limit=f"{plan.generate_limit:,}",
    )


def _pack_row(pack: Pack, rows: Sequence[PriceRow]) -> PackRow:
    per_million = {
        row.name: format_money(
            -(-pack.price * row.microcredits_per_character * PER_MILLION // pack.credits_microcredits), pack.currency
        )
        for row in rows
    }
    return PackRow(format_whole(pack.credits_microcredits), format_money(pack.price, pack.currency), per_million)


def _to_pay(pack: Pack, cost_microcredits: int) -> tuple[str, str, str]:
    """Returns how many of this pack are needed, their credits, and what they cost."""
    count = -(-cost_microcredits // pack.credits_microcredits)
    return f"{count:,}", format_whole(pack.credits_microcredits), format_money(count * pack.price, pack.currency)

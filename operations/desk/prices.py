"""The admin page for prices: of the tiers, and of families of voices with their own price."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Case, QuerySet, TextField, Value, When
from django.http import HttpRequest
from django.utils.html import format_html_join
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget

from accounts.models import AuditEntry
from accounts.operator_admin import OperatorAction, OperatorAdmin, Panel, ReasonForm, audit_panel, column
from accounts.services.audit import Actor
from billing.models import Price
from billing.money import format_credits
from billing.services.prices import add_family_price, change_price, set_price_enabled
from operations.desk.margins import list_family_prices, list_underpriced
from voices.selectors import list_families

AMOUNT_HELP = "1,000 microcredits per character are 1 credit per 1,000 characters."


class PriceForm(ReasonForm):
    microcredits_per_character = forms.IntegerField(
        min_value=0, max_value=10**9, widget=UnfoldAdminIntegerFieldWidget, help_text=AMOUNT_HELP
    )
    field_order: Sequence[str] = ("microcredits_per_character", "reason")


class FamilyPriceForm(PriceForm):
    family = forms.ChoiceField(
        widget=UnfoldAdminSelectWidget,
        help_text="Families of voices that work here and have no price of their own.",
    )
    field_order = ("family", "microcredits_per_character", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        taken = set(Price.objects.values_list("code", flat=True))
        names = sorted({f"{provider}:{family}" for provider, family, _, _ in list_families()} - taken)
        self.fields["family"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]


def _change_price(row: Price, actor: Actor, data: dict[str, Any]) -> str:
    amount = data["microcredits_per_character"]
    change_price(price=row, microcredits_per_character=amount, actor=actor, reason=data["reason"])
    return "Saved. The price applies to jobs submitted from now on."


def _add_family(row: Price, actor: Actor, data: dict[str, Any]) -> str:
    amount = data["microcredits_per_character"]
    add_family_price(code=data["family"], microcredits_per_character=amount, actor=actor, reason=data["reason"])
    return f"{data['family']} has a price of its own. It applies to jobs submitted from now on."


def _disable(row: Price, actor: Actor, data: dict[str, Any]) -> str:
    set_price_enabled(price=row, is_enabled=False, actor=actor, reason=data["reason"])
    return "Disabled. These voices now cost what their tier costs."


def _enable(row: Price, actor: Actor, data: dict[str, Any]) -> str:
    set_price_enabled(price=row, is_enabled=True, actor=actor, reason=data["reason"])
    return "Enabled. The price applies to jobs submitted from now on."


@admin.register(Price)
class PriceAdmin(OperatorAdmin):
    list_display = ("code", "microcredits_per_character", "per_thousand", "is_enabled", "warnings")
    paginator = Paginator
    ordering = ("code",)
    fields = ("code", "microcredits_per_character", "per_thousand", "is_enabled", "warnings")
    operator_actions = (
        OperatorAction(
            code="edit",
            label="Change the price",
            explains="Accepted jobs keep the price at which they were submitted.",
            run=_change_price,
            form=PriceForm,
            initial=lambda row: {"microcredits_per_character": row.microcredits_per_character},
        ),
        OperatorAction(
            code="copy",
            label="Set a price for a family",
            explains="A family of voices with a price of its own no longer costs what its tier costs.",
            run=_add_family,
            form=FamilyPriceForm,
            initial=lambda row: {"microcredits_per_character": row.microcredits_per_character},
            applies=lambda row: not row.is_of_family,
        ),
        OperatorAction(
            code="disable",
            label="Disable",
            explains="These voices cost what their tier costs. Accepted jobs keep their price.",
            run=_disable,
            applies=lambda row: row.is_of_family and row.is_enabled,
            is_dangerous=True,
        ),
        OperatorAction(
            code="enable",
            label="Enable",
            explains="These voices have their own price again. Accepted jobs keep their price.",
            run=_enable,
            applies=lambda row: row.is_of_family and not row.is_enabled,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Price]:
        """Returns each price with its `warning`, so that a list of many rows looks them up once."""
        texts: dict[str, list[str]] = defaultdict(list)
        for family in list_underpriced():
            texts[family.price_code].append(family.warning)
        cases = [When(code=code, then=Value("\n".join(lines))) for code, lines in texts.items()]
        prices: QuerySet[Price] = super().get_queryset(request)
        return prices.annotate(warning=Case(*cases, default=Value(""), output_field=TextField()))

    @column("Credits per 1,000 characters")
    def per_thousand(self, row: Price) -> str:
        return format_credits(row.microcredits_per_character * 1000)

    @column("Warnings")
    def warnings(self, row: Price) -> str:
        lines = getattr(row, "warning", "").splitlines()
        return format_html_join("", "{}<br>", ([line] for line in lines)) or "–"

    def panels(self, row: Price) -> list[Panel]:
        rows = [
            [
                family.family,
                f"{family.voices:,}",
                "–" if family.income_usd is None else f"${family.income_usd}",
                "–" if family.list_price_usd is None else f"${family.list_price_usd:.2f}",
            ]
            for family in list_family_prices()
            if family.price_code == row.code
        ]
        headers = ["Family", "Voices", "Income per million characters", "Provider's list price"]
        return [
            Panel("Voices at this price", headers, rows),
            audit_panel(AuditEntry.objects.filter(target_type="price", target_id=row.pk)),
        ]

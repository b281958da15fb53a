"""Admin pages for packs: what is on sale, and at which price."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.paginator import Paginator
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from accounts.models import AuditEntry
from accounts.operator_admin import OperatorAction, OperatorAdmin, Panel, ReasonForm, audit_panel, column
from accounts.services.audit import Actor
from billing.models import Pack
from billing.money import format_credits, format_money, parse_credits
from billing.services.prices import PACK_FIELDS, copy_pack, edit_pack, set_pack_enabled


class PackForm(ReasonForm):
    credits = forms.CharField(max_length=30, widget=UnfoldAdminTextInputWidget)
    price = forms.IntegerField(
        min_value=1,
        max_value=10**9,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="In the currency's smallest unit: 1000 in USD is $10.00.",
    )
    currency = forms.RegexField(
        regex=r"^[a-z]{3}$",
        widget=UnfoldAdminTextInputWidget,
        error_messages={"invalid": "Three-letter code, such as usd."},
    )
    stripe_price_id = forms.CharField(
        required=False,
        max_length=120,
        label="Stripe's price id",
        widget=UnfoldAdminTextInputWidget,
        help_text="price_…, of the same amount. Empty: the price above is written into each Checkout.",
    )
    field_order = ("credits", "price", "currency", "stripe_price_id", "reason")

    def clean_credits(self) -> int:
        try:
            amount = parse_credits(self.cleaned_data["credits"])
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None
        if amount <= 0:
            raise forms.ValidationError("Enter a number above 0.")
        return amount


def _pack_values(data: dict[str, Any]) -> dict[str, Any]:
    return {name: data["credits" if name == "credits_microcredits" else name] for name in PACK_FIELDS}


def _edit_pack(row: Pack, actor: Actor, data: dict[str, Any]) -> str:
    edit_pack(pack=row, values=_pack_values(data), actor=actor, reason=data["reason"])
    return "Saved. Purchases already in progress keep their price."


def _copy_pack(row: Pack, actor: Actor, data: dict[str, Any]) -> str:
    return f"Created: {copy_pack(values=_pack_values(data), actor=actor, reason=data['reason'])}. It is on sale."


def _enable_pack(row: Pack, actor: Actor, data: dict[str, Any]) -> str:
    set_pack_enabled(pack=row, is_enabled=True, actor=actor, reason=data["reason"])
    return "On sale."


def _disable_pack(row: Pack, actor: Actor, data: dict[str, Any]) -> str:
    set_pack_enabled(pack=row, is_enabled=False, actor=actor, reason=data["reason"])
    return "No longer on sale."


def _of_pack(row: Pack) -> dict[str, Any]:
    return {
        "credits": format_credits(row.credits_microcredits),
        "price": row.price,
        "currency": row.currency,
        "stripe_price_id": row.stripe_price_id,
    }


@admin.register(Pack)
class PackAdmin(OperatorAdmin):
    list_display = ("shown", "shown_price", "is_enabled", "stripe_price_id")
    paginator = Paginator
    ordering = ("credits_microcredits", "price")
    fields = ("id", "shown", "shown_price", "is_enabled", "stripe_price_id")
    operator_actions = (
        OperatorAction(
            code="edit",
            label="Edit",
            explains="This applies to purchases started from now on.",
            run=_edit_pack,
            form=PackForm,
            initial=_of_pack,
        ),
        OperatorAction(
            code="copy",
            label="Copy this pack",
            explains="Creates a new pack and puts it on sale immediately.",
            run=_copy_pack,
            form=PackForm,
            initial=_of_pack,
        ),
        OperatorAction(
            code="disable",
            label="Take off sale",
            explains="Customers can no longer buy this pack. Purchases already in progress are not affected.",
            run=_disable_pack,
            applies=lambda row: row.is_enabled,
            is_dangerous=True,
        ),
        OperatorAction(
            code="enable",
            label="Put on sale",
            explains="Customers see it immediately.",
            run=_enable_pack,
            applies=lambda row: not row.is_enabled,
        ),
    )

    @column("Credits")
    def shown(self, row: Pack) -> str:
        return format_credits(row.credits_microcredits)

    @column("Price")
    def shown_price(self, row: Pack) -> str:
        return format_money(row.price, row.currency)

    def panels(self, row: Pack) -> list[Panel]:
        return [audit_panel(AuditEntry.objects.filter(target_type="pack", target_id=str(row.pk)))]

"""Admin pages for prices and the ledger. Amounts are read-only: corrections are actions on an account."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.paginator import Paginator
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from accounts.models import AuditEntry
from accounts.operator_admin import OperatorAction, OperatorAdmin, Panel, ReasonForm, audit_panel, column
from accounts.operator_lists import AccountFilter
from accounts.services.audit import Actor
from billing.models import EntryKind, LedgerEntry, Price
from billing.money import format_credits
from billing.services.ledger import REVERSIBLE, reverse_entry
from billing.services.prices import change_price


class PriceForm(ReasonForm):
    """Edits a price. 1,000 microcredits per character are 1 credit per 1,000 characters."""

    microcredits_per_character = forms.IntegerField(
        min_value=0,
        max_value=10**9,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="1,000 microcredits per character are 1 credit per 1,000 characters.",
    )
    field_order = ("microcredits_per_character", "reason")


def _change_price(row: Price, actor: Actor, data: dict[str, Any]) -> str:
    amount = data["microcredits_per_character"]
    change_price(price=row, microcredits_per_character=amount, actor=actor, reason=data["reason"])
    return "Saved. The price applies to jobs submitted from now on."


@admin.register(Price)
class PriceAdmin(OperatorAdmin):
    list_display = ("model_type", "microcredits_per_character", "per_thousand")
    paginator = Paginator
    ordering = ("model_type",)
    fields = ("model_type", "microcredits_per_character", "per_thousand")
    operator_actions = (
        OperatorAction(
            code="edit",
            label="Change the price",
            explains="Accepted jobs keep the price at which they were submitted.",
            run=_change_price,
            form=PriceForm,
            initial=lambda row: {"microcredits_per_character": row.microcredits_per_character},
        ),
    )

    @column("Credits per 1,000 characters")
    def per_thousand(self, row: Price) -> str:
        return format_credits(row.microcredits_per_character * 1000)

    def panels(self, row: Price) -> list[Panel]:
        return [audit_panel(AuditEntry.objects.filter(target_type="price", target_id=row.pk))]


def _reverse(row: LedgerEntry, actor: Actor, data: dict[str, Any]) -> str:
    reverse_entry(entry=row, actor=actor, reason=data["reason"])
    return f"{format_credits(-row.amount_microcredits)} credits: the entry is reversed."


def _is_reversible(row: LedgerEntry) -> bool:
    return row.kind in REVERSIBLE and not row.reference.startswith("adjustment:reversal:")


@admin.register(LedgerEntry)
class LedgerEntryAdmin(OperatorAdmin):
    operator_actions = (
        OperatorAction(
            code="reverse",
            label="Reverse",
            explains="Adds the opposite entry, once. Both entries stay in the ledger.",
            run=_reverse,
            applies=_is_reversible,
        ),
    )
    list_display = ("created_at", "account", "shown_kind", "amount", "balance_after", "actor", "note")
    list_select_related = ("account",)
    list_filter = (AccountFilter, "kind")
    ordering = ("-created_at", "-id")
    fields = (
        "id",
        "created_at",
        "account",
        "shown_kind",
        "amount",
        "balance_after",
        "reference",
        "job_id",
        "actor",
        "key_id",
        "note",
    )

    @column(
        "Kind",
        ordering="kind",
        label={
            EntryKind.GRANT.label: "success",
            EntryKind.ADJUSTMENT.label: "warning",
            EntryKind.REFUND.label: "info",
            EntryKind.OPERATOR_REFUND.label: "info",
            EntryKind.TOP_UP.label: "success",
            EntryKind.SUBSCRIPTION.label: "success",
            EntryKind.CLAWED_BACK.label: "danger",
            EntryKind.RESTORED.label: "info",
        },
    )
    def shown_kind(self, row: LedgerEntry) -> str:
        return row.get_kind_display()

    @column("Credits")
    def amount(self, row: LedgerEntry) -> str:
        return format_credits(row.amount_microcredits)

    @column("Balance after")
    def balance_after(self, row: LedgerEntry) -> str:
        return format_credits(row.balance_after_microcredits)

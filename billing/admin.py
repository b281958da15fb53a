"""The operators' pages over prices and the ledger. Nobody edits an amount: corrections are actions on an account."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.paginator import Paginator
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from accounts.models import AuditEntry
from accounts.operator_admin import (
    PANEL_ROWS,
    OperatorAction,
    OperatorAdmin,
    Panel,
    ReasonForm,
    audit_panel,
    column,
    format_moment,
    row_link,
)
from accounts.services.audit import Actor
from billing.models import (
    EntryKind,
    LedgerEntry,
    OperatorAlert,
    Pack,
    Price,
    Purchase,
    StripeEvent,
    Subscription,
)
from billing.money import format_credits, format_money, parse_credits
from billing.services.alerts import resolve_alert
from billing.services.ledger import REVERSIBLE, reverse_entry
from billing.services.prices import PACK_FIELDS, change_price, copy_pack, edit_pack, set_pack_enabled


class PriceForm(ReasonForm):
    """1,000 microcredits per character are 1 credit per 1,000 characters."""

    microcredits_per_character = forms.IntegerField(
        min_value=0,
        max_value=10**9,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="1,000 here are 1 credit per 1,000 characters.",
    )
    field_order = ("microcredits_per_character", "reason")


def _change_price(row: Price, actor: Actor, data: dict[str, Any]) -> str:
    amount = data["microcredits_per_character"]
    change_price(price=row, microcredits_per_character=amount, actor=actor, reason=data["reason"])
    return "Saved. It holds for jobs that are submitted from now on."


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
            explains="Jobs that were accepted keep the price they were sold at.",
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
            explains="Writes the opposite entry, once. Both stay in the ledger.",
            run=_reverse,
            applies=_is_reversible,
        ),
    )
    list_display = ("created_at", "account", "shown_kind", "amount", "balance_after", "actor", "note")
    list_select_related = ("account",)
    list_filter = ("kind",)
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
        "note",
    )

    @column(
        "Kind",
        ordering="kind",
        label={
            EntryKind.GRANT.label: "success",
            EntryKind.ADJUSTMENT.label: "warning",
            EntryKind.REFUND.label: "info",
            EntryKind.TOP_UP.label: "success",
            EntryKind.SUBSCRIPTION.label: "success",
            EntryKind.TAKEN_BACK.label: "danger",
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


# --- what is sold ---------------------------------------------------------------------------------


class PackForm(ReasonForm):
    credits = forms.CharField(max_length=30, widget=UnfoldAdminTextInputWidget)
    price = forms.IntegerField(
        min_value=1,
        max_value=10**9,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="In the currency's smallest unit: 1000 of usd is $10.00.",
    )
    currency = forms.RegexField(
        regex=r"^[a-z]{3}$", widget=UnfoldAdminTextInputWidget, error_messages={"invalid": "Three letters, like usd."}
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
            raise forms.ValidationError("More than nothing.")
        return amount


def _pack_values(data: dict[str, Any]) -> dict[str, Any]:
    return {name: data["credits" if name == "credits_microcredits" else name] for name in PACK_FIELDS}


def _edit_pack(row: Pack, actor: Actor, data: dict[str, Any]) -> str:
    edit_pack(pack=row, values=_pack_values(data), actor=actor, reason=data["reason"])
    return "Saved. Purchases that were begun keep what they were sold at."


def _copy_pack(row: Pack, actor: Actor, data: dict[str, Any]) -> str:
    return f"Made: {copy_pack(values=_pack_values(data), actor=actor, reason=data['reason'])}. It is on sale."


def _enable_pack(row: Pack, actor: Actor, data: dict[str, Any]) -> str:
    set_pack_enabled(pack=row, is_enabled=True, actor=actor, reason=data["reason"])
    return "On sale."


def _disable_pack(row: Pack, actor: Actor, data: dict[str, Any]) -> str:
    set_pack_enabled(pack=row, is_enabled=False, actor=actor, reason=data["reason"])
    return "Not on sale any more."


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
            explains="This holds for purchases that begin from now on.",
            run=_edit_pack,
            form=PackForm,
            initial=_of_pack,
        ),
        OperatorAction(
            code="copy",
            label="Make another pack",
            explains="A new pack, on sale at once.",
            run=_copy_pack,
            form=PackForm,
            initial=_of_pack,
        ),
        OperatorAction(
            code="disable",
            label="Take off sale",
            explains="Nobody can buy it any more. Purchases that were begun go on.",
            run=_disable_pack,
            applies=lambda row: row.is_enabled,
            is_dangerous=True,
        ),
        OperatorAction(
            code="enable",
            label="Put on sale",
            explains="Customers see it at once.",
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


PAYMENT_LABELS = {"Paid": "success", "Active": "success", "Failed": "danger", "Past Due": "warning", "Ended": "info"}


@admin.register(Purchase)
class PurchaseAdmin(OperatorAdmin):
    list_display = ("created_at", "account", "kind", "shown_state", "credits", "shown_price", "payment_intent_id")
    list_select_related = ("account",)
    list_filter = ("state", "kind")
    ordering = ("-created_at",)
    fields = (
        "id", "created_at", "account", "kind", "shown_state", "credits", "shown_price", "shown_paid", "taken",
        "paid_at", "subscription", "period_start", "checkout_session_id", "payment_intent_id", "invoice_id",
        "receipt_url",
    )  # fmt: skip

    @column("State", label=PAYMENT_LABELS)
    def shown_state(self, row: Purchase) -> str:
        return row.get_state_display()

    @column("Credits")
    def credits(self, row: Purchase) -> str:
        return format_credits(row.credits_microcredits)

    @column("Taken back, credits")
    def taken(self, row: Purchase) -> str:
        return format_credits(row.taken_microcredits)

    @column("Price")
    def shown_price(self, row: Purchase) -> str:
        return format_money(row.price, row.currency)

    @column("Paid, with tax")
    def shown_paid(self, row: Purchase) -> str:
        return "–" if row.paid is None else format_money(row.paid, row.currency)

    def panels(self, row: Purchase) -> list[Panel]:
        references = [f"purchase:{row.pk}", *(f"settle:{row.pk}:{number + 1}" for number in range(row.settlements))]
        entries = LedgerEntry.objects.filter(reference__in=references[:PANEL_ROWS]).order_by("created_at")
        rows = [
            [
                format_moment(each.created_at),
                row_link(each, each.get_kind_display()),
                format_credits(each.amount_microcredits),
            ]
            for each in entries
        ]
        return [Panel("Ledger", ["When", "What", "Credits"], rows)]


@admin.register(Subscription)
class SubscriptionAdmin(OperatorAdmin):
    list_display = ("created_at", "account", "plan", "shown_state", "shown_price", "stripe_subscription_id")
    list_select_related = ("account", "plan")
    list_filter = ("state", "plan")
    ordering = ("-created_at",)
    fields = (
        "id", "created_at", "account", "plan", "shown_state", "shown_price", "stripe_subscription_id", "period_ends_at",
        "ends_at", "synced_at",
    )  # fmt: skip

    @column("State", label=PAYMENT_LABELS)
    def shown_state(self, row: Subscription) -> str:
        return row.get_state_display()

    @column("A month")
    def shown_price(self, row: Subscription) -> str:
        return format_money(row.price, row.currency)


@admin.register(StripeEvent)
class StripeEventAdmin(OperatorAdmin):
    """Without the payload: it names people."""

    list_display = ("received_at", "type", "event_id", "processed_at", "attempts", "is_reconciled")
    ordering = ("-received_at",)
    fields = ("event_id", "type", "created_at", "received_at", "processed_at", "attempts", "is_reconciled")


def _resolve(row: OperatorAlert, actor: Actor, data: dict[str, Any]) -> str:
    resolve_alert(alert=row, actor=actor, reason=data["reason"])
    return "Resolved."


@admin.register(OperatorAlert)
class OperatorAlertAdmin(OperatorAdmin):
    list_display = ("created_at", "kind", "message", "account", "resolved_at")
    list_select_related = ("account",)
    list_filter = ("kind",)
    ordering = ("-id",)
    fields = ("created_at", "kind", "reference", "message", "account", "resolved_at")
    operator_actions = (
        OperatorAction(
            code="resolve",
            label="Resolve",
            explains="Somebody has looked at it and done what was to be done.",
            run=_resolve,
            applies=lambda row: row.resolved_at is None,
        ),
    )

    def panels(self, row: OperatorAlert) -> list[Panel]:
        return [audit_panel(AuditEntry.objects.filter(target_type="operatoralert", target_id=str(row.pk)))]

"""Admin pages for purchases, subscriptions, Stripe events and alerts."""

from typing import Any

from django.contrib import admin

from accounts.models import AuditEntry
from accounts.operator_admin import (
    PANEL_ROWS,
    OperatorAction,
    OperatorAdmin,
    Panel,
    audit_panel,
    column,
    format_moment,
    row_link,
)
from accounts.operator_lists import AccountFilter
from accounts.services.audit import Actor
from billing.models import LedgerEntry, OperatorAlert, Purchase, StripeEvent, Subscription
from billing.money import format_credits, format_money
from billing.services.alerts import resolve_alert

PAYMENT_LABELS = {"Paid": "success", "Active": "success", "Failed": "danger", "Past Due": "warning", "Ended": "info"}


@admin.register(Purchase)
class PurchaseAdmin(OperatorAdmin):
    list_display = ("created_at", "account", "kind", "shown_state", "credits", "shown_price", "payment_intent_id")
    list_select_related = ("account",)
    list_filter = (AccountFilter, "state", "kind")
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

    @column("Clawed back, credits")
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
                format_moment(entry.created_at),
                row_link(entry, entry.get_kind_display()),
                format_credits(entry.amount_microcredits),
            ]
            for entry in entries
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

    @column("Per month")
    def shown_price(self, row: Subscription) -> str:
        return format_money(row.price, row.currency)


@admin.register(StripeEvent)
class StripeEventAdmin(OperatorAdmin):
    """Lists events without their payload, which has personal data."""

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
            explains="The problem has been reviewed and dealt with.",
            run=_resolve,
            applies=lambda row: row.resolved_at is None,
        ),
    )

    def panels(self, row: OperatorAlert) -> list[Panel]:
        return [audit_panel(AuditEntry.objects.filter(target_type="operatoralert", target_id=str(row.pk)))]

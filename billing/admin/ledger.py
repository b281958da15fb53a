"""Admin pages for the ledger. Amounts are read-only: corrections are actions on an account."""

from typing import Any

from django.contrib import admin

from accounts.operator_admin import OperatorAction, OperatorAdmin, column
from accounts.operator_lists import AccountFilter
from accounts.services.audit import Actor
from billing.models import EntryKind, LedgerEntry
from billing.money import format_credits
from billing.services.ledger import REVERSIBLE, reverse_entry


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

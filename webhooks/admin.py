"""Admin pages for endpoints and deliveries. Receivers' responses belong to the customer and are not shown."""

from typing import Any
from urllib.parse import urlsplit

from django.contrib import admin
from django.db import transaction

from accounts.errors import NothingToChange
from accounts.models import AuditEntry
from accounts.operator_admin import (
    PANEL_ROWS,
    OperatorAction,
    OperatorAdmin,
    Panel,
    audit_panel,
    column,
    format_moment,
    list_url,
    row_link,
)
from accounts.operator_lists import AccountFilter
from accounts.services.audit import Actor, checked_reason
from webhooks.db_time import database_now
from webhooks.models import Delivery, DeliveryState, DisabledReason, Endpoint
from webhooks.schedule import MAX_TRIES
from webhooks.services.endpoints import disable_endpoint

STATE_LABELS = {
    DeliveryState.PENDING.label: "warning",
    DeliveryState.DELIVERED.label: "success",
    DeliveryState.FAILED.label: "danger",
}


def _disable(row: Endpoint, actor: Actor, data: dict[str, Any]) -> str:
    with transaction.atomic():
        disabled = disable_endpoint(
            account_id=row.account_id,
            reason=DisabledReason.OPERATOR,
            now=database_now(),
            actor=actor,
            why=checked_reason(data["reason"]),
        )
    if not disabled:
        raise NothingToChange("The endpoint is already disabled.")
    return "Disabled. No more events are sent to it, and the account's owners get an email."


@admin.register(Endpoint)
class EndpointAdmin(OperatorAdmin):
    list_display = ("account", "host", "state", "failing_since", "created_at")
    list_select_related = ("account",)
    ordering = ("-created_at",)
    fields = ("id", "account", "host", "state", "disabled_at", "failing_since", "created_at", "updated_at")
    operator_actions = (
        OperatorAction(
            code="disable",
            label="Disable",
            explains="No events are sent to it until the customer enables it again.",
            run=_disable,
            applies=lambda row: row.is_enabled,
            is_dangerous=True,
        ),
    )

    @column("Host")
    def host(self, row: Endpoint) -> str:
        """Returns only the host, because customers put tokens into URLs."""
        return str(urlsplit(row.url).netloc)

    @column("State", label={"enabled": "success"})
    def state(self, row: Endpoint) -> str:
        return "enabled" if row.is_enabled else row.get_disabled_reason_display()

    def panels(self, row: Endpoint) -> list[Panel]:
        deliveries = Delivery.objects.filter(account=row.account_id).order_by("-created_at", "-id")[:PANEL_ROWS]
        rows = [
            [format_moment(delivery.created_at), row_link(delivery, delivery.event), delivery.state, delivery.tries]
            for delivery in deliveries
        ]
        return [
            Panel(
                "Deliveries",
                ["When", "Event", "State", "Tries"],
                rows,
                list_url(Delivery, account__id__exact=row.account_id),
            ),
            audit_panel(AuditEntry.objects.filter(target_type="webhook", target_id=str(row.pk))),
        ]


@admin.register(Delivery)
class DeliveryAdmin(OperatorAdmin):
    list_display = ("created_at", "shown_id", "account", "event", "shown_state", "shown_tries", "next_attempt_at")
    list_display_links = ("shown_id",)
    list_select_related = ("account",)
    list_filter = (AccountFilter, "state", "event")
    ordering = ("-created_at", "-id")
    fields = (
        "id", "account", "event", "job_id", "receiver", "uses_job_url", "shown_state", "shown_tries", "created_at",
        "next_attempt_at", "finished_at",
    )  # fmt: skip

    @column("Id")
    def shown_id(self, row: Delivery) -> str:
        return str(row.pk)[:8]

    @column("State", label=STATE_LABELS)
    def shown_state(self, row: Delivery) -> str:
        return row.get_state_display()

    @column("Tries")
    def shown_tries(self, row: Delivery) -> str:
        return f"{row.tries} of {MAX_TRIES}"

    def panels(self, row: Delivery) -> list[Panel]:
        attempts = row.attempts.order_by("-number")[:PANEL_ROWS]
        rows = [
            [
                attempt.number,
                format_moment(attempt.started_at),
                attempt.outcome,
                attempt.status or "–",
                f"{attempt.duration_ms:,} ms",
                attempt.error,
            ]
            for attempt in attempts
        ]
        return [Panel("Attempts", ["Number", "When", "Outcome", "Status", "Took", "Why"], rows)]

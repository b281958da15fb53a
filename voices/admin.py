"""The operators' page over the catalogue: what the engines say, and the operator's own switch."""

from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator

from accounts.models import AuditEntry
from accounts.operator_admin import OperatorAction, OperatorAdmin, Panel, audit_panel, column
from accounts.services.audit import Actor
from voices.models import Voice
from voices.services import set_voice_enabled


def _enable(row: Voice, actor: Actor, data: dict[str, Any]) -> str:
    set_voice_enabled(voice=row, is_enabled=True, actor=actor, reason=data["reason"])
    return "Enabled."


def _disable(row: Voice, actor: Actor, data: dict[str, Any]) -> str:
    set_voice_enabled(voice=row, is_enabled=False, actor=actor, reason=data["reason"])
    return "Disabled. New jobs with it are refused."


@admin.register(Voice)
class VoiceAdmin(OperatorAdmin):
    list_display = ("voice_id", "name", "language_name", "gender", "model_type", "state", "unavailable_reason")
    list_filter = ("provider", "model_type", "gender", "is_enabled", "is_listed")
    paginator = Paginator
    search_fields = ("voice_id", "name", "language_name")
    ordering = ("language", "name", "voice_id")
    fields = (
        "voice_id", "name", "provider", "family", "language", "language_name", "gender", "model_type", "state",
        "unavailable_reason", "output_formats", "sample_rates", "max_text_bytes", "max_stream_bytes", "engine_voice",
        "created_at",
    )  # fmt: skip
    operator_actions = (
        OperatorAction(
            code="disable",
            label="Disable",
            explains="New jobs with this voice are refused, and it leaves the gallery. Accepted jobs are still spoken.",
            run=_disable,
            applies=lambda row: row.is_enabled,
            is_dangerous=True,
        ),
        OperatorAction(
            code="enable",
            label="Enable",
            explains="The voice may be used again, as far as its engine works here.",
            run=_enable,
            applies=lambda row: not row.is_enabled,
        ),
    )

    @column(
        "State",
        label={"usable": "success", "disabled": "danger", "gone": "warning", "unavailable": "warning"},
    )
    def state(self, row: Voice) -> str:
        if not row.is_enabled:
            return "disabled"
        if not row.is_listed:
            return "gone"
        return "unavailable" if row.unavailable_reason else "usable"

    def panels(self, row: Voice) -> list[Panel]:
        return [audit_panel(AuditEntry.objects.filter(target_type="voice", target_id=row.voice_id))]

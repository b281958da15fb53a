"""Admin pages for voices and OpenAI names.

A voice has the engine's data and the operator's switch. OpenAI names are those that OpenAI's clients send.
"""

import re
from typing import Any, get_args

from django import forms
from django.contrib import admin
from django.core.paginator import Paginator
from django.utils.html import format_html_join
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from accounts.models import AuditEntry
from accounts.operator_admin import OperatorAction, OperatorAdmin, Panel, ReasonForm, audit_panel, column
from accounts.services.audit import Actor
from speech.catalogue import ModelType
from voices.models import ModelAlias, Voice, VoiceAlias
from voices.services import (
    ALIAS_FIELDS,
    ALIAS_KINDS,
    Alias,
    copy_alias,
    edit_alias,
    set_alias_enabled,
    set_voice_enabled,
)

MAX_VOICE_IDS = 20


def _enable(row: Voice, actor: Actor, data: dict[str, Any]) -> str:
    set_voice_enabled(voice=row, is_enabled=True, actor=actor, reason=data["reason"])
    return "Enabled."


def _disable(row: Voice, actor: Actor, data: dict[str, Any]) -> str:
    set_voice_enabled(voice=row, is_enabled=False, actor=actor, reason=data["reason"])
    return "Disabled. New jobs with this voice are rejected."


@admin.register(Voice)
class VoiceAdmin(OperatorAdmin):
    list_display = (
        "voice_id",
        "name",
        "language_name",
        "gender",
        "model_type",
        "quality",
        "state",
        "unavailable_reason",
    )
    list_filter = ("provider", "model_type", "quality", "gender", "is_enabled", "is_listed")
    paginator = Paginator
    search_fields = ("voice_id", "name", "language_name")
    ordering = ("language", "name", "voice_id")
    fields = (
        "voice_id", "name", "provider", "family", "language", "language_name", "gender", "model_type", "quality",
        "rank", "state", "unavailable_reason", "output_formats", "sample_rates", "max_text_bytes", "max_stream_bytes",
        "engine_voice", "created_at",
    )  # fmt: skip
    operator_actions = (
        OperatorAction(
            code="disable",
            label="Disable",
            explains=(
                "New jobs with this voice are rejected, and it is removed from the gallery. "
                "Accepted jobs are still completed."
            ),
            run=_disable,
            applies=lambda row: row.is_enabled,
            is_dangerous=True,
        ),
        OperatorAction(
            code="enable",
            label="Enable",
            explains="The voice can be used again if its engine is available on this server.",
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


# --- the names that OpenAI's clients send ---------------------------------------------------------


class NameForm(ReasonForm):
    # Only the IDs of our own voices contain a colon.
    name = forms.RegexField(
        r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z",
        max_length=80,
        widget=UnfoldAdminTextInputWidget,
        help_text="The name that clients send: letters, digits, dots, hyphens and underscores.",
    )
    field_order = ("name", "reason")


class ModelForm(ReasonForm):
    model_type = forms.ChoiceField(
        required=False,
        label="Voices",
        choices=[("", "of any type"), *((model_type, model_type) for model_type in get_args(ModelType))],
        widget=UnfoldAdminSelectWidget,
        help_text="The type determines the price. Voices of another type are skipped.",
    )
    engine_model = forms.CharField(
        required=False,
        max_length=80,
        widget=UnfoldAdminTextInputWidget,
        help_text="The engine's own model ID, for voices that accept one. Leave empty for the engine's default.",
    )
    field_order = ("model_type", "engine_model", "reason")


class VoicesForm(ReasonForm):
    voice_ids = forms.CharField(
        max_length=MAX_VOICE_IDS * 161,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 5}),
        label="Voices",
        help_text=(
            "Voice IDs, one per line. The first available voice is used, so you can list voices before "
            "they are installed."
        ),
    )
    field_order = ("voice_ids", "reason")

    def clean_voice_ids(self) -> list[str]:
        voice_ids = list(dict.fromkeys(self.cleaned_data["voice_ids"].split()))
        strange = [voice_id for voice_id in voice_ids if not re.fullmatch(r"[a-z0-9]+:[^:]{1,140}", voice_id)]
        if strange:
            raise forms.ValidationError(f"Not a voice ID: {strange[0][:80]}")
        if len(voice_ids) > MAX_VOICE_IDS:
            raise forms.ValidationError(f"Enter at most {MAX_VOICE_IDS}.")
        return voice_ids


def _edit_name(row: Alias, actor: Actor, data: dict[str, Any]) -> str:
    values = {field: data[field] for field in ALIAS_FIELDS[type(row)]}
    edit_alias(alias=row, values=values, actor=actor, reason=data["reason"])
    return "Saved. The change applies to the next request."


def _copy_name(row: Alias, actor: Actor, data: dict[str, Any]) -> str:
    copy_alias(alias=row, name=data["name"], actor=actor, reason=data["reason"])
    return f"{data['name']} was created and points to the same voices or model."


def _enable_name(row: Alias, actor: Actor, data: dict[str, Any]) -> str:
    set_alias_enabled(alias=row, is_enabled=True, actor=actor, reason=data["reason"])
    return "Enabled."


def _disable_name(row: Alias, actor: Actor, data: dict[str, Any]) -> str:
    set_alias_enabled(alias=row, is_enabled=False, actor=actor, reason=data["reason"])
    return "Disabled. Requests with this name are rejected as unknown."


COPY_NAME = OperatorAction(
    code="copy",
    label="Add another name",
    explains="Creates a second name with the same settings. You can then edit it separately.",
    run=_copy_name,
    form=NameForm,
)
DISABLE_NAME = OperatorAction(
    code="disable",
    label="Disable",
    explains="Requests with this name are rejected. Accepted jobs are still completed.",
    run=_disable_name,
    applies=lambda row: row.is_enabled,
    is_dangerous=True,
)
ENABLE_NAME = OperatorAction(
    code="enable",
    label="Enable",
    explains="Requests with this name are accepted again.",
    run=_enable_name,
    applies=lambda row: not row.is_enabled,
)


class AliasAdmin(OperatorAdmin):
    paginator = Paginator
    ordering = ("name",)

    def panels(self, row: Alias) -> list[Panel]:
        return [audit_panel(AuditEntry.objects.filter(target_type=ALIAS_KINDS[type(row)], target_id=row.name))]


@admin.register(ModelAlias)
class ModelAliasAdmin(AliasAdmin):
    list_display = ("name", "model_type", "engine_model", "is_enabled")
    fields = ("name", "model_type", "engine_model", "is_enabled", "created_at")
    operator_actions = (
        OperatorAction(
            code="edit",
            label="Edit",
            explains="This applies to the next request with this name.",
            run=_edit_name,
            form=ModelForm,
            initial=lambda row: {"model_type": row.model_type, "engine_model": row.engine_model},
        ),
        COPY_NAME,
        DISABLE_NAME,
        ENABLE_NAME,
    )


@admin.register(VoiceAlias)
class VoiceAliasAdmin(AliasAdmin):
    list_display = ("name", "shown_voices", "is_enabled")
    fields = ("name", "shown_voices", "is_enabled", "created_at")
    operator_actions = (
        OperatorAction(
            code="edit",
            label="Edit",
            explains="This applies to the next request with this name.",
            run=_edit_name,
            form=VoicesForm,
            initial=lambda row: {"voice_ids": "\n".join(row.voice_ids)},
        ),
        COPY_NAME,
        DISABLE_NAME,
        ENABLE_NAME,
    )

    @column("Voices, in order of preference")
    def shown_voices(self, row: VoiceAlias) -> str:
        return format_html_join("", "{}<br>", ([voice_id] for voice_id in row.voice_ids))

"""Admin pages for users, keys, plans and the audit trail.

Accounts involve every app, so their admin is in `operations.admin`.
"""

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget, UnfoldBooleanSwitchWidget

from accounts.mails import mail_person
from accounts.models import ApiKey, AuditEntry, Membership, Plan, User
from accounts.operator_admin import (
    PANEL_ROWS,
    OperatorAction,
    OperatorAdmin,
    Panel,
    ReasonForm,
    audit_panel,
    column,
    row_link,
    who,
    with_actor_email,
)
from accounts.operator_lists import AccountFilter, TargetFilter, TargetTypeFilter
from accounts.services.audit import Actor
from accounts.services.operator_actions import PLAN_FIELDS, edit_plan, revoke_key_for_customer
from accounts.services.second_factor import has_second_factor, take_off_second_factor


def _take_off(row: User, actor: Actor, data: dict[str, Any]) -> str:
    take_off_second_factor(user=row, actor=actor, reason=data["reason"])
    mail_person(
        row,
        "second_factor_off",
        subject="A second factor was removed",
        what="the authenticator app and its recovery codes",
    )
    return "Two-factor sign-in is off. The user can now sign in with a password only, and has been notified by email."


@admin.register(User)
class UserAdmin(OperatorAdmin):
    list_display = ("email", "is_active", "is_staff", "created_at", "last_login")
    list_filter = ("is_staff", "is_active")
    ordering = ("-created_at",)
    fields = ("id", "email", "is_active", "is_staff", "handles_billing", "is_superuser", "created_at", "last_login")

    operator_actions = (
        OperatorAction(
            code="second-factor-off",
            label="Remove the second factor",
            explains=(
                "For a user who lost both their device and their recovery codes. "
                "Verify their identity first: afterwards, only the password protects the account."
            ),
            run=_take_off,
            applies=has_second_factor,
            is_dangerous=True,
        ),
    )

    def panels(self, row: User) -> list[Panel]:
        memberships = Membership.objects.filter(user=row).select_related("account").order_by("created_at")
        rows = [
            [row_link(membership.account), membership.get_role_display()] for membership in memberships[:PANEL_ROWS]
        ]
        audited = AuditEntry.objects.filter(target_type="user", target_id=str(row.pk))
        return [Panel("Accounts", ["Account", "Role"], rows), audit_panel(audited)]


def _revoke(row: ApiKey, actor: Actor, data: dict[str, Any]) -> str:
    revoke_key_for_customer(api_key=row, actor=actor, reason=data["reason"])
    return "Revoked. Further requests with this key are rejected."


@admin.register(ApiKey)
class ApiKeyAdmin(OperatorAdmin):
    list_display = ("shown_key", "name", "account", "state", "created_at", "last_used_at")
    list_select_related = ("account",)
    list_filter = (AccountFilter,)
    ordering = ("-created_at",)
    fields = (
        "id",
        "shown_key",
        "name",
        "account",
        "scopes",
        "state",
        "created_at",
        "expires_at",
        "revoked_at",
        "last_used_at",
        "monthly_cap_microcredits",
        "allowed_providers",
        "allowed_voices",
        "allowed_networks",
    )
    operator_actions = (
        OperatorAction(
            code="revoke",
            label="Revoke",
            explains="Further requests with this key are rejected. This cannot be undone.",
            run=_revoke,
            applies=lambda row: row.revoked_at is None,
            is_dangerous=True,
        ),
    )

    @column("Key")
    def shown_key(self, row: ApiKey) -> str:
        return f"{row.prefix}…{row.last_four}"

    @column("State", label={"usable": "success", "revoked": "danger", "expired": "warning"})
    def state(self, row: ApiKey) -> str:
        if row.revoked_at is not None:
            return "revoked"
        return "usable" if row.expires_at is None or row.expires_at > timezone.now() else "expired"

    def panels(self, row: ApiKey) -> list[Panel]:
        return [audit_panel(AuditEntry.objects.filter(target_type="api_key", target_id=str(row.pk)))]


class PlanForm(ReasonForm):
    """Edits every field of a plan except its code, which identifies it."""

    name = forms.CharField(max_length=64, widget=UnfoldAdminTextInputWidget)
    generate_limit = forms.IntegerField(
        min_value=0,
        max_value=2**31 - 1,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="Requests that create speech, per 15 minutes.",
    )
    read_limit = forms.IntegerField(
        min_value=0,
        max_value=2**31 - 1,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="Status, audio and lists, per 15 minutes.",
    )
    allows_api = forms.BooleanField(required=False, label="Includes the API", widget=UnfoldBooleanSwitchWidget)
    allows_webhooks = forms.BooleanField(required=False, label="Includes webhooks", widget=UnfoldBooleanSwitchWidget)
    is_sold = forms.BooleanField(
        required=False, label="Available for self-service subscription", widget=UnfoldBooleanSwitchWidget
    )
    price = forms.IntegerField(
        min_value=0,
        max_value=10**9,
        label="Monthly price",
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="In the currency's smallest unit: 2900 in USD is $29.00. Existing subscriptions keep their price.",
    )
    currency = forms.RegexField(
        regex=r"^[a-z]{3}$",
        widget=UnfoldAdminTextInputWidget,
        error_messages={"invalid": "Three-letter code, such as usd."},
    )
    monthly_microcredits = forms.IntegerField(
        min_value=0,
        max_value=10**15,
        label="Microcredits per paid month",
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="1,000,000 microcredits are 1 credit.",
    )
    stripe_price_id = forms.CharField(
        required=False,
        max_length=120,
        label="Stripe's price id",
        widget=UnfoldAdminTextInputWidget,
        help_text="price_…, recurring and of the same amount. Empty: the price above is written into each Checkout.",
    )
    field_order = (
        "name", "generate_limit", "read_limit", "allows_api", "allows_webhooks", "is_sold", "price", "currency",
        "monthly_microcredits", "stripe_price_id", "reason",
    )  # fmt: skip


def _edit_plan(row: Plan, actor: Actor, data: dict[str, Any]) -> str:
    edit_plan(plan=row, values={field: data[field] for field in PLAN_FIELDS}, actor=actor, reason=data["reason"])
    return "Saved. The change applies to the next request."


@admin.register(Plan)
class PlanAdmin(OperatorAdmin):
    list_display = ("code", "name", "allows_api", "allows_webhooks", "generate_limit", "read_limit")
    paginator = Paginator
    ordering = ("generate_limit", "code")
    fields = ("code", *PLAN_FIELDS)
    operator_actions = (
        OperatorAction(
            code="edit",
            label="Edit",
            explains="This applies to the next request of every account on the plan.",
            run=_edit_plan,
            form=PlanForm,
            initial=lambda row: {field: getattr(row, field) for field in PLAN_FIELDS},
        ),
    )

    def panels(self, row: Plan) -> list[Panel]:
        return [audit_panel(AuditEntry.objects.filter(target_type="plan", target_id=row.pk))]


@admin.register(AuditEntry)
class AuditEntryAdmin(OperatorAdmin):
    list_display = ("created_at", "action", "who", "target", "account", "reason")
    list_select_related = ("account",)
    list_filter = (AccountFilter, TargetTypeFilter, TargetFilter)
    ordering = ("-id",)
    fields = ("created_at", "action", "who", "reason", "target", "account", "before_text", "after_text")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        return with_actor_email(super().get_queryset(request))

    @column("Who")
    def who(self, row: AuditEntry) -> str:
        return who(row)

    @column("Target")
    def target(self, row: AuditEntry) -> str:
        return f"{row.target_type} {row.target_id}"

    @column("Before")
    def before_text(self, row: AuditEntry) -> str:
        return _as_code(row.before)

    @column("After")
    def after_text(self, row: AuditEntry) -> str:
        return _as_code(row.after)


def _as_code(value: Any) -> str:
    return format_html('<pre class="operator-code">{}</pre>', json.dumps(value, indent=2, sort_keys=True))

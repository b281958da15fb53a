"""Admin pages for accounts, which show data of every app. `operations.admin` registers them."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.models import Account, ApiKey, AuditEntry, Membership, Plan
from accounts.operator_admin import (
    PANEL_ROWS,
    OperatorAction,
    OperatorAdmin,
    Panel,
    ReasonForm,
    audit_panel,
    column,
    format_moment,
    list_url,
    row_link,
)
from accounts.services.audit import Actor
from accounts.services.operator_actions import change_plan, reinstate_account, suspend_account
from billing.models import LedgerEntry, Purchase
from billing.money import format_credits, format_money, parse_credits
from billing.months import get_month, next_month
from billing.selectors import list_entries
from billing.services.ledger import adjust_credits
from tts.models import Job
from tts.selectors import list_jobs
from tts.usage import total_usage
from webhooks.models import Delivery
from webhooks.selectors import find_endpoint


class AdjustCreditsForm(ReasonForm):
    """Asks for credits in the usual notation: 100, 2.5, -3."""

    credits = forms.CharField(
        max_length=40,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        help_text="100 adds credits, -100 removes them. Added credits pay off debt first. "
        "You cannot remove more than the available balance.",
    )
    field_order = ("credits", "reason")

    def clean_credits(self) -> int:
        try:
            amount = parse_credits(self.cleaned_data["credits"])
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None
        if amount == 0:
            raise forms.ValidationError("Enter an amount other than 0.")
        return amount


class ChangePlanForm(ReasonForm):
    plan = forms.ModelChoiceField(
        Plan.objects.order_by("generate_limit", "code"), empty_label=None, widget=UnfoldAdminSelectWidget
    )
    field_order = ("plan", "reason")


def _adjust(row: Account, actor: Actor, data: dict[str, Any]) -> str:
    amount = data["credits"]
    reference = str(data["form_id"] or "")
    adjust_credits(account=row, amount_microcredits=amount, actor=actor, reason=data["reason"], reference=reference)
    return f"{format_credits(abs(amount))} credits {'added' if amount > 0 else 'removed'}."


def _change_plan(row: Account, actor: Actor, data: dict[str, Any]) -> str:
    change_plan(account=row, plan_code=data["plan"].pk, actor=actor, reason=data["reason"])
    return f"The plan is now {data['plan']}, starting with the next request."


def _suspend(row: Account, actor: Actor, data: dict[str, Any]) -> str:
    suspend_account(account=row, actor=actor, reason=data["reason"])
    return "Suspended. Its API keys stop working with the next request."


def _reinstate(row: Account, actor: Actor, data: dict[str, Any]) -> str:
    reinstate_account(account=row, actor=actor, reason=data["reason"])
    return "Reinstated."


@admin.register(Account)
class AccountAdmin(OperatorAdmin):
    list_display = ("name", "plan", "state", "available", "debt", "created_at")
    list_select_related = ("plan", "balance")
    list_filter = ("plan",)
    ordering = ("-created_at",)
    fields = (
        "id", "name", "plan", "state", "available", "debt", "created_at", "suspended_at", "generate_limit_override",
        "read_limit_override",
    )  # fmt: skip
    operator_actions = (
        OperatorAction(
            code="adjust-credits",
            label="Adjust credits",
            explains="Adds a correction to the ledger, with your reason as its note.",
            run=_adjust,
            form=AdjustCreditsForm,
        ),
        OperatorAction(
            code="change-plan",
            label="Change plan",
            explains="The limits and features of the new plan apply from the next request. Credits are kept.",
            run=_change_plan,
            form=ChangePlanForm,
            initial=lambda row: {"plan": row.plan_id},
        ),
        OperatorAction(
            code="suspend",
            label="Suspend",
            explains="All requests with its API keys are rejected. Accepted jobs still run.",
            run=_suspend,
            applies=lambda row: not row.is_suspended,
            is_dangerous=True,
        ),
        OperatorAction(
            code="reinstate",
            label="Reinstate",
            explains="Its API keys work again.",
            run=_reinstate,
            applies=lambda row: row.is_suspended,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        accounts: QuerySet[Account] = super().get_queryset(request)
        return accounts.select_related("plan", "balance")

    @column("State", label={"active": "success", "suspended": "danger", "closing": "warning", "deleted": "danger"})
    def state(self, row: Account) -> str:
        if row.deleted_at is not None:
            return "deleted"
        if row.is_closing:
            return "closing"
        return "suspended" if row.is_suspended else "active"

    @column("Credits")
    def available(self, row: Account) -> str:
        return format_credits(row.balance.available_microcredits) if hasattr(row, "balance") else "0"

    @column("Debt")
    def debt(self, row: Account) -> str:
        return format_credits(row.balance.debt_microcredits) if hasattr(row, "balance") else "0"

    def panels(self, row: Account) -> list[Panel]:
        filters = {"account__id__exact": row.pk}
        people = Membership.objects.filter(account=row).select_related("user").order_by("created_at")
        keys = ApiKey.objects.for_account(row).order_by("-created_at")
        return [
            Panel(
                "People",
                ["Email", "Role"],
                [
                    [row_link(membership.user, membership.user.email), membership.get_role_display()]
                    for membership in people[:PANEL_ROWS]
                ],
            ),
            Panel(
                "API keys",
                ["Key", "Name", "Revoked", "Last used"],
                [
                    [
                        row_link(key, f"{key.prefix}…{key.last_four}"),
                        key.name,
                        format_moment(key.revoked_at),
                        format_moment(key.last_used_at),
                    ]
                    for key in keys[:PANEL_ROWS]
                ],
                list_url(ApiKey, **filters),
            ),
            usage_panel(row),
            purchases_panel(row),
            webhook_panel(row),
            jobs_panel(list_jobs(account=row), more_url=list_url(Job, **filters)),
            ledger_panel(list_entries(account=row), more_url=list_url(LedgerEntry, **filters)),
            audit_panel(AuditEntry.objects.for_account(row), more_url=list_url(AuditEntry, **filters)),
        ]


def usage_panel(account: Account) -> Panel:
    """Returns the usage of this month and the last."""
    this_month = get_month(timezone.now())
    rows = []
    for month in (this_month, get_month(this_month - timedelta(days=1))):
        last_day = next_month(month) - timedelta(days=1)
        used = total_usage(account=account, first_day=month, last_day=last_day)
        figures = [f"{used.requests:,}", f"{used.characters:,}", format_credits(used.microcredits)]
        rows.append([f"{month:%B %Y}", *figures])
    return Panel("Usage", ["Month", "Requests", "Characters", "Credits"], rows)


def purchases_panel(account: Account) -> Panel:
    purchases = Purchase.objects.for_account(account).order_by("-created_at")
    rows = [
        [
            format_moment(purchase.created_at),
            row_link(purchase, purchase.get_kind_display()),
            purchase.get_state_display(),
            format_credits(purchase.credits_microcredits),
            format_money(purchase.price if purchase.paid is None else purchase.paid, purchase.currency),
        ]
        for purchase in purchases[:PANEL_ROWS]
    ]
    more_url = list_url(Purchase, account__id__exact=account.pk)
    return Panel("Purchases", ["When", "What", "State", "Credits", "Paid"], rows, more_url)


def webhook_panel(account: Account) -> Panel:
    endpoint = find_endpoint(account=account)
    rows = []
    if endpoint is not None:
        state = endpoint.get_disabled_reason_display() if endpoint.disabled_at else "enabled"
        rows = [[row_link(endpoint, "Endpoint"), state, format_moment(endpoint.failing_since)]]
    return Panel(
        "Webhook", ["Endpoint", "State", "Failing since"], rows, list_url(Delivery, account__id__exact=account.pk)
    )


def jobs_panel(jobs: QuerySet[Job], *, more_url: str) -> Panel:
    rows = [
        [
            format_moment(job.created_at),
            row_link(job, job.pk),
            job.status,
            job.voice_id,
            format_credits(job.cost_microcredits),
        ]
        for job in jobs[:PANEL_ROWS]
    ]
    return Panel("Jobs", ["When", "Job", "Status", "Voice", "Credits"], rows, more_url)


def ledger_panel(entries: QuerySet[LedgerEntry], *, more_url: str = "") -> Panel:
    rows = [
        [
            format_moment(entry.created_at),
            row_link(entry, entry.get_kind_display()),
            format_credits(entry.amount_microcredits),
            format_credits(entry.balance_after_microcredits),
            entry.actor,
            entry.note,
        ]
        for entry in entries[:PANEL_ROWS]
    ]
    return Panel("Ledger", ["When", "Kind", "Credits", "Balance after", "Who", "Note"], rows, more_url)

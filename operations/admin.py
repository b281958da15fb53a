"""Admin pages for jobs. `operations.desk` has the pages for accounts and prices."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from accounts.models import AuditEntry, User
from accounts.operator_admin import (
    OperatorAction,
    OperatorAdmin,
    Panel,
    audit_panel,
    column,
    row_link,
)
from accounts.operator_lists import AccountFilter
from accounts.operators import get_role
from accounts.services.audit import Actor
from billing.models import MICROCREDITS_PER_CREDIT, LedgerEntry
from billing.money import format_credits, format_need
from operations.desk.accounts import AccountAdmin, ledger_panel
from operations.desk.prices import PriceAdmin
from tts.models import Job, JobStatus
from tts.services.support import read_text, refund_rest_of_job, retry_failed_job

__all__ = ["AccountAdmin", "JobAdmin", "PriceAdmin"]

STATUS_LABELS = {
    JobStatus.PENDING.label: "warning",
    JobStatus.PROCESSING.label: "info",
    JobStatus.COMPLETED.label: "success",
    JobStatus.FAILED.label: "danger",
}


class ProviderFilter(admin.SimpleListFilter):
    """Lists the configured engines. Reading them from the table would scan all of it."""

    title = "provider"
    parameter_name = "provider"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in settings.SPEECH_ENGINES]

    def has_output(self) -> bool:
        return True

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        return queryset.filter(provider=self.value()) if self.value() else queryset


def _refund(row: Job, actor: Actor, data: dict[str, Any]) -> str:
    refunded_microcredits = refund_rest_of_job(job=row, actor=actor, reason=data["reason"])
    return f"{format_credits(refunded_microcredits)} credits were refunded."


def _refund_limit(user: User, row: Job, data: dict[str, Any]) -> str:
    limit, rest_microcredits = settings.SUPPORT_REFUND_LIMIT, row.cost_microcredits - row.refunded_microcredits
    if get_role(user) != "support" or rest_microcredits <= limit * MICROCREDITS_PER_CREDIT:
        return ""
    return f"Support can refund at most {limit} credits per job; this refund is {format_need(rest_microcredits)}."


def _retry(row: Job, actor: Actor, data: dict[str, Any]) -> str:
    retry_id = retry_failed_job(job=row, actor=actor, reason=data["reason"])
    return format_html("A new job was created and charged: {}.", row_link(Job(pk=retry_id), retry_id))


def _show_text(row: Job, actor: Actor, data: dict[str, Any]) -> str:
    return read_text(job=row, actor=actor, reason=data["reason"])


@admin.register(Job)
class JobAdmin(OperatorAdmin):
    list_display = (
        "created_at",
        "shown_id",
        "account",
        "shown_status",
        "voice_id",
        "chars_charged",
        "cost",
        "refunded",
    )
    list_display_links = ("shown_id",)
    list_select_related = ("account",)
    list_filter = (AccountFilter, "status", ProviderFilter)
    ordering = ("-created_at", "-id")
    fields = (
        "id", "account", "api_key", "retry_of", "shown_status", "error_code", "error_message", "voice_id", "provider",
        "queue", "speed", "text_format", "output_format", "sample_rate_hertz", "bitrate_kbps", "chars_charged", "cost",
        "refunded", "attempt", "lease_expires_at", "created_at", "started_at", "finished_at", "duration_ms",
        "audio_bytes", "erased_at",
    )  # fmt: skip
    operator_actions = (
        OperatorAction(
            code="refund",
            label="Refund",
            explains="Refunds the rest of the charge for this job. The audio is kept.",
            run=_refund,
            limit=_refund_limit,
            applies=lambda row: row.is_finished and row.refunded_microcredits < row.cost_microcredits,
        ),
        OperatorAction(
            code="retry",
            label="Retry",
            explains="Creates a new job with the same text, charged at the same price.",
            run=_retry,
            applies=lambda row: row.status == JobStatus.FAILED and row.erased_at is None and not hasattr(row, "retry"),
        ),
        OperatorAction(
            code="show-text",
            label="Show text",
            explains="Shows the customer's text once. Your access and its reason are recorded in the audit trail.",
            run=_show_text,
            applies=lambda row: row.erased_at is None,
            shows_result=True,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        jobs: QuerySet[Job] = super().get_queryset(request)
        return jobs.defer("text", "metadata").select_related("account")

    @column("Job")
    def shown_id(self, row: Job) -> str:
        return str(row.pk)

    @column("Status", ordering="status", label=STATUS_LABELS)
    def shown_status(self, row: Job) -> str:
        return row.get_status_display()

    @column("Credits")
    def cost(self, row: Job) -> str:
        return format_credits(row.cost_microcredits)

    @column("Refunded")
    def refunded(self, row: Job) -> str:
        return format_credits(row.refunded_microcredits)

    def panels(self, row: Job) -> list[Panel]:
        return [
            ledger_panel(LedgerEntry.objects.for_account(row.account).filter(job_id=row.pk).order_by("-created_at")),
            audit_panel(AuditEntry.objects.filter(target_type="job", target_id=str(row.pk))),
        ]

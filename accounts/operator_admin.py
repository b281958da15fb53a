"""The base of the admin pages: read-only rows, and actions that ask for a reason and call a service.

No form here edits a row. A change is an `OperatorAction`: a button on the row's page, a form with a reason, one service
call, one audit entry.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, TypeVar, cast

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model, OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.decorators import display
from unfold.paginator import InfinitePaginator
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.models import AuditEntry, User
from accounts.operator_lists import OperatorList
from accounts.operators import has_permission, is_operator
from accounts.services import audit
from accounts.services.audit import MAX_REASON_CHARS, Actor
from config.errors import DomainError

Column = TypeVar("Column", bound=Callable[..., str])

PANEL_ROWS = 10


class ReasonForm(forms.Form):
    """Asks for the reason. `form_id` makes a form that is submitted twice act once."""

    reason = forms.CharField(
        max_length=MAX_REASON_CHARS,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Stored permanently in the audit trail. Do not include names, email addresses or customer texts.",
        error_messages={"required": "Enter a reason."},
    )
    form_id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4, required=False)


def always(row: Any) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorAction:
    """A change that an operator can make to a row. `code` is its name in the URL and in `accounts.operators`.

    `run(row, actor, data)` calls the service and returns the message for the operator; a DomainError is shown on the
    form. `limit(user, row, data)` returns why this user may not make the change, or "" if they may; refusals are
    recorded in the audit trail. With `shows_result`, the message is shown once, on its own page, and not stored.
    """

    code: str
    label: str
    explains: str
    run: Callable[[Any, Actor, dict[str, Any]], str]
    limit: Callable[[User, Any, dict[str, Any]], str] = lambda user, row, data: ""
    form: type[ReasonForm] = ReasonForm
    initial: Callable[[Any], dict[str, Any]] = lambda row: {}
    applies: Callable[[Any], bool] = always
    is_dangerous: bool = False
    shows_result: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """A short table below a row's fields. `more_url` links to the whole list; "" if there is none."""

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[Any]]
    more_url: str = ""

    @property
    def table(self) -> dict[str, Any]:
        return {"headers": self.headers, "rows": self.rows}


class OperatorAdmin(OperatorList):
    """A read-only admin page: staff can view rows but not add, edit or delete them.

    Lists never count their rows, because a table may hold millions.
    """

    operator_actions: ClassVar[Sequence[OperatorAction]] = ()
    actions = None
    paginator = InfinitePaginator
    show_full_result_count = False
    list_per_page = 50
    sortable_by: ClassVar[Sequence[str] | None] = ()  # only the default order of a list has an index
    list_fullwidth = True
    change_form_outer_before_template = "operators/_actions.html"
    change_form_outer_after_template = "operators/_panels.html"

    def panels(self, row: Any) -> list[Panel]:
        return []

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields or ()

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_operator(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_operator(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        info = f"{self.opts.app_label}_{self.opts.model_name}_action"
        view = self.admin_site.admin_view(self.action_view)
        urls: list[URLPattern] = super().get_urls()
        return [path("<path:object_id>/do/<slug:code>/", view, name=info), *urls]

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Redirects to the audit trail, which replaces Django's history."""
        return redirect(audit_url(self.opts.model_name, unquote(object_id)))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        row = kwargs.get("obj")
        if row is not None:
            context["operator_buttons"] = [
                {"label": action.label, "is_dangerous": action.is_dangerous, "url": self.action_url(row, action)}
                for action in self.operator_actions
                if action.applies(row) and has_permission(request.user, action.code)
            ]
            context["panels"] = self.panels(row)
        return super().render_change_form(request, context, *args, **kwargs)

    def action_url(self, row: Model, action: OperatorAction) -> str:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_action"
        return reverse(name, kwargs={"object_id": row.pk, "code": action.code})

    def action_view(self, request: HttpRequest, object_id: str, code: str) -> HttpResponse:
        action = next((action for action in self.operator_actions if action.code == code), None)
        if action is None:
            raise Http404
        if not has_permission(request.user, action.code):
            raise PermissionDenied
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        back_url = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row.pk])
        result = perform(request, action, row, title=f"{action.label}: {row}", back_url=back_url)
        if isinstance(result, HttpResponse):
            return result
        context = result | self.admin_site.each_context(request) | {"opts": self.opts}
        request.current_app = self.admin_site.name
        status = 409 if result["refusal"] else 200
        return TemplateResponse(request, "operators/action.html", context, status=status)


def perform(
    request: HttpRequest, action: OperatorAction, row: Any, *, title: str, back_url: str
) -> HttpResponse | dict[str, Any]:
    """Handles the page of an action.

    Returns a redirect after a successful POST, otherwise the context of `operators/action.html`.
    """
    refusal = result = ""
    if request.method == "POST":
        form = action.form(request.POST)
        if form.is_valid():
            user = cast(User, request.user)
            try:
                refusal = action.limit(user, row, form.cleaned_data)
                if refusal:
                    _note_refusal(action, row, Actor.of(user), form.cleaned_data["reason"], refusal)
                else:
                    result = action.run(row, Actor.of(user), form.cleaned_data)
            except DomainError as error:
                refusal = error.message
            if not refusal and not action.shows_result:
                messages.success(request, result)
                return redirect(back_url)
    else:
        form = action.form(initial=action.initial(row))
    return {
        "title": title,
        "action": action,
        "form": form,
        "refusal": refusal,
        "is_done": bool(request.method == "POST" and form.is_valid() and not refusal),
        "result": result,
        "back_url": back_url,
    }


@transaction.atomic
def _note_refusal(action: OperatorAction, row: Model, actor: Actor, reason: str, refusal: str) -> None:
    audit.record(
        actor=actor,
        action=f"{row._meta.model_name}.{action.code}_refused",
        reason=reason,
        target_type=str(row._meta.model_name),
        target_id=row.pk,
        account=getattr(row, "account", None),
        after={"refused": refusal},
    )


def column(
    description: str, *, label: Mapping[str, str] | None = None, ordering: str | None = None
) -> Callable[[Column], Column]:
    """Makes a method a column or field. `label` maps its values to colours: success, info, warning or danger."""
    decorate: Callable[[Column], Column] = display(description=description, label=label, ordering=ordering)
    return decorate


def row_link(row: Model, text: object = None) -> str:
    """Returns a link to a row's page."""
    url = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    return format_html('<a class="operator-link" href="{}">{}</a>', url, row if text is None else text)


def list_url(model: type[Model], **filters: object) -> str:
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    return f"{url}?{query}" if query else url


def audit_url(target_type: object, target_id: object) -> str:
    return f"{reverse('admin:accounts_auditentry_changelist')}?target_type={target_type}&target_id={target_id}"


def with_actor_email(entries: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
    """Adds `actor_email`. It is looked up when shown, while the user exists; entries store only IDs."""
    people = User.objects.filter(pk=OuterRef("actor_user_id")).values("email")
    return entries.annotate(actor_email=Subquery(people[:1]))


def who(entry: AuditEntry) -> str:
    return getattr(entry, "actor_email", None) or entry.actor


def format_moment(moment: datetime | None) -> str:
    """Formats a time for tables, in UTC."""
    return format_html('<span class="operator-nowrap">{}</span>', f"{moment:%Y-%m-%d %H:%M}") if moment else "–"


def audit_panel(entries: QuerySet[AuditEntry], *, more_url: str = "") -> Panel:
    """Returns a panel with the newest of these entries."""
    rows = [
        [format_moment(entry.created_at), row_link(entry, entry.action), who(entry), entry.reason]
        for entry in with_actor_email(entries).order_by("-id")[:PANEL_ROWS]
    ]
    return Panel("Audit trail", ["When", "What", "Who", "Why"], rows, more_url)

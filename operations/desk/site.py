"""The site under /admin: sign-in, overview, search, the maintenance switch. Each `admin.py` adds pages for its rows."""

from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from unfold.sites import UnfoldAdminSite

from accounts.models import AuditEntry, Maintenance, User
from accounts.operator_admin import OperatorAction, OperatorAdmin, Panel, audit_panel, format_moment, perform, row_link
from accounts.operators import has_permission, is_operator, must_enrol
from accounts.services.audit import Actor
from accounts.services.maintenance import end_maintenance, start_maintenance
from accounts.services.sessions import note_session
from billing.models import Purchase, StripeEvent, Subscription
from operations.desk import figures
from operations.desk.margins import list_underpriced
from operations.desk.search import Hits, search
from tts.queue_presence import list_unserved_queues

MAX_SEARCH_CHARS = 254  # the longest email address


def _start(row: None, actor: Actor, data: dict[str, Any]) -> str:
    start_maintenance(actor=actor, reason=data["reason"])
    return "Maintenance has started. The API is down."


def _end(row: None, actor: Actor, data: dict[str, Any]) -> str:
    end_maintenance(actor=actor, reason=data["reason"])
    return "Maintenance has ended. The API is available."


START = OperatorAction(
    code="maintenance",
    label="Start maintenance",
    explains="The API responds with 503 to all requests within one second. Accepted jobs still run.",
    run=_start,
    is_dangerous=True,
)
END = OperatorAction(code="maintenance", label="End maintenance", explains="The API accepts requests again.", run=_end)


class OperatorSite(UnfoldAdminSite):  # type: ignore[misc]  # unfold has no types
    index_template = "operators/index.html"
    index_title = "Overview"

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Registers only our own admin classes.

        Those of packages would allow edits without a service and an audit entry.
        """
        if admin_class is not None and issubclass(admin_class, OperatorAdmin):
            super().register(model_or_iterable, admin_class, **options)

    def extra_urls(self) -> list[URLPattern]:
        return [path("maintenance/", self.admin_view(self.maintenance), name="maintenance")]

    def get_urls(self) -> list[Any]:
        """Removes Django's redirect from a row to the public site.

        Nothing links to it, and its pattern with two free parts takes seconds for a URL with many slashes, even before
        authentication.
        """
        return [url for url in super().get_urls() if getattr(url, "name", None) != "view_on_site"]

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Records that the session is in use, as every customer page does."""

        @wraps(view)
        def noted(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if isinstance(request.user, User):
                note_session(request, user=request.user)
            return view(request, *args, **kwargs)

        return super().admin_view(noted, cacheable)

    def has_permission(self, request: HttpRequest) -> bool:
        """Checks access to every page under /admin except the sign-in, which sends staff to set up a second factor."""
        return is_operator(request.user) and not must_enrol(request)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Redirects to the common sign-in page, which counts failed attempts and asks for the second factor."""
        if self.has_permission(request):
            return redirect("admin:index")
        if must_enrol(request):
            return redirect("mfa_index")
        if request.user.is_authenticated:
            raise PermissionDenied
        target = request.GET.get("next") or reverse("admin:index")
        return redirect(f"{reverse('account_login')}?{urlencode({'next': target})}")

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Redirects to the settings page.

        That page counts attempts, asks for the second factor, and audits and emails the change.
        """
        return redirect("settings")

    def password_change_done(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return redirect("settings")

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        """Answers 404: no form here uses it."""
        raise Http404

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        context = {
            "maintenance": Maintenance.objects.first(),
            "may_switch_maintenance": has_permission(request.user, "maintenance"),
            "unserved_queues": list_unserved_queues(),
            "underpriced": list_underpriced(),
            "figures": figures.figures(),
            "hours": figures.hours(),
            "panels": [
                *figures.panels(),
                audit_panel(AuditEntry.objects.all(), more_url=reverse("admin:accounts_auditentry_changelist")),
            ],
        }
        response: TemplateResponse = super().index(request, context | (extra_context or {}))
        return response

    @method_decorator([sensitive_post_parameters("q"), require_http_methods(["GET", "HEAD", "POST"])])
    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Searches by POST only, because URLs are logged, and a search may have an email or a whole key."""
        text = request.POST.get("q", "")[:MAX_SEARCH_CHARS].replace("\0", "")
        context = self.each_context(request) | {"title": "Search", "q": text}
        if request.method == "POST":
            hits = search(text)
            context |= {"hits": hits, "panels": _panels(hits)}
        return TemplateResponse(request, "operators/search.html", context | (extra_context or {}))

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def maintenance(self, request: HttpRequest) -> HttpResponse:
        if not has_permission(request.user, "maintenance"):
            raise PermissionDenied
        action = _maintenance_action(request)
        result = perform(request, action, None, title="Maintenance", back_url=reverse("admin:index"))
        if isinstance(result, HttpResponse):
            return result
        state = {"switch_to": "off" if action is END else "on"}
        return TemplateResponse(request, "operators/action.html", self.each_context(request) | result | state)


def _panels(hits: Hits) -> list[Panel]:
    """Returns a table for each kind with results."""
    panels = [
        Panel(
            "Accounts",
            ["Account", "Plan", "Since", "Id"],
            [
                [row_link(account), str(account.plan), format_moment(account.created_at), str(account.pk)]
                for account in hits.accounts
            ],
        ),
        Panel(
            "People",
            ["Email", "Since"],
            [[row_link(person), format_moment(person.created_at)] for person in hits.people],
        ),
        Panel(
            "API keys",
            ["Key", "Name", "Account", "Revoked"],
            [
                [
                    row_link(key, f"{key.prefix}…{key.last_four}"),
                    key.name,
                    row_link(key.account),
                    format_moment(key.revoked_at),
                ]
                for key in hits.keys
            ],
        ),
        Panel(
            "Jobs",
            ["Job", "Status", "Account", "When"],
            [
                [row_link(job, job.pk), job.status, row_link(job.account), format_moment(job.created_at)]
                for job in hits.jobs
            ],
        ),
        Panel(
            "Payments",
            ["What", "Account", "When"],
            [[row_link(payment), _account_link(payment), _when(payment)] for payment in hits.payments],
        ),
    ]
    return [panel for panel in panels if panel.rows]


def _account_link(row: Purchase | Subscription | StripeEvent) -> str:
    return "–" if isinstance(row, StripeEvent) else row_link(row.account)


def _when(row: Purchase | Subscription | StripeEvent) -> str:
    return format_moment(row.created_at)


def _maintenance_action(request: HttpRequest) -> OperatorAction:
    """Returns the action that the submitted form showed, so that a page left open for long cannot do the opposite."""
    if request.method == "POST":
        return END if request.POST.get("switch_to") == "off" else START
    return END if Maintenance.objects.exists() else START

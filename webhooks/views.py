"""The webhooks page: the endpoint, its secret once, a test, deliveries with requests and responses, replays."""

import json
import uuid
from dataclasses import dataclass
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.membership import MemberRequest, member_page, refuse
from accounts.models import Account, User
from accounts.services.audit import Actor
from accounts.services.identities import set_id_tokens_allowed
from config.errors import DomainError, NotFound, ValidationFailed
from webhooks.events import build_bodies
from webhooks.forms import EndpointForm, RangeForm
from webhooks.models import Attempt, Delivery, DeliveryState, Endpoint
from webhooks.schedule import MAX_TRIES
from webhooks.selectors import find_endpoint, first_try_percent, get_delivery, list_deliveries
from webhooks.sender import send_test
from webhooks.services.deliveries import claim_test, replay_delivery, replay_range
from webhooks.services.endpoints import NO_KEYS, delete_endpoint, save_endpoint

ROWS_ON_A_PAGE = 25
ON_THE_PAGE = "By the customer, on the webhooks page."  # in the audit trail
# State → badge kind, icon, label.
BADGES = {
    DeliveryState.DELIVERED: ("badge--ok", "ok", "Delivered"),
    DeliveryState.FAILED: ("badge--bad", "fail", "Failed"),
    DeliveryState.SKIPPED: ("", "pause", "Not sent"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A delivery in the list."""

    delivery: Delivery
    badge_kind: str
    badge_icon: str
    state: str
    tries: str
    answer: str
    last: Attempt | None


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@member_page("manage_webhooks")
@sensitive_variables("secret")
def webhooks(request: MemberRequest) -> HttpResponse:
    """Shows the page; a POST saves. A new secret is shown in this response only: a redirect would have to store it."""
    account = request.membership.account
    why_none = why_no_webhooks(account)
    endpoint = find_endpoint(account=account)
    secret: str | None = None
    form = EndpointForm(initial={"url": endpoint.url, "enabled": endpoint.is_enabled} if endpoint else None)
    if request.method == "POST":
        if why_none:
            return refuse(request, "Nothing was changed", why_none)
        if request.POST.get("do") == "test":
            _test(request, account)
            return redirect("webhooks")
        form = EndpointForm(request.POST)
        saved = _save(request, form)
        if saved is not None:
            endpoint, secret = saved
            if secret is None:
                return redirect("webhooks")
            form = EndpointForm(initial={"url": endpoint.url, "enabled": endpoint.is_enabled})
    return _page(request, endpoint, form, why_none=why_none, secret=secret)


@require_safe
@never_cache
@member_page("manage_webhooks")
def delivery(request: MemberRequest, delivery_id: uuid.UUID) -> HttpResponse:
    """Shows one delivery: the body, each attempt and each response."""
    row = _get_or_404(request.membership.account, delivery_id)
    attempts = row.attempts.order_by("number")
    body = json.dumps(json.loads(build_bodies([row])[row.pk]), indent=2, ensure_ascii=False)
    context = {"row": _row(row), "attempts": attempts, "body": body}
    return render(request, "webhooks/delivery.html", context)


@require_POST
@member_page("manage_webhooks")
def replay(request: MemberRequest, delivery_id: uuid.UUID) -> HttpResponse:
    account = request.membership.account
    _get_or_404(account, delivery_id)
    try:
        replay_delivery(account=account, delivery_id=delivery_id)
    except DomainError as error:
        return refuse(request, "Nothing was sent", error.message)
    messages.success(request, "The delivery is being sent again, with the same ID.")
    return redirect("webhook_delivery", delivery_id)


@require_POST
@never_cache
@member_page("manage_webhooks")
def replay_missed(request: MemberRequest) -> HttpResponse:
    """Replays what was not delivered in a time range."""
    account = request.membership.account
    form = RangeForm(request.POST)
    if form.is_valid():
        try:
            count = replay_range(account=account, **form.cleaned_data)
        except DomainError as error:
            return refuse(request, "Nothing was sent", error.message)
        messages.success(request, f"{count:,} {'delivery is' if count == 1 else 'deliveries are'} being sent again.")
        return redirect("webhooks")
    endpoint = find_endpoint(account=account)
    initial = {"url": endpoint.url, "enabled": endpoint.is_enabled} if endpoint else None
    return _page(request, endpoint, EndpointForm(initial=initial), why_none=why_no_webhooks(account), range_form=form)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@member_page("manage_webhooks")
def remove(request: MemberRequest) -> HttpResponse:
    """Asks for confirmation; a POST deletes the endpoint."""
    account = request.membership.account
    endpoint = find_endpoint(account=account)
    if endpoint is None:
        raise Http404
    if request.method == "POST":
        try:
            delete_endpoint(account=account, actor=Actor.of_member(request.membership), reason=ON_THE_PAGE)
        except NotFound:  # deleted by someone else in the meantime
            raise Http404 from None
        messages.success(request, "The endpoint was removed. No more events are sent.")
        return redirect("webhooks")
    return render(request, "webhooks/remove.html", {"endpoint": endpoint})


@require_POST
@member_page("manage_webhooks")
def id_tokens(request: MemberRequest) -> HttpResponse:
    """Sets whether ID tokens with this user's email may act for them."""
    is_allowed = request.POST.get("allow") == "1"
    set_id_tokens_allowed(user=cast(User, request.user), is_allowed=is_allowed)
    text = (
        "ID tokens with your email address are now accepted for your user."
        if is_allowed
        else "ID tokens are no longer accepted for your user."
    )
    messages.success(request, text)
    return redirect("webhooks")


def why_no_webhooks(account: Account) -> str:
    """Returns why this account cannot have webhooks, or "" if it can."""
    if account.is_suspended:
        return f"{account.name} is suspended. Contact support."
    if account.is_closing:
        return account.blocked_reason
    if not account.plan.allows_webhooks:
        return f"The {account.plan.name} plan does not include webhooks."
    return "" if settings.WEBHOOK_SECRET_KEYS else NO_KEYS


def _page(
    request: MemberRequest,
    endpoint: Endpoint | None,
    form: EndpointForm,
    *,
    why_none: str,
    secret: str | None = None,
    range_form: RangeForm | None = None,
) -> HttpResponse:
    account = request.membership.account
    page = Paginator(list_deliveries(account=account), ROWS_ON_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "endpoint": endpoint,
        "form": form,
        "range_form": range_form or RangeForm(),
        "secret": secret,
        "why_none": why_none,
        "page": page,
        "rows": [_row(delivery) for delivery in page],
        "first_try_percent": first_try_percent(account=account),
        "shows_id_tokens": bool(settings.OIDC_ISSUERS),
        "id_tokens_allowed": cast(User, request.user).allows_id_tokens,
    }
    return render(request, "webhooks/webhooks.html", context)


def _save(request: MemberRequest, form: EndpointForm) -> tuple[Endpoint, str | None] | None:
    """Saves the endpoint. Returns None if it was refused; the form then has the error."""
    if not form.is_valid():
        return None
    try:
        saved = save_endpoint(
            account=request.membership.account,
            url=form.cleaned_data["url"],
            enabled=form.cleaned_data["enabled"],
            regenerate_secret=request.POST.get("do") == "rotate",
            actor=Actor.of_member(request.membership),
            reason=ON_THE_PAGE,
        )
    except ValidationFailed as error:
        for field, problems in error.details.items():
            form.add_error(field, problems)
        return None
    if saved.secret is None:
        messages.success(
            request,
            "Saved." if saved.endpoint.is_enabled else "Saved. No events are sent until you enable the endpoint.",
        )
    return saved.endpoint, saved.secret


def _test(request: MemberRequest, account: Account) -> None:
    try:
        answer = send_test(claim_test(account=account))
    except NotFound:
        messages.error(request, "Save a URL first.")
        return
    if answer.is_success:
        messages.success(request, f"The test event was delivered: {answer.status} after {answer.duration_ms:,} ms.")
    else:
        messages.error(request, f"The test event was not delivered. {answer.error}")


def _get_or_404(account: Account, delivery_id: uuid.UUID) -> Delivery:
    try:
        return get_delivery(account=account, delivery_id=delivery_id)
    except NotFound:
        raise Http404 from None


def _row(delivery: Delivery) -> Row:
    attempts = sorted(delivery.attempts.all(), key=lambda attempt: attempt.number)
    last = attempts[-1] if attempts else None
    waiting: tuple[Any, ...] = ("badge--warn", "clock", "Retrying" if delivery.tries else "Waiting")
    kind, icon, state = BADGES.get(DeliveryState(delivery.state), waiting)
    answer = "–" if last is None else (f"{last.status} after {last.duration_ms:,} ms" if last.status else last.error)
    return Row(delivery, kind, icon, state, f"{delivery.tries} of {MAX_TRIES}", answer, last)

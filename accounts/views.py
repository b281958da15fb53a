"""The sign-in page: who it lets in, where it sends them, how often it may be tried."""

import time
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from django_ratelimit.core import get_usage

from accounts.forms import SignInForm
from accounts.rate_limits import WINDOW_SECONDS

SIGN_IN_TRIES = 10  # in a window, from one address and for one email


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password")
@never_cache
def sign_in(request: HttpRequest) -> HttpResponse:
    """By email and password; on to `next` where that is an address of ours, else to the overview."""
    next_url = _safe_next(request)
    if request.user.is_authenticated:
        return redirect(next_url or settings.LOGIN_REDIRECT_URL)
    if request.method != "POST":
        form = SignInForm(request=request)
    elif wait_seconds := _count_try(request):
        return _too_many_tries(request, next_url, wait_seconds)
    else:
        form = SignInForm(request.POST, request=request)
        if form.is_valid() and form.user is not None:
            login(request, form.user)
            return redirect(next_url or settings.LOGIN_REDIRECT_URL)
    return render(request, "accounts/sign_in.html", {"form": form, "next": next_url})


def _safe_next(request: HttpRequest) -> str:
    url = request.POST.get("next") or request.GET.get("next", "")
    hosts = {request.get_host()}
    return url if url_has_allowed_host_and_scheme(url, hosts, require_https=request.is_secure()) else ""


def _count_try(request: HttpRequest) -> int:
    """0 when the try is allowed, else the seconds until the next one is.

    Counted before the password is looked at, so that tries that race each other all count. The address comes
    first: who is stopped there cannot use up the tries of somebody else's email.
    """
    email = request.POST.get("email", "").strip().casefold()
    of_address = _usage(request, "address", "ip", increment=True)
    is_allowed = not of_address["should_limit"]
    of_email = _usage(request, "email", lambda group, request: email, increment=is_allowed)
    if is_allowed and not of_email["should_limit"]:
        return 0
    # The windows end at different times: wait for each that would refuse the next try. The second in which a
    # window ends still belongs to it. Neither is used up when the counter itself could not be reached.
    used_up = [usage for usage in (of_address, of_email) if usage["count"] >= SIGN_IN_TRIES]
    return max((int(usage["time_left"]) + 1 for usage in used_up), default=1)


def _usage(request: HttpRequest, what: str, key: object, *, increment: bool) -> dict[str, Any]:
    # The parts of the key are joined without a separator, hence the colons.
    usage: dict[str, Any] = get_usage(
        request, group=f"sign-in:{what}:", key=key, rate=(SIGN_IN_TRIES, WINDOW_SECONDS), increment=increment
    )
    return usage


def _too_many_tries(request: HttpRequest, next_url: str, wait_seconds: int) -> HttpResponse:
    ends_at = int(time.time()) + wait_seconds
    ends_at += -ends_at % 60  # shown in minutes, and nobody is told to come too early
    context = {
        "form": SignInForm(request=request, initial={"email": request.POST.get("email", "")}),
        "next": next_url,
        "tries": SIGN_IN_TRIES,
        "next_try_at": datetime.fromtimestamp(ends_at, UTC),
    }
    response = render(request, "accounts/sign_in.html", context, status=429)
    response.headers["Retry-After"] = str(wait_seconds)
    return response

"""The security page: authenticator app, recovery codes, sessions, and the pages that ask for a code.

django-allauth owns the codes and their limits. `accounts.services.second_factor` turns factors on and off. Passkeys are
added and removed in `accounts.pages.passkeys`.
"""

import base64
import json
import uuid
from collections.abc import Callable
from typing import Any, cast

from allauth.account import views as account_views
from allauth.account.decorators import reauthentication_required
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base import views as mfa_views
from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.allauth_internals import clear_totp_secret
from accounts.errors import NothingToChange
from accounts.forms.second_factor import AppForm
from accounts.mails import mail_person
from accounts.membership import person_page
from accounts.models import User
from accounts.operators import must_enrol
from accounts.pages.auth import PAGE_METHODS, PAUSE_SECONDS
from accounts.passkey_options import request_options
from accounts.services.second_factor import (
    get_passkeys,
    has_second_factor,
    make_recovery_codes,
    turn_off_app,
    turn_on_app,
)
from accounts.services.sessions import end_other_sessions, end_session, list_sessions, renew_session

View = Callable[..., HttpResponseBase]
# Requires a confirmation within the last five minutes, so that a page left open gives nothing away. allauth resubmits a
# form that was interrupted by it.
recently_confirmed: Callable[[View], View] = reauthentication_required(app="allauth.mfa")


@require_safe
@never_cache
@person_page
def security(request: HttpRequest) -> HttpResponse:
    user = cast(User, request.user)
    rows = list(Authenticator.objects.filter(user=user).order_by("created_at", "pk"))
    others = {row.type: row for row in rows}  # a user has at most one of each
    passkeys = [row for row in rows if row.type == Authenticator.Type.WEBAUTHN]
    app, codes = others.get(Authenticator.Type.TOTP), others.get(Authenticator.Type.RECOVERY_CODES)
    context = {
        "app": app,
        "is_on": bool(app or passkeys),
        "must_enrol": must_enrol(request),
        "passkeys": passkeys,
        "codes_left": len(codes.wrap().get_unused_codes()) if codes else 0,
        "sessions": list_sessions(user=user),
        "this_session": request.session.session_key,
    }
    return render(request, "accounts/security.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sensitive_post_parameters("code")
@person_page
@recently_confirmed
@sensitive_variables("codes")
def app_on(request: HttpRequest) -> HttpResponse:
    """Shows a QR code for the app, and a field for a code from it."""
    user = cast(User, request.user)
    if Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists():
        return redirect("mfa_index")
    form = AppForm(request.POST if request.method == "POST" else None, user=user)
    if request.method == "POST" and form.is_valid():
        try:
            codes = turn_on_app(user=user, secret=form.secret)
        except NothingToChange:  # sent twice
            return redirect("mfa_index")
        clear_totp_secret(request)
        mail_person(user, "second_factor_on", subject="An authenticator app was set up", what="an authenticator app")
        return after_adding(
            request, codes, done="The authenticator app is set up. You can use its codes or your passkeys."
        )
    url = get_adapter().build_totp_url(user, form.secret)
    svg = get_adapter().build_totp_svg(url)
    context = {
        "form": form,
        "picture": f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}",
        "url": url,
    }
    return render(request, "accounts/app_on.html", context, status=429 if form.is_stopped else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@person_page
@recently_confirmed
def app_off(request: HttpRequest) -> HttpResponse:
    user = cast(User, request.user)
    if not Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists():
        return redirect("mfa_index")
    if request.method != "POST":
        return render(request, "accounts/app_off.html", {"is_last": not get_passkeys(user).exists()})
    try:
        turn_off_app(user=user)
    except NothingToChange:  # sent twice
        return redirect("mfa_index")
    renew_session(request)
    mail_person(user, "second_factor_off", subject="A second factor was removed", what="the authenticator app")
    messages.success(request, "The authenticator app was removed. Its codes no longer work.")
    return redirect("mfa_index")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@person_page
@recently_confirmed
@sensitive_variables("codes")
def recovery_codes(request: HttpRequest) -> HttpResponse:
    """Asks for confirmation; a POST creates new codes and shows them in this response only."""
    user = cast(User, request.user)
    if request.method != "POST":
        return render(request, "accounts/new_codes.html", {"is_on": has_second_factor(user)})
    try:
        codes = make_recovery_codes(user=user)
    except NothingToChange as error:
        messages.error(request, error.message)
        return redirect("mfa_index")
    mail_person(user, "recovery_codes", subject="New recovery codes were generated")
    return show_codes(request, codes)


@sensitive_variables("codes")
def after_adding(request: HttpRequest, codes: list[str], *, done: str) -> HttpResponse:
    """Finishes adding a factor. The first one brings recovery codes and signs the user out everywhere else.

    Anyone who is signed in there had only the password.
    """
    renew_session(request)
    if not codes:
        messages.success(request, done)
        return redirect("mfa_index")
    end_other_sessions(user=cast(User, request.user), keep=request.session.session_key)
    messages.success(request, "Two-factor sign-in is on. You have been signed out everywhere else.")
    return show_codes(request, codes)


@sensitive_variables("codes", "text")
def show_codes(request: HttpRequest, codes: list[str]) -> HttpResponse:
    """Shows the codes once. The download link contains them, because no later request can show them again."""
    text = "Recovery codes for Utterance. Each code works once.\r\n\r\n" + "\r\n".join(codes) + "\r\n"
    saved = base64.b64encode(text.encode()).decode()
    return render(request, "accounts/codes.html", {"codes": codes, "file": f"data:text/plain;base64,{saved}"})


# --- sessions ------------------------------------------------------------------------------------


@require_POST
@person_page
def sign_out_session(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    """Ends another session of the user. Sessions of other users are a 404; use sign-out for the current one."""
    user = cast(User, request.user)
    if any(row.pk == session_id and row.session_key == request.session.session_key for row in list_sessions(user=user)):
        messages.error(request, "This is your current session. To end it, sign out from the menu.")
        return redirect("mfa_index")
    ended = end_session(user=user, session_id=session_id)
    if ended is None:
        raise Http404
    messages.success(request, f"Signed out of {ended.browser}.")
    return redirect("mfa_index")


@require_POST
@person_page
def sign_out_others(request: HttpRequest) -> HttpResponse:
    renew_session(request)
    count = end_other_sessions(user=cast(User, request.user), keep=request.session.session_key)
    if count:
        messages.success(request, "You have been signed out everywhere else.")
    return redirect("mfa_index")


# --- asking for a code ------------------------------------------------------------------------------


@method_decorator([never_cache, sensitive_post_parameters("code", "credential")], name="dispatch")
class SecondFactor(mfa_views.AuthenticateView):
    """Asks for the second factor after the password, before the user is signed in."""

    http_method_names = PAGE_METHODS

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | _ways(cast(User, self.stage.login.user), context["form"])

    def form_invalid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_invalid(form)
        if getattr(form, "is_stopped", False):
            response.status_code = 429
            response.headers["Retry-After"] = str(PAUSE_SECONDS)
        return response


@method_decorator([never_cache, sensitive_post_parameters("password")], name="dispatch")
class ConfirmPassword(account_views.ReauthenticateView):
    http_method_names = PAGE_METHODS


@method_decorator([never_cache, sensitive_post_parameters("code")], name="dispatch")
class ConfirmCode(mfa_views.ReauthenticateView):
    """Asks for a code. The page's passkey button posts to `accounts.pages.passkeys`."""

    http_method_names = PAGE_METHODS

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | _ways(cast(User, self.request.user), context["form"])


def _ways(user: User, form: forms.Form) -> dict[str, Any]:
    """Returns the second factors that the user can use, for the template. A passkey signs `options`."""
    has_app = Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists()
    if not has_app:
        form.fields["code"].label = "Recovery code"
    return {
        "has_app": has_app,
        "options": json.dumps(request_options(user)) if get_passkeys(user).exists() else "",
    }

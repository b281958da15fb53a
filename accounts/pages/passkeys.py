"""Passkeys: signing in with one, and managing them on the security page.

The ceremony runs in the browser (static/js/passkeys.js) and its challenge is in the session.
`accounts.services.second_factor` adds and removes passkeys.
"""

import json
from collections.abc import Callable
from typing import Any, cast

from allauth.account.models import Login
from allauth.account.utils import get_next_redirect_url
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn import views as webauthn_views
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from accounts.allauth_internals import perform_passwordless_login, rate_limited
from accounts.errors import NothingToChange
from accounts.forms.passkeys import NewPasskeyForm, PasskeyNameForm, SignInPasskeyForm
from accounts.mails import mail_person
from accounts.membership import person_page
from accounts.models import User
from accounts.pages.second_factor import after_adding, recently_confirmed
from accounts.passkey_options import can_make_passkeys, creation_options, request_options
from accounts.services.second_factor import (
    MAX_PASSKEYS,
    add_passkey,
    get_passkeys,
    has_second_factor,
    remove_passkey,
    rename_passkey,
)
from accounts.services.sessions import renew_session
from accounts.user_agents import browser_words

View = Callable[..., HttpResponse]
options_are_counted: Callable[[View], View] = rate_limited(app="allauth.mfa", action="webauthn_options")
tries_are_counted: Callable[[View], View] = rate_limited(app="allauth.mfa", action="webauthn_login")

# --- sign-in -------------------------------------------------------------------------------------


@require_POST
@never_cache
@options_are_counted
def sign_in_options(request: HttpRequest) -> JsonResponse:
    """Returns the options to sign, as JSON. Fetched on demand, because most visitors do not use a passkey."""
    return JsonResponse(request_options())


@require_POST
@never_cache
@sensitive_post_parameters("password", "credential")
@tries_are_counted
def sign_in(request: HttpRequest) -> HttpResponse:
    """Signs in with the passkey, or returns to the sign-in page.

    Unknown passkeys, disabled users and wrong signatures get the same message.
    """
    form = SignInPasskeyForm(request.POST)
    next_url = get_next_redirect_url(request)
    if not form.is_valid():
        messages.error(request, form.refusal)
        query = f"?{urlencode({'next': next_url})}" if next_url else ""
        return redirect(reverse("account_login") + query)
    passkey: Authenticator = form.cleaned_data["credential"]
    login = Login(user=passkey.user, redirect_url=next_url)
    response: HttpResponse = perform_passwordless_login(request, passkey, login)
    request.session.set_expiry(settings.SESSION_COOKIE_AGE if request.POST.get("remember") else 0)
    return response


@method_decorator([never_cache, sensitive_post_parameters("credential")], name="dispatch")
class ConfirmPasskey(webauthn_views.ReauthenticateWebAuthnView):
    """Confirms with a passkey, posted by the page that asks for a code. Errors are shown on that page."""

    http_method_names = ["post"]  # noqa: RUF012

    def form_invalid(self, form: Any) -> HttpResponse:
        messages.error(self.request, form.refusal)
        return redirect(self.passthrough_next_url(reverse("mfa_reauthenticate")))


# --- the security page ---------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sensitive_post_parameters("credential")
@person_page
@recently_confirmed
@sensitive_variables("codes")
def add(request: HttpRequest) -> HttpResponse:
    user = cast(User, request.user)
    if request.method != "POST":
        initial = {"name": browser_words(request.headers.get("User-Agent", ""))}
        return _ask_for_one(request, NewPasskeyForm(user=user, initial=initial))
    form = NewPasskeyForm(request.POST, user=user)
    if not form.is_valid():
        return _ask_for_one(request, form)
    name = form.cleaned_data["name"]
    try:
        codes = add_passkey(user=user, name=name, credential=form.cleaned_data["credential"])
    except NothingToChange as error:
        messages.error(request, error.message)
        return redirect("mfa_index")
    mail_person(user, "second_factor_on", subject="A passkey was added", what=f"the passkey “{name}”")
    return after_adding(
        request, codes, done=f"The passkey “{name}” was added. You can use it the next time you sign in."
    )


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@person_page
def rename(request: HttpRequest, passkey_id: int) -> HttpResponse:
    user = cast(User, request.user)
    passkey = _mine(user, passkey_id)
    data = request.POST if request.method == "POST" else None
    form = PasskeyNameForm(data, initial={"name": passkey.data["name"]})
    if not form.is_valid():
        return render(request, "accounts/rename_passkey.html", {"form": form, "passkey": passkey})
    try:
        rename_passkey(user=user, passkey_id=passkey_id, name=form.cleaned_data["name"])
    except NothingToChange as error:
        messages.error(request, error.message)
    return redirect("mfa_index")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@person_page
@recently_confirmed
def remove(request: HttpRequest, passkey_id: int) -> HttpResponse:
    user = cast(User, request.user)
    passkey = _mine(user, passkey_id)
    if request.method != "POST":
        factors = Authenticator.objects.filter(user=user).exclude(type=Authenticator.Type.RECOVERY_CODES)
        context = {"passkey": passkey, "is_last": factors.count() == 1}
        return render(request, "accounts/remove_passkey.html", context)
    try:
        remove_passkey(user=user, passkey_id=passkey_id)
    except NothingToChange as error:
        messages.error(request, error.message)
        return redirect("mfa_index")
    renew_session(request)
    name = passkey.data["name"]
    mail_person(user, "second_factor_off", subject="A second factor was removed", what=f"the passkey “{name}”")
    messages.success(
        request, f"The passkey “{name}” was removed and no longer works. Delete it from your device as well."
    )
    return redirect("mfa_index")


def _ask_for_one(request: HttpRequest, form: NewPasskeyForm) -> HttpResponse:
    user = cast(User, request.user)
    context = {
        "form": form,
        "is_full": get_passkeys(user).count() >= MAX_PASSKEYS,
        "is_first": not has_second_factor(user),
        "can_make_passkeys": can_make_passkeys(request),
        "options": json.dumps(creation_options(user)),
    }
    return render(request, "accounts/add_passkey.html", context)


def _mine(user: User, passkey_id: int) -> Authenticator:
    passkey = get_passkeys(user).filter(pk=passkey_id).first()
    if passkey is None:
        raise Http404
    return passkey

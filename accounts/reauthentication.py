"""Asks for the password, and the second factor if there is one, before an irreversible change.

This protects against a page left open and against a leaked password.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from allauth.core import ratelimit
from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from accounts.allauth_internals import did_recently_reauthenticate
from accounts.models import User
from accounts.services.second_factor import has_second_factor

TOO_OFTEN = "Too many attempts. Wait a minute, then try again."


View = Callable[..., HttpResponse]


def is_second_factor_due(request: HttpRequest) -> bool:
    """Whether the user has a second factor and has not confirmed with it in the last five minutes."""
    return has_second_factor(cast(User, request.user)) and not did_recently_reauthenticate(request)


def second_factor_first(page: str = "") -> Callable[[View], View]:
    """Asks for the second factor, then redirects to the URL named `page`, by default the view's own.

    Goes below `person_page` or `member_page`. A form that is interrupted by it is not kept, because it has the
    password.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def asked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if is_second_factor_due(request):
                next_url = reverse(page) if page else request.path
                return redirect(f"{reverse('mfa_reauthenticate')}?{urlencode({'next': next_url})}")
            return view(request, *args, **kwargs)

        return asked

    return decorate


class ReauthenticationForm(forms.Form):
    """A form with the current password in the field `current`."""

    current = forms.CharField(
        label="Your password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": "Enter your password."},
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        self.user = user

    def clean_current(self) -> str:
        current: str = self.cleaned_data["current"]
        if not self.user.check_password(current):
            raise forms.ValidationError("Incorrect password.")
        return current


def is_confirmed(request: HttpRequest, form: forms.Form) -> bool:
    """Whether the form is valid, including the password. Attempts share the limit of every other password prompt."""
    if ratelimit.consume(request, action="reauthenticate", user=request.user):
        return form.is_valid()
    form.full_clean()
    form.add_error(None, TOO_OFTEN)
    return False

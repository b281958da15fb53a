"""The password, asked once more before something that cannot be taken back, and the second factor of who has one: a
page that was left open does nothing, nor does a password that leaked.
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
    """Whether the person has a second factor and has not confirmed with it in the last five minutes."""
    return has_second_factor(cast(User, request.user)) and not did_recently_reauthenticate(request)


def second_factor_first(page: str = "") -> Callable[[View], View]:
    """Asks for the second factor, then redirects to the URL named `page`, by default the view's own.

    Goes below `person_page` or `member_page`. A form that was sent unconfirmed is dropped: it holds the password.
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
    """A form with the password of now in its field `current`."""

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
    """Whether what was sent is right, password included. As many tries as wherever else it is asked again."""
    if ratelimit.consume(request, action="reauthenticate", user=request.user):
        return form.is_valid()
    form.full_clean()
    form.add_error(None, TOO_OFTEN)
    return False

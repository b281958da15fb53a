"""The password, asked once more before something that cannot be taken back: a page that was left open does nothing."""

from typing import Any

from allauth.core import ratelimit
from django import forms
from django.http import HttpRequest

from accounts.models import User

TOO_OFTEN = "There were too many tries. Wait a minute."


class PasswordAgainForm(forms.Form):
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
            raise forms.ValidationError("That is not your password.")
        return current


def is_confirmed(request: HttpRequest, form: forms.Form) -> bool:
    """Whether what was sent is right, password included. As many tries as wherever else it is asked again."""
    if ratelimit.consume(request, action="reauthenticate", user=request.user):
        return form.is_valid()
    form.full_clean()
    form.add_error(None, TOO_OFTEN)
    return False

"""What people type in to show who they are."""

from typing import Any

from django import forms
from django.contrib.auth import authenticate
from django.http import HttpRequest

from accounts.models import User

MISMATCH = "That email and password do not match. Check both."


class SignInForm(forms.Form):
    """Email and password. Unknown, disabled and mistyped: one answer, one time (Django hashes for all)."""

    email = forms.EmailField(
        label="Email",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}),
        error_messages={
            "required": "Enter your email.",
            "invalid": "Enter an email like name@example.com.",
            "max_length": "Enter an email of at most 254 characters.",
        },
    )
    password = forms.CharField(
        label="Password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": "Enter your password."},
    )

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        self.request = request
        self.user: User | None = None

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if "email" in data and "password" in data:
            user = authenticate(self.request, username=data["email"], password=data["password"])
            if not isinstance(user, User):
                self._mark_both_fields()
                raise forms.ValidationError(MISMATCH)
            self.user = user
        return data

    def _mark_both_fields(self) -> None:
        """Either may be wrong. The page says so once, in the element `problem`."""
        for field in self.fields.values():
            field.widget.attrs |= {"aria-invalid": "true", "aria-describedby": "problem"}
        # The email is still there; the password has to be typed again.
        self.fields["password"].widget.attrs["autofocus"] = self.fields["email"].widget.attrs.pop("autofocus")

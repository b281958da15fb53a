"""What people type in on the settings page: another address, another password, the account's name."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import validate_password

from accounts.forms.auth import EMAIL_MESSAGES, PASSWORD_HINT
from accounts.reauthentication import ReauthenticationForm


class EmailForm(ReauthenticationForm):
    field_order = ("email", "current")

    email = forms.EmailField(
        label="New email",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        error_messages=EMAIL_MESSAGES,
    )

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].lower()
        if email == self.user.email.lower():
            raise forms.ValidationError("That is your email already.")
        return email


class PasswordForm(ReauthenticationForm):
    field_order = ("current", "password")

    password = forms.CharField(
        label="New password",
        strip=False,
        help_text=PASSWORD_HINT,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "minlength": "12"}),
        error_messages={"required": "Choose a password."},
    )

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        validate_password(password, self.user)
        return password


class AccountForm(forms.Form):
    name = forms.CharField(
        label="Account name",
        max_length=120,
        help_text="On invitations, and wherever you switch accounts.",
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
        error_messages={"required": "Name the account.", "max_length": "Use at most 120 characters."},
    )
    retention_days = forms.IntegerField(
        label="Days that text and audio are kept",
        required=False,
        min_value=1,
        help_text="Then they are erased for good. What is older than a shorter time goes within seconds.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        longest = settings.AUDIO_RETENTION_DAYS
        field = self.fields["retention_days"]
        assert isinstance(field, forms.IntegerField)
        field.widget.attrs["max"] = longest
        field.widget.attrs["placeholder"] = str(longest)
        field.error_messages["invalid"] = f"Enter a number from 1 to {longest}, or leave it empty."

    def clean_retention_days(self) -> int | None:
        days: int | None = self.cleaned_data["retention_days"]
        if days is not None and days > settings.AUDIO_RETENTION_DAYS:
            raise forms.ValidationError(f"Nothing is kept here for longer than {settings.AUDIO_RETENTION_DAYS} days.")
        return days

"""Forms of the settings page: a new email address, a new password, the account's name."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import validate_password

from accounts.forms.account_name import account_name_field
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
            raise forms.ValidationError("This is already your email address.")
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
    name = account_name_field(help_text="Shown on invitations and in the account switcher.")
    retention_days = forms.IntegerField(
        label="Data retention, days",
        required=False,
        min_value=1,
        help_text=(
            "Text and audio are permanently deleted after this time. "
            "If you shorten it, older data is deleted within seconds."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        longest = settings.AUDIO_RETENTION_DAYS
        field = self.fields["retention_days"]
        assert isinstance(field, forms.IntegerField)
        field.widget.attrs["max"] = longest
        field.widget.attrs["placeholder"] = str(longest)
        field.error_messages["invalid"] = f"Enter a number from 1 to {longest}, or leave this empty."

    def clean_retention_days(self) -> int | None:
        days: int | None = self.cleaned_data["retention_days"]
        if days is not None and days > settings.AUDIO_RETENTION_DAYS:
            raise forms.ValidationError(f"This server keeps data for at most {settings.AUDIO_RETENTION_DAYS} days.")
        return days

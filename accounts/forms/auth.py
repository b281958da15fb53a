"""Forms to sign up, sign in, choose a new password and create an API key."""

import copy
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from allauth.account import forms as allauth_forms
from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import HttpRequest
from django.utils import timezone

from accounts.errors import EmailTaken
from accounts.forms.account_name import account_name_field
from accounts.models import User
from accounts.services.api_keys import MAX_NAME_CHARACTERS
from accounts.services.tenants import create_account

PASSWORD_HINT = "At least 12 characters. A short sentence works well."  # noqa: S105
EMAIL_MESSAGES = {
    "required": "Enter your email.",
    "invalid": "Enter an email address such as name@example.com.",
    "max_length": "Enter an email address of at most 254 characters.",
}


class SignInForm(allauth_forms.LoginForm):
    """Email and password.

    Unknown address, disabled user and wrong password get the same answer in the same time (allauth hashes in all
    cases).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        _set(self.fields["login"], label="Email", messages=EMAIL_MESSAGES, autocomplete="username", autofocus=True)
        _set(self.fields["password"], messages={"required": "Enter your password."}, autocomplete="current-password")
        self.fields["remember"].initial = True

    @property
    def is_stopped(self) -> bool:
        """Whether there were too many failed attempts."""
        return bool(self.is_bound and self.has_error(NON_FIELD_ERRORS, "too_many_login_attempts"))

    def full_clean(self) -> None:
        super().full_clean()
        if self.is_bound and self.has_error(NON_FIELD_ERRORS):
            self._mark_both_fields()

    def _mark_both_fields(self) -> None:
        """Marks both fields as invalid: either may be wrong.

        The page shows the message once, in the element `problem`.
        """
        for name in ("login", "password"):
            self.fields[name].widget.attrs |= {"aria-invalid": "true", "aria-describedby": "problem"}
        # The email is still filled in; only the password has to be typed again.
        self.fields["login"].widget.attrs.pop("autofocus", None)
        self.fields["password"].widget.attrs["autofocus"] = True


class SignUpForm(allauth_forms.SignupForm):
    """Creates a user and their account.

    If the address is taken, the answer is the same and the owner of the address gets an email.
    """

    field_order = ("email", "account_name", "password1")
    account_already_exists: bool

    account_name = account_name_field(help_text="Your team, company or own name.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        _set(self.fields["email"], messages=EMAIL_MESSAGES, autocomplete="username", autofocus=True)
        self.fields["email"].help_text = "We will send you an email to confirm it."
        _set_new_password(self.fields["password1"])

    def try_save(self, request: HttpRequest) -> tuple[Any, Any]:
        if self.account_already_exists:
            self._spend_the_time_of_a_hash()
        try:
            result: tuple[Any, Any] = super().try_save(request)
        except EmailTaken:  # someone else submitted the form at the same moment
            self.account_already_exists = True
            result = super().try_save(request)
        return result

    def save(self, request: HttpRequest) -> User:
        data = self.cleaned_data
        account = create_account(
            email=data["email"], password=data["password1"], name=data["account_name"], is_email_confirmed=False
        )
        return User.objects.get(memberships__account=account)

    def _spend_the_time_of_a_hash(self) -> None:
        """Hashes a password, so that a taken address cannot be recognized by a faster answer."""
        User().set_password(self.cleaned_data["password1"])


class ForgottenPasswordForm(allauth_forms.ResetPasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        _set(self.fields["email"], messages=EMAIL_MESSAGES, autocomplete="username", autofocus=True)


class NewPasswordForm(allauth_forms.ResetPasswordKeyForm):
    """Asks for the password once, as at sign-up: browsers can show and save it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        del self.fields["password2"]
        _set_new_password(self.fields["password1"])
        self.fields["password1"].label = "New password"


def _set(field: Any, *, messages: dict[str, str], label: str = "", **attributes: Any) -> None:
    """Sets our label, messages and attributes, and removes the placeholder."""
    field.label = label or field.label
    field.help_text = ""
    field.error_messages |= messages
    # Copy the validators: Django shares them between fields, and the others keep their own messages.
    field.validators = [copy.copy(validator) for validator in field.validators]
    for validator in field.validators:
        validator.message = messages.get(getattr(validator, "code", ""), validator.message)
    field.widget.attrs.pop("placeholder", None)
    field.widget.attrs |= attributes


def _set_new_password(field: Any) -> None:
    _set(field, messages={"required": "Choose a password."}, autocomplete="new-password", minlength="12")
    field.help_text = PASSWORD_HINT


# --- API keys ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ScopeWords:
    name: str
    note: str

    def __str__(self) -> str:
        return self.name


SCOPE_CHOICES = [
    ("speech:write", ScopeWords("Create speech", "spend credits, cancel and delete jobs")),
    ("speech:read", ScopeWords("Read jobs", "view status and audio")),
]
EXPIRY_CHOICES = [
    ("90", "In 90 days"),
    ("30", "In 30 days"),
    ("365", "In one year"),
    ("date", "On a date"),
    ("", "Never"),
]
MAX_LIFE = timedelta(days=3650)


class KeyForm(forms.Form):
    """A new API key. The hidden token makes a form that is submitted twice create one key."""

    name = forms.CharField(
        label="Name",
        max_length=MAX_NAME_CHARACTERS,
        help_text="The application that will use the key.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={
            "required": "Enter the name of the application that will use the key.",
            "max_length": f"Use at most {MAX_NAME_CHARACTERS} characters.",
        },
    )
    expires = forms.ChoiceField(
        label="Expires",
        choices=EXPIRY_CHOICES,
        initial="90",
        required=False,
        error_messages={"invalid_choice": "Choose an option from the list."},
    )
    expires_on = forms.DateField(
        label="Expiration date",
        required=False,
        help_text="The key's last day, UTC. Only if you chose “On a date”.",
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={"invalid": "Enter a date such as 2027-01-31."},
    )
    scopes = forms.MultipleChoiceField(
        label="Permissions",
        choices=SCOPE_CHOICES,
        initial=[scope for scope, _ in SCOPE_CHOICES],
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "required": "Choose at least one permission.",
            "invalid_choice": "Choose an option from the list.",
        },
    )
    token = forms.CharField(widget=forms.HiddenInput, max_length=64, initial=lambda: str(uuid.uuid4()))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if data.get("expires") == "date" and "expires_on" not in self.errors:
            last_day: date | None = data["expires_on"]
            today = timezone.now().date()
            if last_day is None:
                self.add_error("expires_on", "Enter an expiration date.")
            elif not today <= last_day <= today + MAX_LIFE:
                self.add_error("expires_on", "Enter a date between today and ten years from now.")
        return data

    def expires_at(self) -> datetime | None:
        """When the key of a valid form expires (UTC), or None for never. A date means the end of that day."""
        match self.cleaned_data["expires"]:
            case "":
                return None
            case "date":
                return datetime.combine(self.cleaned_data["expires_on"] + timedelta(days=1), time(), UTC)
            case days:
                return timezone.now() + timedelta(days=int(days))


OVERLAP_CHOICES = [
    (24, "For another 24 hours"),
    (1, "For another hour"),
    (168, "For another week"),
    (0, "Stops working immediately"),
]


class RotationForm(forms.Form):
    """How long the old secret keeps working.

    `last_four` identifies the secret to replace, so a form that is submitted twice rotates once.
    """

    overlap_hours = forms.TypedChoiceField(
        label="Old secret",
        choices=OVERLAP_CHOICES,
        coerce=int,
        initial=24,
        help_text="Allow enough time to update every application.",
        error_messages={
            "invalid_choice": "Choose an option from the list.",
            "required": "Choose an option from the list.",
        },
    )
    last_four = forms.CharField(widget=forms.HiddenInput, max_length=4)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""

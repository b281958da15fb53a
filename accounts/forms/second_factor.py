"""Forms for the second factor: a code, or the current password."""

from typing import Any

from allauth.account import forms as allauth_forms
from allauth.mfa.base import forms as mfa_forms
from allauth.mfa.models import Authenticator
from allauth.mfa.totp import forms as totp_forms
from django import forms
from django.core.cache import cache

TOO_MANY_CODES = "Too many incorrect codes. Wait 15 minutes, then try again."
REQUIRED = {"required": "Enter the code."}
CODE_LIVES_SECONDS = 120  # longer than any code is valid (MFA_TOTP_TOLERANCE)


def is_stopped(form: forms.Form) -> bool:
    """Whether there were too many wrong codes or passkeys."""
    codes = {error.code for errors in form.errors.as_data().values() for error in errors}
    return bool(codes & {"too_many_login_attempts", "rate_limited"})


class _CodeForm(forms.Form):
    """A mixin that sets our messages on the field `code`."""

    authenticator: Authenticator

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        field = self.fields["code"]
        field.label = "Code"
        field.error_messages |= REQUIRED
        field.widget.attrs.pop("placeholder", None)
        field.widget.attrs |= {"autocomplete": "one-time-code", "spellcheck": "false", "autofocus": True}

    @property
    def is_stopped(self) -> bool:
        """Whether there were too many wrong codes."""
        return self.is_bound and is_stopped(self)


class _SignInCodeForm(_CodeForm):
    def clean_code(self) -> str:
        """Accepts each code of an app once.

        allauth remembers a used code for only 30 seconds, but the tolerance makes a code valid for longer.
        """
        try:
            code = str(super().clean_code())  # type: ignore[misc]
        except forms.ValidationError as error:
            if error.code == "too_many_login_attempts":
                raise forms.ValidationError(TOO_MANY_CODES, code=error.code) from None
            raise
        is_app = self.authenticator.type == Authenticator.Type.TOTP
        key = f"totp-used:{self.authenticator.pk}:{''.join(filter(str.isalnum, code))}"
        if is_app and not cache.add(key, "y", CODE_LIVES_SECONDS):
            raise forms.ValidationError("That code has already been used. Wait for the next one.")
        return code


class SecondFactorForm(_SignInCodeForm, mfa_forms.AuthenticateForm):
    """Asks at sign-in, after the password, for a code of the app or a recovery code."""


class ConfirmCodeForm(_SignInCodeForm, mfa_forms.ReauthenticateForm):
    """Asks for a code before a change to security settings."""


class AppForm(_CodeForm, totp_forms.ActivateTOTPForm):
    """Proves that the app has the secret. `secret` (base32) is in the session until then."""


class ConfirmPasswordForm(allauth_forms.ReauthenticateForm):
    """Asks users without a second factor for their password before a change to security settings."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        field = self.fields["password"]
        field.help_text = ""
        field.error_messages |= {"required": "Enter your password."}
        field.widget.attrs.pop("placeholder", None)
        field.widget.attrs |= {"autofocus": True}

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if not self.user.check_password(password):
            raise forms.ValidationError("Incorrect password.")
        return password

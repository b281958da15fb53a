"""What a browser sends about a passkey: a new passkey, or proof that the user has one.

fido2 does the cryptography; django-allauth keeps the challenge in the session. Neither validates all of its input, so
every error that they raise about it becomes the same refusal here.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn import forms as webauthn_forms
from django import forms
from fido2.utils import websafe_encode
from fido2.webauthn import RegistrationResponse

from accounts.forms.second_factor import TOO_MANY_CODES, is_stopped

MAX_NAME_CHARS = 60
MAX_CREDENTIAL_CHARS = 64 * 1024  # far more than browsers send; the longest, attestations, take a few kilobytes
REFUSED = "The passkey was not accepted. Try again."
NOT_FROM_THE_BROWSER = {"required": "The browser did not send a passkey. Try again.", "invalid": REFUSED}


# What fido2 raises, besides ValueError, for input that is invalid CBOR, an invalid key or truncated. Found by trying.
MADE_UP = (AssertionError, AttributeError, LookupError, NotImplementedError, RecursionError, TypeError, struct.error)


class _CredentialForm(forms.Form):
    """A mixin for the field that the script fills in. Its errors become the form's, because the field is hidden."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        self.fields["credential"] = _CredentialField(error_messages=NOT_FROM_THE_BROWSER)

    @property
    def refusal(self) -> str:
        """Why the passkey was refused."""
        return str(self.non_field_errors()[0])

    def full_clean(self) -> None:
        super().full_clean()
        if "credential" in self.errors:
            self.add_error(None, self.errors.pop("credential").as_data())


class NewPasskeyForm(_CredentialForm, webauthn_forms.SignupWebAuthnForm):
    """A name and the new credential. The passkey works without an email and requires a fingerprint, face or PIN."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"] = name_field()

    def clean(self) -> dict[str, Any]:
        with _refusing_garbage():
            cleaned = super().clean() or {}
            if "credential" in cleaned:
                cleaned["credential"] = _to_keep(cleaned["credential"])
        return cleaned


class PasskeyNameForm(forms.Form):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        self.fields["name"] = name_field()
        self.fields["name"].widget.attrs["autofocus"] = True


class _ProofForm(_CredentialForm):
    @property
    def is_stopped(self) -> bool:
        """Whether there were too many failed attempts."""
        return self.is_bound and is_stopped(self)

    def clean_credential(self) -> Authenticator:
        with _refusing_garbage():
            passkey: Authenticator = super().clean_credential()  # type: ignore[misc]
        if not passkey.user.is_active:
            raise forms.ValidationError(REFUSED, code="incorrect_code")
        return passkey


class SignInPasskeyForm(_ProofForm, webauthn_forms.LoginWebAuthnForm):
    """Signs in with a passkey instead of email and password. The passkey identifies the user."""


class SecondFactorPasskeyForm(_ProofForm, webauthn_forms.AuthenticateWebAuthnForm):
    """Asks for a passkey at sign-in, after the password."""


class ConfirmPasskeyForm(_ProofForm, webauthn_forms.ReauthenticateWebAuthnForm):
    """Asks for a passkey before a change to security settings."""


def name_field() -> forms.CharField:
    return forms.CharField(
        label="Name",
        max_length=MAX_NAME_CHARS,
        help_text="A name you will recognize, such as the device or password manager that stores the passkey.",
        error_messages={
            "required": "Enter a name for the passkey.",
            "max_length": f"Use at most {MAX_NAME_CHARS} characters.",
        },
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


def _to_keep(credential: dict[str, Any]) -> dict[str, Any]:
    """Returns only the parts of a credential that a later sign-in needs, without anything else the browser sent."""
    parsed = RegistrationResponse.from_dict(credential)
    attested = parsed.response.attestation_object
    assert attested.auth_data.credential_data is not None  # allauth has verified this
    credential_id = websafe_encode(attested.auth_data.credential_data.credential_id)
    response = {"clientDataJSON": parsed.response.client_data, "attestationObject": attested}
    return {
        "id": credential_id,
        "rawId": credential_id,
        "type": "public-key",
        "response": {name: websafe_encode(value) for name, value in response.items()},
    }


class _CredentialField(forms.JSONField):
    widget = forms.HiddenInput

    def to_python(self, value: Any) -> Any:
        if len(str(value or "")) > MAX_CREDENTIAL_CHARS:
            raise forms.ValidationError(REFUSED, code="invalid")
        try:
            return super().to_python(value)
        except RecursionError:  # deeply nested arrays
            raise forms.ValidationError(REFUSED, code="invalid") from None


@contextmanager
def _refusing_garbage() -> Iterator[None]:
    try:
        yield
    except forms.ValidationError as error:
        words = TOO_MANY_CODES if error.code == "too_many_login_attempts" else REFUSED
        raise forms.ValidationError(words, code=error.code) from None
    except (ValueError, *MADE_UP):
        raise forms.ValidationError(REFUSED, code="incorrect_code") from None

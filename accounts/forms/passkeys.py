"""What a browser sends about a passkey: a new one, or the proof that somebody has one of theirs.

The cryptography is fido2's, the challenge in the session django-allauth's. What anybody may send is not taken for
granted by either: whatever they raise about it is one refusal here.
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
MAX_CREDENTIAL_CHARS = 64 * 1024  # many times what browsers send; the longest are attestations, a few kilobytes
REFUSED = "The passkey was not accepted. Try again."
NOT_FROM_THE_BROWSER = {"required": "The browser did not send a passkey. Try again.", "invalid": REFUSED}


# What fido2 raises, besides ValueError, about bytes that are no CBOR, no key or no end: found by feeding it such.
MADE_UP = (AssertionError, AttributeError, LookupError, NotImplementedError, RecursionError, TypeError, struct.error)


class _CredentialForm(forms.Form):
    """A mixin: the field that the script fills in, and our words about it, said of the form: nobody sees the field."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        self.fields["credential"] = _CredentialField(error_messages=NOT_FROM_THE_BROWSER)

    @property
    def refusal(self) -> str:
        """Why it was not taken."""
        return str(self.non_field_errors()[0])

    def full_clean(self) -> None:
        super().full_clean()
        if "credential" in self.errors:
            self.add_error(None, self.errors.pop("credential").as_data())


class NewPasskeyForm(_CredentialForm, webauthn_forms.SignupWebAuthnForm):
    """A name, and what the browser made. Such a passkey is found without an email, and asks for finger, face or PIN."""

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
        """Too many tries failed."""
        return self.is_bound and is_stopped(self)

    def clean_credential(self) -> Authenticator:
        with _refusing_garbage():
            passkey: Authenticator = super().clean_credential()  # type: ignore[misc]
        if not passkey.user.is_active:
            raise forms.ValidationError(REFUSED, code="incorrect_code")
        return passkey


class SignInPasskeyForm(_ProofForm, webauthn_forms.LoginWebAuthnForm):
    """Instead of email and password. It says itself whose it is."""


class SecondFactorPasskeyForm(_ProofForm, webauthn_forms.AuthenticateWebAuthnForm):
    """At the sign-in, after the password."""


class ConfirmPasskeyForm(_ProofForm, webauthn_forms.ReauthenticateWebAuthnForm):
    """Before something about security is changed."""


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
    """What a later sign-in is proved by, and nothing else that a browser may have sent along."""
    parsed = RegistrationResponse.from_dict(credential)
    attested = parsed.response.attestation_object
    assert attested.auth_data.credential_data is not None  # allauth proved it
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
        except RecursionError:  # brackets in brackets
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

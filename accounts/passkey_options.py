"""Options for the browser to create a passkey or to sign with one. The challenge stays in the session."""

import json
from ipaddress import ip_address
from typing import Any

from django.http import HttpRequest
from django.http.request import split_domain_port

from accounts.allauth_internals import begin_authentication, begin_registration
from accounts.models import User


def creation_options(user: User) -> dict[str, Any]:
    """Returns PublicKeyCredentialCreationOptionsJSON (WebAuthn, level 3).

    The passkey works without an email and requires a fingerprint, face or PIN.
    """
    return _as_json(begin_registration(user, passwordless=True))


def request_options(user: User | None = None) -> dict[str, Any]:
    """Returns PublicKeyCredentialRequestOptionsJSON for a passkey of the user, or without a user for any passkey."""
    return _as_json(begin_authentication(user))


def can_make_passkeys(request: HttpRequest) -> bool:
    """Whether the browser can create passkeys here: they belong to a host name, not an IP address."""
    domain, _ = split_domain_port(request.get_host())
    try:
        ip_address(domain.strip("[]"))
    except ValueError:
        return True
    return False


def _as_json(options: dict[str, Any]) -> dict[str, Any]:
    """Converts fido2's mappings to dicts, with bytes as base64url."""
    plain: dict[str, Any] = json.loads(json.dumps(options, default=dict))["publicKey"]
    return plain

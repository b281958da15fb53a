"""What a browser is asked for when it is to make a passkey, or to sign with one. The challenge stays in the session."""

import json
from ipaddress import ip_address
from typing import Any

from django.http import HttpRequest
from django.http.request import split_domain_port

from accounts.allauth_internals import begin_authentication, begin_registration
from accounts.models import User


def creation_options(user: User) -> dict[str, Any]:
    """PublicKeyCredentialCreationOptionsJSON of WebAuthn, level 3: found without an email, used with finger, face or
    PIN.
    """
    return _as_json(begin_registration(user, passwordless=True))


def request_options(user: User | None = None) -> dict[str, Any]:
    """PublicKeyCredentialRequestOptionsJSON: for one of the user's passkeys; without a user, for whichever there is."""
    return _as_json(begin_authentication(user))


def can_make_passkeys(request: HttpRequest) -> bool:
    """They belong to the name of a host: no browser makes one for an IP address."""
    domain, _ = split_domain_port(request.get_host())
    try:
        ip_address(domain.strip("[]"))
    except ValueError:
        return True
    return False


def _as_json(options: dict[str, Any]) -> dict[str, Any]:
    """fido2's mappings as dicts, binary in base64url."""
    plain: dict[str, Any] = json.loads(json.dumps(options, default=dict))["publicKey"]
    return plain

"""The parts of django-allauth that are not its public API. Import them only from here.

Any release may change them. `tests/accounts/test_allauth_internals.py` names the release and the signatures that this
code was checked against, and fails for any other.
"""

from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from allauth.core.internal.ratelimit import decorator as rate_limited
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, clear_totp_secret
from allauth.mfa.webauthn.internal.auth import WebAuthn, begin_authentication, begin_registration
from allauth.mfa.webauthn.internal.flows import perform_passwordless_login

__all__ = [
    "TOTP",
    "RecoveryCodes",
    "WebAuthn",
    "begin_authentication",
    "begin_registration",
    "clear_totp_secret",
    "did_recently_reauthenticate",
    "perform_passwordless_login",
    "rate_limited",
]

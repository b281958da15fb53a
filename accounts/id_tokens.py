"""Verifies ID tokens of OpenID Connect.

The operator chooses the issuers (OIDC_ISSUERS); tokens of any other issuer are refused. The checks, and why the email
is used only the first time, are in OpenID Connect Core 1.0, sections 3.1.3.7 and 5.7. `services.identities` maps a
token to a user.
"""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from django.conf import settings

from accounts.errors import IssuerUnavailable
from config.env import Issuer
from config.errors import Unauthorized

logger = logging.getLogger(__name__)

ALGORITHMS = ("RS256", "ES256")
MAX_TOKEN_CHARACTERS = 8192
MAX_SUBJECT_CHARACTERS = 128
CLOCK_SKEW_SECONDS = 5  # for an issuer whose clock is ahead; it does not extend a token's lifetime
KEYS_LIVE_SECONDS = 3600.0
ASK_AGAIN_SECONDS = 60.0  # between fetches: unknown key IDs must not let callers trigger a request each time
FETCH_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Identity:
    """What a valid token says. The issuer has confirmed the email."""

    issuer: str
    subject: str
    email: str


def read_id_token(token: str) -> Identity:
    """Returns the identity in a token.

    Raises Unauthorized, or IssuerUnavailable if the issuer's keys are unavailable.
    """
    try:
        return _read(token)
    except jwt.ExpiredSignatureError:
        raise Unauthorized("This ID token has expired. Get a new one.") from None
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        # Do not say which check failed: that would only help attackers.
        raise Unauthorized("This ID token is invalid.") from None


def is_id_token(text: str) -> bool:
    """Whether the text has the three parts of a JWT. API keys contain no dots."""
    return text.count(".") == 2


def _read(token: str) -> Identity:
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise ValueError
    header = jwt.get_unverified_header(token)
    claimed = jwt.decode(token, options={"verify_signature": False})
    issuer = next((candidate for candidate in settings.OIDC_ISSUERS if candidate.issuer == claimed.get("iss")), None)
    if issuer is None or header.get("alg") not in ALGORITHMS or not isinstance(header.get("kid"), str):
        raise ValueError
    key = _get_keys(issuer).find(header["kid"])
    claims = jwt.decode(
        token,
        key.key,
        algorithms=[_get_algorithm(key, header["alg"])],
        audience=issuer.audience,
        issuer=issuer.issuer,
        leeway=CLOCK_SKEW_SECONDS,
        options={"require": ["iss", "aud", "exp", "iat", "sub"]},
    )
    _check_claims(claims)
    return Identity(issuer.issuer, claims["sub"], claims["email"])


def _get_algorithm(key: jwt.PyJWK, asked: str) -> str:
    """Returns the key's own algorithm. Raises ValueError if the token names another one.

    If the token could choose, an attacker could use the public key as a shared secret.
    """
    kinds = {"RSA": "RS256", "EC": "ES256"}
    own = key._jwk_data.get("alg") or kinds.get(str(key.key_type))
    if own != asked or key.public_key_use not in {None, "sig"}:
        raise ValueError
    return asked


def _check_claims(claims: Mapping[str, Any]) -> None:
    now = time.time()
    if claims["exp"] <= now:
        raise jwt.ExpiredSignatureError
    subject, auth_time, email = claims["sub"], claims.get("auth_time"), claims.get("email")
    if not isinstance(subject, str) or not 1 <= len(subject) <= MAX_SUBJECT_CHARACTERS or "\0" in subject:
        raise ValueError
    if auth_time is not None and not (
        isinstance(auth_time, int | float) and not isinstance(auth_time, bool) and auth_time <= now + CLOCK_SKEW_SECONDS
    ):
        raise ValueError
    if claims.get("email_verified") is not True or not isinstance(email, str) or "@" not in email or "\0" in email:
        raise ValueError


class _Keys:
    """An issuer's public keys. They are fetched once an hour, and when a token names an unknown key."""

    def __init__(self, issuer: Issuer) -> None:
        self._client = jwt.PyJWKClient(issuer.jwks_url, cache_jwk_set=False, timeout=FETCH_SECONDS)
        self._lock = threading.Lock()
        self._keys: dict[str, jwt.PyJWK] = {}
        self._asked_at = self._got_at = float("-inf")

    def find(self, kid: str) -> jwt.PyJWK:
        """Returns a key by its ID.

        Raises ValueError if the issuer does not have it, or IssuerUnavailable if its keys could not be fetched.
        """
        with self._lock:
            now = time.monotonic()
            is_stale = kid not in self._keys or now - self._got_at > KEYS_LIVE_SECONDS
            if is_stale and now - self._asked_at > ASK_AGAIN_SECONDS:
                self._asked_at = now
                self._fetch(now)
            if not self._keys:
                raise IssuerUnavailable
            if kid not in self._keys:
                raise ValueError(kid)
            return self._keys[kid]

    def _fetch(self, now: float) -> None:
        """Fetches the keys. If the issuer does not answer, the current keys are kept."""
        try:
            found = self._client.get_jwk_set(refresh=True)
        except (jwt.PyJWTError, ValueError) as error:
            logger.warning("could not fetch an issuer's keys: %s", type(error).__name__)
            return
        self._keys = {key.key_id: key for key in found.keys if key.key_id}
        self._got_at = now


_cache: dict[Issuer, _Keys] = {}
_cache_lock = threading.Lock()


def _get_keys(issuer: Issuer) -> _Keys:
    with _cache_lock:
        return _cache.setdefault(issuer, _Keys(issuer))

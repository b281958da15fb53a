"""Adapts django-allauth's second factor: names, messages, and the encryption of its secrets. Owns no state.

A secret is needed at every sign-in, so it is encrypted instead of hashed, with keys derived from SECRET_KEY and
SECRET_KEY_FALLBACKS.
"""

import base64
import logging
import secrets

from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils.crypto import salted_hmac

logger = logging.getLogger(__name__)

SALT = "accounts.second_factor"


class SecondFactorAdapter(DefaultMFAAdapter):
    """Implements `settings.MFA_ADAPTER`."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": "That code is incorrect or has already been used. Wait for the next one.",
        "unverified_email": "Confirm your email address first. Check your email for the link.",
    }

    def get_totp_issuer(self) -> str:
        return "Utterance"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Returns the site that passkeys belong to: the request's host, with our name."""
        entity: dict[str, str] = super().get_public_key_credential_rp_entity()
        return entity | {"name": "Utterance"}

    def encrypt(self, text: str) -> str:
        return _fernet().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Decrypts a secret. If no key can, returns a random secret, which no code ever matches."""
        try:
            return _fernet().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            logger.error("could not decrypt a second factor: SECRET_KEY has changed since it was set up")
            return base64.b32encode(secrets.token_bytes(20)).decode()


def _fernet() -> MultiFernet:
    return MultiFernet([_key(secret) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _key(secret: str | bytes) -> Fernet:
    digest = salted_hmac(SALT, "", secret=secret, algorithm="sha256").digest()
    return Fernet(base64.urlsafe_b64encode(digest))

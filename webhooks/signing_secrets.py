"""Signing secrets, and how they are kept: encrypted with WEBHOOK_SECRET_KEYS.

Unlike an API key a secret has to be read again, at every attempt; so it is encrypted and not hashed. The first key
encrypts, all of them decrypt: put a new one in front, run `manage.py rotate_webhook_keys`, then take the old one out.
"""

import secrets

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings

SECRET_BYTES = 32  # 64 hexadecimal characters


def generate_secret() -> str:
    return secrets.token_hex(SECRET_BYTES)


def encrypt(secret: str) -> str:
    return _fernet().encrypt(secret.encode()).decode()


def decrypt(token: str) -> str:
    """Raises cryptography.fernet.InvalidToken when none of the keys made it."""
    return _fernet().decrypt(token.encode()).decode()


def rotate(token: str) -> str:
    """The same secret, encrypted with the first key."""
    return _fernet().rotate(token.encode()).decode()


def _fernet() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.WEBHOOK_SECRET_KEYS])

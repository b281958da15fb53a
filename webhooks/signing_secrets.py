"""Signing secrets, encrypted with WEBHOOK_SECRET_KEYS.

Unlike an API key, a secret is needed again for every attempt, so it is encrypted instead of hashed. The first key
encrypts; all of them decrypt. To rotate, put a new key in front, run `manage.py rotate_webhook_keys`, then remove the
old one.
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
    """Decrypts a secret. Raises cryptography.fernet.InvalidToken if none of the keys can."""
    return _fernet().decrypt(token.encode()).decode()


def rotate(token: str) -> str:
    """Encrypts the same secret with the first key."""
    return _fernet().rotate(token.encode()).decode()


def _fernet() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.WEBHOOK_SECRET_KEYS])

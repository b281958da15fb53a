"""The format of an API key: `tts_`, 30 random base62 characters, 6 base62 characters of their CRC32.

This module owns the format and the hash; it stores nothing. The checksum lets us refuse a mistyped key without a
database query, and lets secret scanners recognize a key. The 30 characters carry 178 bits.
"""

import hashlib
import re
import secrets
import string
import zlib

SCOPES = ("speech:write", "speech:read")
PREFIX = "tts_"
ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
RANDOM_LENGTH = 30
CHECKSUM_LENGTH = 6  # 62**6 > 2**32
FORMAT = re.compile(rf"{PREFIX}([0-9A-Za-z]{{{RANDOM_LENGTH}}})([0-9A-Za-z]{{{CHECKSUM_LENGTH}}})")


def generate_key() -> str:
    body = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_LENGTH))
    return PREFIX + body + checksum(body)


def is_well_formed(key: str) -> bool:
    match = FORMAT.fullmatch(key)
    return match is not None and checksum(match[1]) == match[2]


def digest(key: str) -> str:
    """Returns the hexadecimal SHA-256. It needs no salt and no slow hash: the key is random and cannot be guessed."""
    return hashlib.sha256(key.encode()).hexdigest()


def checksum(body: str) -> str:
    number = zlib.crc32(body.encode())
    digits = ""
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits

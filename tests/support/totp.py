"""An app that makes codes, as RFC 6238 says."""

import base64
import hmac
import time


def code_of(secret: str, *, steps: int = 0) -> str:
    """The code of this half minute, or of one so many `steps` away."""
    counter = int(time.time()) // 30 + steps
    digest = hmac.digest(base64.b32decode(secret), counter.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 15
    return f"{(int.from_bytes(digest[offset : offset + 4], 'big') & 0x7FFFFFFF) % 10**6:06}"

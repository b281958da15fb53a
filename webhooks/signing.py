"""Signs requests, with our own header and the three headers of Standard Webhooks.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md. There, a secret is `whsec_`
and the base64 of the key. Our key is the characters of the secret as they are shown.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence


def signature_headers(*, secrets: Sequence[str], delivery_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Returns headers signed with each of `secrets`, newest first. `timestamp` is the attempt's, in Unix seconds."""
    ours = [_hmac(secret, f"{timestamp}.", body).hex() for secret in secrets]
    standard = [base64.b64encode(_hmac(secret, f"{delivery_id}.{timestamp}.", body)).decode() for secret in secrets]
    return {
        "X-TTS-Signature": ",".join([f"t={timestamp}", *(f"v1={signature}" for signature in ours)]),
        "webhook-id": delivery_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in standard),
    }


def standard_secret(secret: str) -> str:
    """Returns the secret in the form that Standard Webhooks libraries take."""
    return "whsec_" + base64.b64encode(secret.encode()).decode()


def _hmac(secret: str, prefix: str, body: bytes) -> bytes:
    return hmac.new(secret.encode(), prefix.encode() + body, hashlib.sha256).digest()

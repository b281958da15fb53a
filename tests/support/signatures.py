"""Verifying V4 signed URLs of S3 and Google Cloud Storage, written from their documents, with none of their libraries.

AWS: docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
Google: cloud.google.com/storage/docs/authentication/signatures

Both hash one canonical form of the request; AWS signs it with a derived key (HMAC), Google with a service account's RSA
key.
"""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

LONGEST = timedelta(days=7)


class Refused(Exception):
    """The server's answer to a URL that is not good; the message is its error code."""


def check_s3_url(method: str, url: str, secrets: dict[str, str], *, now: datetime | None = None) -> None:
    """Raises Refused. `secrets`: secret by access key."""
    query = _query(url)
    if query.get("X-Amz-Algorithm") != "AWS4-HMAC-SHA256":
        raise Refused("AccessDenied")
    access_key, day, region, service, end = query["X-Amz-Credential"].split("/")
    if access_key not in secrets:
        raise Refused("InvalidAccessKeyId")
    _check_time(query["X-Amz-Date"], query["X-Amz-Expires"], now)
    scope = f"{day}/{region}/{service}/{end}"
    text = _string_to_sign("AWS4-HMAC-SHA256", query["X-Amz-Date"], scope, method, url, "X-Amz-Signature")
    key = f"AWS4{secrets[access_key]}".encode()
    for part in (day, region, service, end):
        key = hmac.digest(key, part.encode(), "sha256")
    wanted = hmac.new(key, text.encode(), "sha256").hexdigest()
    if not hmac.compare_digest(wanted, query.get("X-Amz-Signature", "")):
        raise Refused("SignatureDoesNotMatch")


def check_gcs_url(method: str, url: str, public_keys: dict[str, RSAPublicKey], *, now: datetime | None = None) -> None:
    """Raises Refused. `public_keys`: by the service account's email address."""
    query = _query(url)
    if query.get("X-Goog-Algorithm") != "GOOG4-RSA-SHA256":
        raise Refused("AccessDenied")
    email, scope = query["X-Goog-Credential"].split("/", 1)
    if email not in public_keys:
        raise Refused("AccessDenied")
    _check_time(query["X-Goog-Date"], query["X-Goog-Expires"], now)
    text = _string_to_sign("GOOG4-RSA-SHA256", query["X-Goog-Date"], scope, method, url, "X-Goog-Signature")
    try:
        signature = bytes.fromhex(query.get("X-Goog-Signature", ""))
        public_keys[email].verify(signature, text.encode(), padding.PKCS1v15(), SHA256())
    except (ValueError, InvalidSignature):
        raise Refused("SignatureDoesNotMatch") from None


def _query(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


def _check_time(signed_at: str, expires: str, now: datetime | None) -> None:
    start = datetime.strptime(signed_at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    length = timedelta(seconds=int(expires))
    if not timedelta(0) < length <= LONGEST:
        raise Refused("AuthorizationQueryParametersError")
    if (now or datetime.now(UTC)) > start + length:
        raise Refused("ExpiredToken")


def _string_to_sign(algorithm: str, signed_at: str, scope: str, method: str, url: str, signature_name: str) -> str:
    """Only the Host header is signed, as it is in what we make; a URL that signs more does not match."""
    parts = urlsplit(url)
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if name != signature_name
    )
    query = "&".join(f"{name}={value}" for name, value in pairs)
    canonical = "\n".join([method, parts.path, query, f"host:{parts.netloc}", "", "host", "UNSIGNED-PAYLOAD"])
    return "\n".join([algorithm, signed_at, scope, hashlib.sha256(canonical.encode()).hexdigest()])

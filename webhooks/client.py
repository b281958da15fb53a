"""Sends one request to a receiver and classifies the result. httpcore speaks HTTP over `webhooks.transport`.

Reads at most 64 KB of the response without decompressing it. Follows no redirects and keeps no cookies. Owns no
schedule and no rows.
"""

import re
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import httpcore
from django.conf import settings

from webhooks import transport
from webhooks.ssrf import Blocked, NotResolved, Target

MAX_ANSWER_BYTES = 64 * 1024
KEPT_ANSWER_BYTES = 2 * 1024

Outcome = Literal[
    "delivered",  # 2xx
    "gone",  # 410
    "rate_limited",  # 429
    "redirect",  # 3xx, not followed
    "http_error",  # any other status
    "timeout",
    "connection_failed",
    "tls_failed",
    "dns_failed",
    "blocked",  # an address or port that we do not connect to
    "unsigned",  # nothing was sent, because the endpoint's secret cannot be decrypted
    "bad_answer",  # not HTTP
]


@dataclass(frozen=True, slots=True)
class DeliveryResponse:
    """The result of a request. `error` is for the customer, or ""; `text` is the first 2 KB of the body."""

    outcome: Outcome
    duration_ms: int
    status: int | None = None
    error: str = ""
    text: str = ""
    retry_after: str = ""

    @property
    def is_success(self) -> bool:
        return self.outcome == "delivered"


def post(target: Target, *, headers: Mapping[str, str], body: bytes) -> DeliveryResponse:
    """Sends the request. Never raises because of what a receiver does."""
    began = time.monotonic()
    transport.current_request.begin()
    try:
        answer = _post_once_or_twice(target, headers, body)
    except Blocked as error:
        answer = DeliveryResponse("blocked", 0, error=str(error))
    except NotResolved as error:
        answer = DeliveryResponse("dns_failed", 0, error=str(error))
    except httpcore.TimeoutException:
        answer = DeliveryResponse("timeout", 0, error=_timeout_message())
    except httpcore.ConnectError as error:
        answer = _not_connected(error)
    except httpcore.ProtocolError:
        answer = DeliveryResponse("bad_answer", 0, error="The response was not HTTP.")
    except (httpcore.NetworkError, OSError):
        answer = DeliveryResponse("connection_failed", 0, error="The connection closed before a response.")
    duration_ms = round((time.monotonic() - began) * 1000)
    return DeliveryResponse(answer.outcome, duration_ms, answer.status, answer.error, answer.text, answer.retry_after)


def _post_once_or_twice(target: Target, headers: Mapping[str, str], body: bytes) -> DeliveryResponse:
    """Sends the request, and once more over a new connection if the kept one turns out to be closed."""
    transport.current_request.has_dialled = False
    try:
        return _post(target, headers, body)
    except (httpcore.NetworkError, httpcore.RemoteProtocolError):
        if transport.current_request.has_dialled:
            raise
    return _post(target, headers, body)


def _post(target: Target, headers: Mapping[str, str], body: bytes) -> DeliveryResponse:
    request = httpcore.Request(
        b"POST",
        httpcore.URL(scheme=b"https", host=target.host.encode(), port=target.port, target=target.path),
        headers=_request_headers(target, headers, body),
        content=body,
        # The deadline limits the whole request. This limits the wait for a free connection.
        extensions={"timeout": {"pool": transport.CONNECT_SECONDS}},
    )
    response = transport.connection_pool().handle_request(request)
    try:
        text, ended = _read(response)
    finally:
        response.close()
    return _judge(response, text, ended)


def _request_headers(target: Target, headers: Mapping[str, str], body: bytes) -> list[tuple[bytes, bytes]]:
    host = target.url.split("/")[2]
    every = {"Host": host, "User-Agent": settings.WEBHOOK_USER_AGENT, "Content-Length": str(len(body))}
    every |= {"Content-Type": "application/json", "Accept": "*/*", "Accept-Encoding": "identity"} | dict(headers)
    return [(name.encode("ascii"), value.encode("ascii")) for name, value in every.items()]


def _read(response: httpcore.Response) -> tuple[str, bool]:
    """Returns the first 2 KB as text, and whether the body ended in time. Reads at most 64 KB."""
    kept, size = b"", 0
    assert isinstance(response.stream, Iterable)
    try:
        for chunk in response.stream:
            kept = (kept + chunk)[:KEPT_ANSWER_BYTES]
            size += len(chunk)
            if size >= MAX_ANSWER_BYTES:
                break
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
        return _as_text(kept), False
    return _as_text(kept), True


def _as_text(data: bytes) -> str:
    """Decodes UTF-8 and replaces NUL, which PostgreSQL cannot store."""
    return data.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def _judge(response: httpcore.Response, text: str, ended: bool) -> DeliveryResponse:
    """Classifies the response by its status. A 2xx counts as delivered even if the body does not end in time."""
    status = response.status
    error = "" if ended else "The response body did not end in time."
    if 200 <= status < 300:
        return DeliveryResponse("delivered", 0, status, error, text)
    header = {name.lower(): value for name, value in response.headers}
    retry_after = header.get(b"retry-after", b"").decode("ascii", "replace")[:64]
    outcome: Outcome = "http_error"
    message = f"The endpoint returned {status}, not 2xx."
    if status == 410:
        outcome, message = "gone", "The endpoint returned 410 Gone: it no longer accepts events."
    elif status == 429:
        outcome, message = "rate_limited", "The endpoint returned 429 Too Many Requests."
    elif 300 <= status < 400:
        outcome, message = "redirect", f"The endpoint returned {status}. Redirects are not followed."
    return DeliveryResponse(outcome, 0, status, message, text, retry_after)


def _timeout_message() -> str:
    return (
        f"No response within {transport.TOTAL_SECONDS:g} s."
        if time.monotonic() >= transport.current_request.deadline
        else f"No connection within {transport.CONNECT_SECONDS:g} s."
    )


def _not_connected(error: httpcore.ConnectError) -> DeliveryResponse:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        reason = re.sub(r"[^ -~]", "", cause.verify_message)[:150]
        return DeliveryResponse("tls_failed", 0, error=f"The endpoint's certificate is invalid: {reason}.")
    if isinstance(cause, ssl.SSLError):
        return DeliveryResponse("tls_failed", 0, error="The TLS handshake failed.")
    return DeliveryResponse("connection_failed", 0, error="Could not connect: the connection was refused or closed.")

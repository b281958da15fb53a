"""One request to a receiver, and what came of it. httpcore speaks HTTP; here stands what it may do.

HTTPS to vetted addresses, 5 s to connect, 10 s in all even for a receiver that drips, at most 64 KB of the answer and
never unpacked, no redirects, no proxies, no cookies. A connection stays open for the next request to the same host:
it leads where it was vetted to lead. Owns no schedule and no row.
"""

import re
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import certifi
import httpcore
from django.conf import settings

from webhooks.ssrf import Blocked, NotResolved, Target, check_port, vetted_addresses

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 10.0
MAX_ANSWER_BYTES = 64 * 1024
KEPT_ANSWER_BYTES = 2 * 1024
KEEP_ALIVE_SECONDS = 15.0
MAX_CONNECTIONS = 200

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
    "blocked",  # an address or a port that we do not dial
    "unsigned",  # nothing was sent: the endpoint's secret cannot be read any more
    "bad_answer",  # not HTTP
]


@dataclass(frozen=True, slots=True)
class DeliveryResponse:
    """`error` is for the customer, "" when there is none; `text` is the first 2 KB of the body."""

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
    """Never raises for what a receiver does."""
    began = time.monotonic()
    _now.deadline = began + TOTAL_SECONDS
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


def close_connections() -> None:
    """Of this process; the next request opens its own."""
    _pool().close()
    _make_pool.cache_clear()


def _post_once_or_twice(target: Target, headers: Mapping[str, str], body: bytes) -> DeliveryResponse:
    """A connection that was kept may have been closed by its other end just now: then once more, over a new one."""
    _now.has_dialled = False
    try:
        return _post(target, headers, body)
    except (httpcore.NetworkError, httpcore.RemoteProtocolError):
        if _now.has_dialled:
            raise
    return _post(target, headers, body)


def _post(target: Target, headers: Mapping[str, str], body: bytes) -> DeliveryResponse:
    request = httpcore.Request(
        b"POST",
        httpcore.URL(scheme=b"https", host=target.host.encode(), port=target.port, target=target.path),
        headers=_request_headers(target, headers, body),
        content=body,
        # The whole is limited by the deadline; this is for the wait until another request frees a connection.
        extensions={"timeout": {"pool": CONNECT_SECONDS}},
    )
    response = _pool().handle_request(request)
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
    """The first 2 KB as text, and whether the body ended in time. What is longer than 64 KB is not read."""
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
    """PostgreSQL takes no NUL."""
    return data.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def _judge(response: httpcore.Response, text: str, ended: bool) -> DeliveryResponse:
    """The status decides: a receiver that says 200 and then drips has taken the event."""
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
        f"No response within {TOTAL_SECONDS:g} s."
        if time.monotonic() >= _now.deadline
        else f"No connection within {CONNECT_SECONDS:g} s."
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


# --- what httpcore dials with --------------------------------------------------------------------


class _Now(threading.local):
    """Of the request that this thread makes: when it has to be over, and whether it opened a connection."""

    deadline: float = 0.0  # monotonic seconds
    has_dialled: bool = False

    def seconds_left(self, at_most: float = TOTAL_SECONDS) -> float:
        left = min(at_most, self.deadline - time.monotonic())
        if left <= 0:
            raise httpcore.ReadTimeout
        return left


_now = _Now()


class _TimedStream(httpcore.NetworkStream):
    """Every wait on it ends at the deadline of the request that waits, however often a byte comes."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, timeout=_now.seconds_left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout=_now.seconds_left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        seconds = _now.seconds_left(_connect_seconds_left())
        return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, timeout=seconds))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _connect_seconds_left() -> float:
    """Name, connection and TLS have five seconds together, at the beginning of the ten."""
    return max(0.001, _now.deadline - TOTAL_SECONDS + CONNECT_SECONDS - time.monotonic())


class _GuardedBackend(httpcore.SyncBackend):
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        _now.has_dialled = True
        check_port(port)
        addresses = vetted_addresses(host, seconds=_now.seconds_left(_connect_seconds_left()))
        failure: Exception | None = None
        for address in addresses[:4]:
            try:
                # The literal address: nobody is asked a second time.
                stream = super().connect_tcp(
                    address,
                    port,
                    timeout=_now.seconds_left(_connect_seconds_left()),
                    socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _TimedStream(stream)
        assert failure is not None
        raise failure

    def connect_unix_socket(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        raise Blocked("This is not a public internet address.")


_pool_lock = threading.Lock()


def _pool() -> httpcore.ConnectionPool:
    """This process's, made at its first request."""
    with _pool_lock:  # else two threads make one each, and one of them is lost with its connections
        return _make_pool()


@cache
def _make_pool() -> httpcore.ConnectionPool:
    return httpcore.ConnectionPool(
        ssl_context=_ssl_context(),
        max_connections=MAX_CONNECTIONS,
        max_keepalive_connections=MAX_CONNECTIONS // 2,
        keepalive_expiry=KEEP_ALIVE_SECONDS,
        network_backend=_GuardedBackend(),
    )


def _ssl_context() -> ssl.SSLContext:
    """The authorities of this system, those of certifi, and an operator's own."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    if settings.WEBHOOK_CA_FILE:
        context.load_verify_locations(settings.WEBHOOK_CA_FILE)
    return context

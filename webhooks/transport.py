"""Connections for httpcore: checked addresses, one deadline per request, kept alive for the next request.

HTTPS only. Connecting takes at most 5 s and the request 10 s in all, even if the receiver sends byte by byte. No
proxies. A kept connection needs no new check: it goes to the address that was checked. `webhooks.client` owns the
requests.
"""

import socket
import ssl
import threading
import time
from collections.abc import Iterable
from functools import cache
from typing import Any

import certifi
import httpcore
from django.conf import settings

from webhooks.ssrf import Blocked, check_port, vetted_addresses

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 10.0
KEEP_ALIVE_SECONDS = 15.0
MAX_CONNECTIONS = 200


class _CurrentRequest(threading.local):
    """The current request of this thread: its deadline, and whether it opened a connection."""

    deadline: float = 0.0  # monotonic seconds
    has_dialled: bool = False

    def begin(self) -> None:
        """Starts the ten seconds."""
        self.deadline = time.monotonic() + TOTAL_SECONDS

    def seconds_left(self, at_most: float = TOTAL_SECONDS) -> float:
        left = min(at_most, self.deadline - time.monotonic())
        if left <= 0:
            raise httpcore.ReadTimeout
        return left


current_request = _CurrentRequest()


class _TimedStream(httpcore.NetworkStream):
    """A stream whose reads and writes end at the deadline of the current request, however often a byte comes."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, timeout=current_request.seconds_left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout=current_request.seconds_left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        seconds = current_request.seconds_left(_connect_seconds_left())
        return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, timeout=seconds))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _connect_seconds_left() -> float:
    """Returns the seconds left for name resolution, connection and TLS: the first five of the ten."""
    return max(0.001, current_request.deadline - TOTAL_SECONDS + CONNECT_SECONDS - time.monotonic())


class _GuardedBackend(httpcore.SyncBackend):
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        current_request.has_dialled = True
        check_port(port)
        addresses = vetted_addresses(host, seconds=current_request.seconds_left(_connect_seconds_left()))
        failure: Exception | None = None
        for address in addresses[:4]:
            try:
                # Connect to the address itself, so that the name is not resolved again.
                stream = super().connect_tcp(
                    address,
                    port,
                    timeout=current_request.seconds_left(_connect_seconds_left()),
                    socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _TimedStream(stream)
        assert failure is not None
        raise failure

    def connect_unix_socket(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        raise Blocked("This is not an address on the internet.")


_pool_lock = threading.Lock()


def connection_pool() -> httpcore.ConnectionPool:
    """Returns the connection pool of this process."""
    with _pool_lock:  # otherwise two threads could each create a pool, and one would leak its connections
        return _make_pool()


def close_connections() -> None:
    """Closes the connections of this process. The next request opens new ones."""
    connection_pool().close()
    _make_pool.cache_clear()


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
    """Trusts the system's certificate authorities, certifi's, and the operator's own."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    if settings.WEBHOOK_CA_FILE:
        context.load_verify_locations(settings.WEBHOOK_CA_FILE)
    return context

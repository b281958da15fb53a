"""Receivers of webhooks for the tests: real servers over real TLS, with an authority of their own."""

import http.server
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trustme

AUTHORITY = trustme.CA()


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]  # names in small letters
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Handler = Callable[["Receiver", http.server.BaseHTTPRequestHandler], None]


@dataclass
class Receiver:
    """Remembers what it was sent, and answers as `answer` does: 204 to begin with."""

    port: int = 0
    received: list[Received] = field(default_factory=list)
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    handler: Handler | None = None
    connections: int = 0
    closing: threading.Event = field(default_factory=threading.Event)
    most_at_once: int = 0
    _now: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}/hook"

    def take(self, request: http.server.BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        with self._lock:
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            headers = {name.lower(): value for name, value in request.headers.items()}
            self.received.append(Received(request.path, headers, body))
        try:
            if self.handler is not None:
                self.handler(self, request)
            else:
                self.answer(request)
        finally:
            with self._lock:
                self._now -= 1

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(self.status)
        for name, value in self.headers.items():
            request.send_header(name, value)
        if self.status != 204:
            request.send_header("Content-Length", str(len(self.body)))
        request.end_headers()
        request.wfile.write(self.body)


def certificate(*names: str, authority: trustme.CA = AUTHORITY, **kwargs: Any) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names, **kwargs).configure_cert(context)
    return context


@contextmanager
def receiver(context: ssl.SSLContext | None = None, *, plain: bool = False) -> Iterator[Receiver]:
    """On a free port of this machine. With `plain` it speaks no TLS."""
    state = Receiver()

    class Request(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            state.connections += 1
            super().setup()

        def do_POST(self) -> None:
            state.take(self)

        do_GET = do_POST  # noqa: N815

        def log_message(self, *args: Any) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def finish_request(self, request: Any, client_address: Any) -> None:
            request.settimeout(30)
            with suppress(OSError):
                wrapped = (
                    request if plain else (context or certificate("127.0.0.1")).wrap_socket(request, server_side=True)
                )
                with suppress(OSError):
                    super().finish_request(wrapped, client_address)
                if not plain:
                    with suppress(OSError):
                        wrapped.shutdown(socket.SHUT_RDWR)
                    wrapped.close()

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass

    context = context or (None if plain else certificate("127.0.0.1"))
    with Server(("127.0.0.1", 0), Request) as server:
        state.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield state
        finally:
            state.closing.set()
            server.shutdown()
            thread.join(5)


def authority_file(folder: Path) -> Path:
    path = folder / "authority.pem"
    AUTHORITY.cert_pem.write_to_path(str(path))
    return path

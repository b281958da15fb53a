"""Between the SDK and Stripe's peer: what was asked arrives there, and the answer is lost, late, cut or nonsense."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

PER_HOP = {"connection", "keep-alive", "transfer-encoding", "host", "content-length"}


@dataclass(frozen=True, slots=True)
class Fault:
    """What comes instead of the answer: only `cut_after` bytes of it, nothing at all (`is_silent`), or `body`."""

    cut_after: int | None = None
    is_silent: bool = False
    body: bytes | None = None
    status: int = 200


FAULTS = {
    "lost": Fault(cut_after=0),
    "cut": Fault(cut_after=200),
    "silent": Fault(is_silent=True),
    "a page": Fault(body=b"<!DOCTYPE html><title>Bad gateway</title>"),
    "an error's page": Fault(body=b"<!DOCTYPE html><title>Bad gateway</title>", status=502),
    "nothing": Fault(body=b""),
    "an empty object": Fault(body=b"{}"),
    "a list": Fault(body=b"[]"),
    "null": Fault(body=b"null"),
    "wrong types": Fault(body=b'{"id": 7, "url": ["x"], "status": {}, "object": 5}'),
    "not UTF-8": Fault(body=b"\xff\xfe\x00"),
}


@dataclass(slots=True)
class FaultProxy:
    """`url` is what STRIPE_API_BASE is set to. While `fault` is None it only passes on. `asked`: paths, in order."""

    url: str = ""
    fault: Fault | None = None
    asked: list[str] = field(default_factory=list)


@contextmanager
def fault_proxy(upstream_url: str) -> Iterator[FaultProxy]:
    upstream, is_over = urlsplit(upstream_url), threading.Event()
    proxy = FaultProxy()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            fault = proxy.fault
            proxy.asked.append(self.path)
            asked = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            connection = http.client.HTTPConnection(upstream.hostname or "", upstream.port, timeout=30)
            headers = {name: value for name, value in self.headers.items() if name.lower() not in PER_HOP}
            connection.request(self.command, self.path, body=asked or None, headers=headers)
            answer = connection.getresponse()
            status, body = answer.status, answer.read()
            connection.close()
            if fault is not None and fault.body is not None:
                status, body = fault.status, fault.body
            whole = f"HTTP/1.1 {status} OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            self.close_connection = True
            if fault is not None and fault.is_silent:
                is_over.wait(30)
                return
            self.wfile.write((whole.encode() + body)[: fault.cut_after if fault is not None else None])

        do_GET = do_POST = do_DELETE = forward  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    proxy.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        is_over.set()
        server.shutdown()
        server.server_close()
        thread.join()

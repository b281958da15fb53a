"""The proxy of compose: Caddy with our Caddyfile where it is installed, else a stand-in with the same routes."""

import http.client
import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

from tests.run import ROOT
from tests.support.ports import free_port
from tests.support.processes import ends_with_parent
from tests.support.waiting import wait_for

CADDYFILE = ROOT / "deploy" / "Caddyfile"
PER_HOP = {"connection", "keep-alive", "transfer-encoding", "host", "x-forwarded-for"}


@contextmanager
def proxy(port: int, *, api: int, stream: int, folder: Path) -> Iterator[None]:
    """Listens on `port` of 127.0.0.1."""
    program = shutil.which("caddy")
    with _caddy(program, port, api, stream, folder) if program else _stand_in(port, api, stream):
        yield


@contextmanager
def _caddy(program: str, port: int, api: int, stream: int, folder: Path) -> Iterator[None]:
    url = f"http://127.0.0.1:{port}"
    environment = os.environ | {
        "PUBLIC_URL": url,
        "AUDIO_URL": f"http://127.0.0.1:{free_port()}",
        "API_UPSTREAM": f"127.0.0.1:{api}",
        "STREAM_UPSTREAM": f"127.0.0.1:{stream}",
        "CADDY_ADMIN": f"127.0.0.1:{free_port()}",
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
    }
    with (folder / "proxy.log").open("wb") as output:
        process = subprocess.Popen(
            [program, "run", "--adapter", "caddyfile", "--config", str(_caddyfile_for(program, folder))],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=ends_with_parent(signal.SIGTERM),
        )
    try:
        wait_for(lambda: process.poll() is not None or _listens(url), "caddy to listen")
        assert process.poll() is None, (folder / "proxy.log").read_text()
        yield
    finally:
        process.terminate()
        process.wait(10)


def _caddyfile_for(program: str, folder: Path) -> Path:
    """Ours; before 2.7, as Debian has it, Caddy does not know `request_buffers`, and gets a copy without it."""
    version = subprocess.run([program, "version"], capture_output=True, text=True, check=True).stdout
    numbers = re.match(r"v?(\d+)\.(\d+)", version)
    assert numbers is not None, version
    if (int(numbers[1]), int(numbers[2])) >= (2, 7):
        return CADDYFILE
    lines = [line for line in CADDYFILE.read_text().splitlines() if "request_buffers" not in line]
    copy = folder / "Caddyfile"
    copy.write_text("\n".join(lines) + "\n")
    return copy


def _listens(url: str) -> bool:
    try:
        httpx.get(f"{url}/healthz")
    except httpx.TransportError:
        return False
    return True


def stream_prefixes() -> tuple[str, ...]:
    """What the Caddyfile sends to the ASGI process."""
    match = re.search(r"@stream path (.+)", CADDYFILE.read_text())
    assert match is not None
    return tuple(path.removesuffix("*") for path in match[1].split())


@contextmanager
def _stand_in(port: int, api: int, stream: int) -> Iterator[None]:
    to_stream = stream_prefixes()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            if self.path == "/metrics":
                self.send_error(404)
                return
            upstream = http.client.HTTPConnection("127.0.0.1", stream if self.path.startswith(to_stream) else api)
            headers = {name: value for name, value in self.headers.items() if name.lower() not in PER_HOP}
            headers |= {"Host": self.headers["Host"], "X-Forwarded-For": self.client_address[0]}
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            upstream.request(self.command, self.path, body=body or None, headers=headers)
            answer = upstream.getresponse()
            content = answer.read()
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.getheaders():
                if name.lower() not in {*PER_HOP, "content-length"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            upstream.close()

        do_GET = do_POST = do_DELETE = forward  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

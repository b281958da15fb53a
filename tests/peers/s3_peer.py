"""An S3 server for the tests: moto's, behind a door that checks every signature, which moto itself does not.

Anonymous requests, foreign keys, expired and altered URLs are refused with S3's own error codes.
"""

import http.client
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
from botocore.config import Config

from tests.support.ports import free_port
from tests.support.processes import ends_with_parent
from tests.support.signatures import Refused, check_s3_url
from tests.support.waiting import wait_for

ACCESS_KEY, SECRET = "AKIATESTTESTTEST", "a-secret-of-the-tests"
BUCKET = "speech"
HOP_HEADERS = {"connection", "transfer-encoding", "server", "date", "content-length"}


@dataclass(frozen=True)
class S3Peer:
    """`url`: the door. `client`: past the door, to look at what is there."""

    url: str
    client: Any

    def names(self) -> list[str]:
        return [entry["Key"] for entry in self.client.list_objects_v2(Bucket=BUCKET).get("Contents", [])]

    def empty(self) -> None:
        for key in self.names():
            self.client.delete_object(Bucket=BUCKET, Key=key)


@contextmanager
def s3_peer() -> Iterator[S3Peer]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=ends_with_parent(signal.SIGKILL),
    )  # fmt: skip
    try:
        wait_for(lambda: _answers(port), "moto to answer", seconds=60)
        client = boto3.Session(aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET).client(
            "s3",
            region_name="us-east-1",
            endpoint_url=f"http://127.0.0.1:{port}",
            config=Config(s3={"addressing_style": "path"}),
        )
        client.create_bucket(Bucket=BUCKET)
        with _door(port) as url:
            yield S3Peer(url, client)
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            return True
    except OSError:
        return False


@contextmanager
def _door(upstream_port: int) -> Iterator[str]:
    class Door(_Door):
        port = upstream_port

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    port: int

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        try:
            self._check()
        except Refused as refusal:
            self._answer(403, {"Content-Type": "application/xml"}, f"<Error><Code>{refusal}</Code></Error>".encode())
            return
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        connection.request(self.command, self.path, body, headers)
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        kept = {name: value for name, value in response.getheaders() if name.lower() not in HOP_HEADERS}
        self._answer(response.status, kept, answer)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any  # noqa: N815

    def _check(self) -> None:
        authorization = self.headers.get("Authorization", "")
        if authorization:
            # The SDK's own requests: moto reads them; here only whose they say they are.
            if not authorization.startswith(f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/"):
                raise Refused("InvalidAccessKeyId")
            return
        check_s3_url(self.command, f"http://{self.headers['Host']}{self.path}", {ACCESS_KEY: SECRET})

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass

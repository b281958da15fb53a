"""A small Google Cloud Storage for the tests: tokens, uploads at once and in parts, downloads, deletion, checked signed
reads.
"""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import google_crc32c
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from tests.support.signatures import Refused, check_gcs_url


class GCSPeer(ThreadingHTTPServer):
    """`objects`: content type and bytes by name. `uploads`: of those that come in parts, how long each part was."""

    daemon_threads = True

    def __init__(self, public_keys: dict[str, RSAPublicKey]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.public_keys = public_keys
        self.objects: dict[str, tuple[str, bytes]] = {}
        self.uploads: dict[str, tuple[str, list[bytes]]] = {}
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: GCSPeer

    def do_POST(self) -> None:
        body = self._body()
        parts = urlsplit(self.path)
        if parts.path == "/token":
            self._answer(200, {"access_token": "a-token", "expires_in": 3600, "token_type": "Bearer"})
            return
        if self.headers["Authorization"] != "Bearer a-token":
            self._answer(401, {})
            return
        query = parse_qs(parts.query)
        if query["uploadType"] == ["resumable"]:
            name = json.loads(body)["name"]
            self.server.uploads[name] = (self.headers["X-Upload-Content-Type"], [])
            self._answer(200, {}, {"Location": f"{self.server.url}/part?name={name}"})
            return
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        message: Any = BytesParser().parsebytes(head + body)
        metadata, media = message.get_payload()
        name = json.loads(metadata.get_payload())["name"]
        self.server.objects[name] = (media.get_content_type(), media.get_payload(decode=True))
        self._answer(200, {"name": name})

    def do_PUT(self) -> None:
        name = parse_qs(urlsplit(self.path).query)["name"][0]
        content_type, parts = self.server.uploads[name]
        parts.append(self._body())
        size = sum(map(len, parts))
        if self.headers["Content-Range"].endswith(f"/{size}"):
            whole = b"".join(parts)
            self.server.objects[name] = (content_type, whole)
            crc32c = base64.b64encode(google_crc32c.Checksum(whole).digest()).decode()
            self._answer(200, {"name": name, "crc32c": crc32c})
        else:
            self._answer(308, {}, {"Range": f"bytes=0-{size - 1}"})

    def do_DELETE(self) -> None:
        found = self.server.objects.pop(unquote(self.path.partition("/o/")[2].partition("?")[0]), None)
        self._answer(204 if found else 404, {})

    def do_GET(self) -> None:
        if "/o/" in self.path:
            self._download(unquote(self.path.partition("/o/")[2].partition("?")[0]))
            return
        try:
            check_gcs_url("GET", f"http://{self.headers['Host']}{self.path}", self.server.public_keys)
        except Refused as refusal:
            self._answer(403, {"code": str(refusal)})
            return
        content_type, body = self.server.objects[unquote(urlsplit(self.path).path).partition("/speech/")[2]]
        self._answer(200, body, {"Content-Type": content_type})

    def _download(self, name: str) -> None:
        """By the JSON API, as the service itself reads: all of it, a range of it, or what is known of it."""
        if self.headers["Authorization"] != "Bearer a-token":
            self._answer(401, {})
        elif name not in self.server.objects:
            self._answer(404, {})
        elif "alt=media" not in self.path:
            self._answer(200, {"name": name, "size": str(len(self.server.objects[name][1]))})
        else:
            content = self.server.objects[name][1]
            first, last = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")
            part = content[int(first) : int(last or len(content)) + 1]
            place = f"bytes {first}-{int(first) + len(part) - 1}/{len(content)}"
            self._answer(206 if "Range" in self.headers else 200, part, {"Content-Range": place})

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def _answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | (headers or {})).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if status != 204:
            self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def gcs_peer(public_keys: dict[str, RSAPublicKey]) -> Iterator[GCSPeer]:
    server = GCSPeer(public_keys)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

"""Clients that send slowly or never end, against both web roles and through the proxy: others do not notice.

With limits of two seconds; `python -m tests.attacks.slow_bodies` is the attack in full size.
"""

import asyncio
import re
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.attacks.slow_bodies import MAX_HEALTH_MS, Report, attack
from tests.live.proxy import proxy
from tests.live.service import Service, settings_of_services
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.waiting import slowdown

ROLES = ("web-api", "web-stream")
TIMEOUT_SECONDS = 2
LIMITS = {"BODY_READ_TIMEOUT_SECONDS": str(TIMEOUT_SECONDS), "HEADER_TIMEOUT_SECONDS": "4", "ACCESS_LOG": "1"}
CONNECTIONS = 60  # more than three for each thread of `web-api`
LATE_SECONDS = 3.0  # what a busy machine may add

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(bool(settings_of_services()), reason="the database makes no difference"),
]


@dataclass(frozen=True, slots=True)
class Web:
    """Both web roles over one database, and a key."""

    roles: dict[str, Service]
    key: str

    def address(self, role: str) -> tuple[str, int]:
        return "127.0.0.1", self.roles[role].port


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    folder = tmp_path_factory.mktemp("slow")
    data_dir = str(folder / "data")
    roles = {}
    for role in ROLES:
        (folder / role).mkdir()
        settings = LIMITS | {"DATA_DIR": data_dir}
        roles[role] = Service(folder / role, settings=settings, program=("manage.py", "start", role))
    try:
        api = roles["web-api"]
        migrated = api.manage("start", "migrate")
        assert migrated.returncode == 0, migrated.stderr
        made = api.manage_json("create_account", "alice@acme.example", "--plan", "enterprise", "--key")
        for service in roles.values():
            service.start()
        yield Web(roles, made["api_key"])
    finally:
        for service in roles.values():
            service.kill_everything()


def attacked(url: str, key: str) -> Report:
    """For four times the limit, with an upload that is slow and honest."""
    size = 200_000
    return asyncio.run(
        attack(
            url,
            key=key,
            connections=CONNECTIONS,
            upload_bytes=size,
            upload_bytes_per_second=size / (4 * TIMEOUT_SECONDS),
        )
    )


def check_others(report: Report) -> None:
    assert report.health_p95_ms < MAX_HEALTH_MS * slowdown(), report.lines()
    assert report.health_failures == 0, report.lines()
    assert report.is_upload_answered, report.lines()


def request(address: tuple[str, int], head: str, body: bytes = b"") -> tuple[bytes, float]:
    """All that the server sends until it closes the connection, and the seconds until then. Sends nothing more."""
    began = time.monotonic()
    with socket.create_connection(address, timeout=30) as client:
        client.sendall(head.replace("\n", "\r\n").encode() + b"\r\n" + body)
        received = b""
        while data := client.recv(65536):
            received += data
    return received, time.monotonic() - began


@pytest.mark.parametrize("role", ROLES)
def test_nobody_notices_clients_that_send_slowly(web: Web, role: str) -> None:
    report = attacked(web.roles[role].url, web.key)
    check_others(report)
    assert report.most_open == CONNECTIONS
    statuses = {name: {status for status, _ in closed} for name, closed in report.closed.items()}
    assert statuses["chunked, no key"] == {"401"}
    for name in ("one byte of 1,000", "half a form", "chunked, key", "dripping body"):
        assert statuses[name] == {"408"}, (name, report.lines())


@pytest.mark.skipif(shutil.which("caddy") is None, reason="needs Caddy")
def test_nobody_notices_them_behind_the_proxy(web: Web, tmp_path: Path) -> None:
    port = free_port()
    api, stream = (web.roles[role].port for role in ROLES)
    with proxy(port, api=api, stream=stream, folder=tmp_path):
        report = attacked(f"http://127.0.0.1:{port}", web.key)
    check_others(report)


@pytest.mark.parametrize("role", ROLES)
def test_a_stalled_body_is_refused_in_the_form_of_its_address(web: Web, role: str) -> None:
    answers = {}
    for path in ("/api/v1/tts", "/v1/audio/speech", "/sign-in"):
        head = f"POST {path} HTTP/1.1\nHost: 127.0.0.1\nContent-Length: 1000\n"
        received, seconds = request(web.address(role), head, b"{")
        assert TIMEOUT_SECONDS <= seconds < TIMEOUT_SECONDS + LATE_SECONDS
        head_bytes, _, answers[path] = received.partition(b"\r\n\r\n")
        assert head_bytes.startswith(b"HTTP/1.1 408 ")
        assert b"connection: close" in head_bytes.lower()
        assert (b"x-ratelimit-limit:" in head_bytes.lower()) is (path != "/sign-in")
    assert b'"success":false,"error":{"code":"REQUEST_TIMEOUT"' in answers["/api/v1/tts"]
    assert b'"type":"invalid_request_error","param":null,"code":"request_timeout"' in answers["/v1/audio/speech"]
    assert answers["/sign-in"].startswith(b"The request body arrived too slowly.")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "path, headers, status, code",
    [
        ("/api/v1/tts", "Content-Type: application/json\n", 401, "UNAUTHORIZED"),
        ("/api/v1/nothing", "Authorization: Bearer {key}\nContent-Type: application/json\n", 404, "NOT_FOUND"),
        ("/api/v1/voices", "Authorization: Bearer {key}\nContent-Type: application/json\n", 405, "METHOD_NOT_ALLOWED"),
        ("/api/v1/tts", "Authorization: Bearer {key}\nContent-Type: text/plain\n", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (
            "/api/v1/tts",
            "Authorization: Bearer {key}\nContent-Type: application/json\nContent-Encoding: gzip\n",
            415,
            "UNSUPPORTED_MEDIA_TYPE",
        ),
        (
            "/api/v1/tts",
            "Authorization: Bearer {key}\nContent-Type: application/json\nContent-Length: 3000000\n",
            413,
            "PAYLOAD_TOO_LARGE",
        ),
    ],
)
def test_what_the_headers_decide_is_answered_before_the_body(
    web: Web, role: str, path: str, headers: str, status: int, code: str
) -> None:
    framing = "" if "Content-Length" in headers else "Transfer-Encoding: chunked\n"
    head = f"POST {path} HTTP/1.1\nHost: 127.0.0.1\n{framing}{headers.format(key=web.key)}"
    with socket.create_connection(web.address(role), timeout=30) as client:
        client.sendall(head.replace("\n", "\r\n").encode() + b"\r\n")
        received = b""
        while b'"request_id"' not in received:  # nothing of the body was sent
            data = client.recv(65536)
            assert data, received
            received += data
    assert received.startswith(f"HTTP/1.1 {status} ".encode())
    assert f'"code":"{code}"'.encode() in received
    assert b"connection: close" in received.lower()


@pytest.mark.parametrize("role", ROLES)
def test_headers_that_drip_and_idle_connections_end(web: Web, role: str) -> None:
    received, seconds = request(web.address(role), "GET /healthz HTTP/1.1\nHost: 127.0.0.1")
    assert received == b""
    assert 4 <= seconds < 4 + LATE_SECONDS
    received, seconds = request(web.address(role), "GET /healthz HTTP/1.1\nHost: 127.0.0.1\n")
    assert received.startswith(b"HTTP/1.1 200 ")
    assert 4 <= seconds < 4 + LATE_SECONDS


STORE_SOUND = """
from datetime import UTC, datetime, timedelta
from django.core.files.base import ContentFile
from tts.storage import store
storage = store.audio_storage()
key = storage.save("slow/sound.wav", ContentFile(bytes({size})))
print(storage.signed_url(key, base_url={url!r}, expires_at=datetime.now(UTC) + timedelta(hours=1)))
"""


@pytest.mark.parametrize("role", ROLES)
def test_a_slow_download_is_not_cut(web: Web, role: str) -> None:
    """More than the sockets hold, read a little at a time, for longer than any limit on a request."""
    size, piece = 16 * 1024**2, 256 * 1024
    service = web.roles[role]
    stored = service.manage("shell", "--verbosity", "0", "-c", STORE_SOUND.format(size=size, url=service.url))
    assert stored.returncode == 0, stored.stderr
    began = time.monotonic()
    received = 0
    with httpx.stream("GET", stored.stdout.strip(), timeout=30) as answer:
        assert answer.status_code == 200
        for data in answer.iter_bytes(piece):
            received += len(data)
            threading.Event().wait(3 * TIMEOUT_SECONDS * piece / size)
    assert received == size
    assert time.monotonic() - began > 2 * TIMEOUT_SECONDS


@pytest.mark.parametrize("role", ROLES)
def test_half_sent_bodies_are_on_the_disk_and_not_in_memory(web: Web, role: str) -> None:
    """Forty times 2 MiB but for a byte would be 80 MiB."""
    process = max(web.roles[role].processes(), key=_peak_kilobytes)
    before = _peak_kilobytes(process)
    head = b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2097152\r\n\r\n"
    clients = [socket.create_connection(web.address(role), timeout=30) for _ in range(40)]
    try:
        for client in clients:
            client.sendall(head + b"a" * 2097151)
        for client in clients:
            assert client.recv(12) == b"HTTP/1.1 408"
    finally:
        for client in clients:
            client.close()
    assert _peak_kilobytes(process) - before < 64 * 1024


def _peak_kilobytes(process: Process) -> int:
    match = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
    assert match is not None
    return int(match[1])

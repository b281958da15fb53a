"""Clients that hold a connection open and send next to nothing, and what everybody else notices of them.

    python -m tests.attacks.slow_bodies http://127.0.0.1:8000 --key tts_…

Keeps `--connections` of them open, of six kinds, while /healthz is measured and one honest client uploads slowly. Ends
by itself with the upload; exit status 1 when a target is missed. Only against this machine.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import math
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

MAX_HEALTH_MS = 50.0  # 95th percentile
PROBE_EVERY_SECONDS = 0.05
DRIP_EVERY_SECONDS = 5.0
REOPEN_AFTER_SECONDS = 0.5
PROBE_BEFORE_SECONDS = 3.0
GIVE_UP_SECONDS = 5.0  # a probe
Closed = tuple[str, float]  # the status, or "closed" without one, and the seconds until then


@dataclass(frozen=True, slots=True)
class Kind:
    """`opening` is sent at once, then `drip` every few seconds, if there is one."""

    opening: bytes
    drip: bytes = b""


def kinds(host: str, key: str) -> dict[str, Kind]:
    def post(path: str, *headers: str, body: bytes = b"") -> bytes:
        lines = [f"POST {path} HTTP/1.1", f"Host: {host}", *headers, "", ""]
        return "\r\n".join(lines).encode() + body

    json_body = "Content-Type: application/json"
    chunked = "Transfer-Encoding: chunked"
    return {
        "one byte of 1,000": Kind(post("/webhooks/stripe/", json_body, "Content-Length: 1000", body=b"{")),
        "half a form": Kind(
            post("/sign-in", "Content-Type: application/x-www-form-urlencoded", "Content-Length: 1000", body=b"e")
        ),
        "chunked, no key": Kind(post("/api/v1/tts", json_body, chunked, body=b"1\r\n{\r\n")),
        "chunked, key": Kind(
            post("/api/v1/tts", json_body, chunked, f"Authorization: Bearer {key}", body=b"1\r\n{\r\n")
        ),
        "dripping headers": Kind(f"GET /healthz HTTP/1.1\r\nHost: {host}\r\n".encode(), b"X-Drip: 1\r\n"),
        "dripping body": Kind(post("/v1/audio/speech", json_body, "Content-Length: 100000", body=b"{"), b" "),
    }


@dataclass
class Report:
    before_ms: list[float] = field(default_factory=list)  # /healthz, before the attack
    health_ms: list[float] = field(default_factory=list)
    health_failures: int = 0
    closed: dict[str, list[Closed]] = field(default_factory=lambda: defaultdict(list))
    open_now: int = 0
    most_open: int = 0
    upload_status: int = 0
    upload_seconds: float = 0.0

    @property
    def health_p95_ms(self) -> float:
        return _percentile_95(self.health_ms)

    @property
    def is_passed(self) -> bool:
        return self.health_p95_ms < MAX_HEALTH_MS and not self.health_failures and self.is_upload_answered

    @property
    def is_upload_answered(self) -> bool:
        """By the application, for what the body says: not for its pace or size."""
        return 200 <= self.upload_status < 500 and self.upload_status not in {408, 413}

    def lines(self) -> list[str]:
        longest = max(self.health_ms, default=math.inf)
        lines = [
            f"/healthz: {len(self.health_ms)} probes, p95 {self.health_p95_ms:.1f} ms, longest {longest:.0f} ms, "
            f"{self.health_failures} without an answer; before the attack: p95 {_percentile_95(self.before_ms):.1f} ms",
            f"honest upload: {self.upload_status} after {self.upload_seconds:.1f} s",
            f"attackers open at once, at most: {self.most_open}",
        ]
        for name, closed in self.closed.items():
            statuses = dict(Counter(status for status, _ in closed))
            seconds = [seconds for _, seconds in closed]
            lines.append(f"  {name}: {statuses}, closed after {min(seconds):.1f} to {max(seconds):.1f} s")
        return lines


def _percentile_95(values: list[float]) -> float:
    return sorted(values)[math.ceil(len(values) * 0.95) - 1] if values else math.inf


async def attack(url: str, *, key: str, connections: int, upload_bytes: int, upload_bytes_per_second: float) -> Report:
    """Everything at once, until the honest upload has its answer."""
    host, port = _local_address(url)
    report = Report()
    await _request(host, port, f"GET /healthz HTTP/1.1\r\nHost: {host}:{port}\r\n")  # a first one loads the code
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PROBE_BEFORE_SECONDS):
            await _probe(host, port, report)
    report.before_ms, report.health_ms = report.health_ms, []
    names = itertools.cycle(kinds(f"{host}:{port}", key).items())
    attackers = [
        asyncio.create_task(_attacker(host, port, name, kind, report))
        for name, kind in itertools.islice(names, connections)
    ]
    prober = asyncio.create_task(_probe(host, port, report))
    try:
        await _upload(host, port, key, report, size=upload_bytes, bytes_per_second=upload_bytes_per_second)
    finally:
        for task in (prober, *attackers):
            task.cancel()
        await asyncio.gather(prober, *attackers, return_exceptions=True)
    return report


def _local_address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname not in {"127.0.0.1", "localhost"} or parts.port is None:
        raise ValueError("The target must be http://127.0.0.1:PORT.")
    return "127.0.0.1", parts.port


async def _attacker(host: str, port: int, name: str, kind: Kind, report: Report) -> None:
    """Opens a connection again whenever the server has closed it."""
    while True:
        began = time.monotonic()
        try:
            reader, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(REOPEN_AFTER_SECONDS)
            continue
        report.open_now += 1
        report.most_open = max(report.most_open, report.open_now)
        dripping = asyncio.create_task(_drip(writer, kind))
        try:
            with contextlib.suppress(ConnectionError):
                answer = await reader.read(-1)
                status = answer[9:12].decode() if answer.startswith(b"HTTP/1.1 ") else "closed"
                report.closed[name].append((status, time.monotonic() - began))
        finally:
            report.open_now -= 1
            dripping.cancel()
            await _close(writer)
        await asyncio.sleep(REOPEN_AFTER_SECONDS)


async def _drip(writer: asyncio.StreamWriter, kind: Kind) -> None:
    with contextlib.suppress(ConnectionError):
        writer.write(kind.opening)
        while kind.drip:
            await asyncio.sleep(DRIP_EVERY_SECONDS)
            writer.write(kind.drip)


async def _probe(host: str, port: int, report: Report) -> None:
    while True:
        began = time.perf_counter()
        try:
            async with asyncio.timeout(GIVE_UP_SECONDS):
                status, _ = await _request(host, port, f"GET /healthz HTTP/1.1\r\nHost: {host}:{port}\r\n")
            assert status == 200, status
        except (OSError, TimeoutError, AssertionError):
            report.health_failures += 1
        else:
            report.health_ms.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(PROBE_EVERY_SECONDS)


async def _upload(host: str, port: int, key: str, report: Report, *, size: int, bytes_per_second: float) -> None:
    """A JSON body of exactly `size` bytes, at a steady pace."""
    began = time.monotonic()
    frame = json.dumps({"voice_id": "espeak:en-US-eSpeak-Annie", "text": ""}).encode()
    body = frame[:-2] + b"a" * (size - len(frame)) + frame[-2:]

    async def send(writer: asyncio.StreamWriter) -> None:
        sent = 0
        while sent < size:
            due = min(size, int((time.monotonic() - began + 0.1) * bytes_per_second))
            writer.write(body[sent:due])
            await writer.drain()
            sent = due
            await asyncio.sleep(0.1)

    head = (
        f"POST /api/v1/tts/quote HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {key}\r\nContent-Length: {size}\r\n"
    )
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(size / bytes_per_second + 30):
            report.upload_status, _ = await _request(host, port, head, send)
    report.upload_seconds = time.monotonic() - began


async def _request(
    host: str, port: int, head: str, send: "Callable[[asyncio.StreamWriter], object] | None" = None
) -> tuple[int, bytes]:
    """Status and all of the answer, on a connection of its own."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"{head}Connection: close\r\n\r\n".encode())
        sending = asyncio.ensure_future(send(writer)) if send else None  # type: ignore[call-overload]
        try:
            answer = await reader.read(-1)
        finally:
            if sending:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
        return int(answer[9:12] or b"0"), answer
    finally:
        await _close(writer)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--key", default="tts_none", help="an API key; without one the upload is answered 401")
    parser.add_argument("--connections", type=int, default=300)
    parser.add_argument("--upload-bytes", type=int, default=2 * 1024 * 1024)
    parser.add_argument("--upload-bytes-per-second", type=float, default=50_000)
    arguments = parser.parse_args()
    report = asyncio.run(
        attack(
            arguments.url,
            key=arguments.key,
            connections=arguments.connections,
            upload_bytes=arguments.upload_bytes,
            upload_bytes_per_second=arguments.upload_bytes_per_second,
        )
    )
    print("\n".join(report.lines()))
    return 0 if report.is_passed else 1


if __name__ == "__main__":
    sys.exit(main())

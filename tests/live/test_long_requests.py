"""One long request holds up nobody: neither its address nor a header keeps the process busy."""

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.live.service import Service, settings_of_services
from tests.support.processes import descendants
from tests.support.waiting import wait_for

LONG = 60_000  # characters
LIMIT_SECONDS = 0.25  # of processor time; it is about 10 ms
PATIENCE_SECONDS = 2.0  # of a monitor, on a busy machine
TRIES = 3
TICKS = os.sysconf("SC_CLK_TCK")

pytestmark = pytest.mark.skipif(
    bool(settings_of_services()), reason="DATABASE_URL is set: requests and logs are the same on one machine"
)

PATHS = {
    "letters": "/api/v1/" + "a" * LONG,
    "words": "/api/v1/" + "a-" * (LONG // 2),
    "dots": "/v1/" + "a." * (LONG // 2),
    "addresses": "/" + "a@a" * (LONG // 3),
    "credentials": "/voices/" + "://:" * (LONG // 4),
    "slashes": "/admin/r" + "/" * LONG,
    "query": "/api/v1/voices?" + "token" * (LONG // 5),
    "parameters": "/voices?" + "a=b&" * (LONG // 4),
}
HEADERS = (
    *("Accept", "Accept-Encoding", "Authorization", "Cookie", "Idempotency-Key", "If-None-Match", "If-Modified-Since"),
    *("Origin", "Range", "Referer", "User-Agent", "X-Forwarded-For", "X-Request-ID", "Content-Type"),
)


@pytest.fixture(scope="module")
def logging_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("long"), settings={"ACCESS_LOG": "1", "LOG_FORMAT": "json"})
    try:
        service.start()
        yield service
    finally:
        service.kill_everything()


def processor_seconds(service: Service) -> float:
    """What the web processes have used so far, in steps of a hundredth."""
    web = service.child("config.asgi:application")
    assert web is not None
    seconds = 0.0
    for process in [web, *descendants(web.pid)]:
        fields = Path("/proc", str(process.pid), "stat").read_text().rpartition(")")[2].split()
        seconds += sum(map(int, fields[11:13])) / TICKS
    return seconds


def least_seconds(service: Service, method: str, path: str, headers: dict[str, str]) -> float:
    """Of processor time that one request takes: on a busy machine the time on the clock says little."""
    best = float("inf")
    with httpx.Client(base_url=service.url, timeout=100) as http:
        for _ in range(TRIES):
            before = processor_seconds(service)
            assert http.request(method, path, headers=headers).status_code < 500
            best = min(best, processor_seconds(service) - before)
            if best < LIMIT_SECONDS:
                break
    return best


@pytest.mark.parametrize("kind", PATHS)
def test_a_long_address_is_answered_at_once(logging_service: Service, kind: str):
    assert least_seconds(logging_service, "GET", PATHS[kind], {}) < LIMIT_SECONDS


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("unit", ["a", "a-", 'a, "', "://:"])
def test_a_long_header_is_answered_at_once(logging_service: Service, header: str, unit: str):
    headers = {header: unit * (LONG // len(unit))}
    method = "POST" if header == "Idempotency-Key" else "GET"
    assert least_seconds(logging_service, method, "/api/v1/tts", headers) < LIMIT_SECONDS


def test_a_long_method_is_answered_at_once(logging_service: Service):
    assert least_seconds(logging_service, "A" * LONG, "/api/v1/tts", {}) < LIMIT_SECONDS


def test_who_asks_at_the_same_time_does_not_wait(logging_service: Service):
    def health() -> list[float]:
        seconds = []
        for _ in range(20):
            began = time.monotonic()
            assert httpx.get(f"{logging_service.url}/healthz", timeout=60).status_code == 200
            seconds.append(time.monotonic() - began)
        return seconds

    with ThreadPoolExecutor() as threads, httpx.Client(base_url=logging_service.url, timeout=60) as attacker:
        asked = threads.submit(health)
        while not asked.done():
            attacker.get(PATHS["letters"])
    assert sorted(asked.result())[15] < PATIENCE_SECONDS


def test_a_long_path_is_cut_in_the_log(logging_service: Service):
    answer = httpx.get(logging_service.url + PATHS["letters"], headers={"X-Request-ID": "long-path"})
    assert answer.status_code == 404

    def line() -> dict[str, Any] | None:
        lines = [json.loads(text) for text in logging_service.output.splitlines() if text.startswith("{")]
        return next((line for line in lines if line.get("request_id") == "long-path"), None)

    logged = wait_for(line, "the line about the request")
    assert logged is not None
    assert logged["path"].startswith("/api/v1/aaa")
    assert logged["path"].endswith("aaa… (60,008 characters)")
    assert len(logged["path"]) < 5_000

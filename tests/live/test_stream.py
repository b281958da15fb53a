"""Streams of the running service, from outside: how a broken one looks on the wire, and what the bad days do."""

import http.server
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
import pytest
from django.conf import settings
from playwright.sync_api import sync_playwright

from tests.live.service import LONG_SENTENCE, VOICE_ID, Caller, Service
from tests.support.waiting import wait_for

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(autouse=True)
def it_runs(service: Service) -> None:
    """Also when the test before ended it."""


def stream(caller: Caller, text: str, **fields: object) -> dict[str, Any]:
    answer = caller.http.post("/api/v1/tts/stream", json={"text": text, "voice_id": VOICE_ID, **fields})
    assert answer.status_code == 202, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


class RawListener:
    """A GET by hand, to see how the server ends a chunked body."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 80), timeout=30)
        self._socket.sendall(f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
        self.received = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._socket.close()

    def hear(self) -> bytes:
        """The next bytes; empty when the server has closed the connection."""
        try:
            chunk = self._socket.recv(65536)
        except ConnectionResetError:
            chunk = b""
        self.received += chunk
        return chunk

    def hear_until_closed(self) -> None:
        while self.hear():
            pass

    @property
    def ended_cleanly(self) -> bool:
        return self.received.endswith(b"0\r\n\r\n")


def test_a_stream_that_is_whole_ends_as_chunked_bodies_do(caller: Caller):
    with RawListener(stream(caller, "Good morning.")["stream_url"]) as listener:
        while not listener.ended_cleanly:
            assert listener.hear()
    assert listener.received.startswith(b"HTTP/1.1 200 ")
    assert b"transfer-encoding: chunked" in listener.received.lower()


def test_more_streams_may_wait_than_the_database_takes_connections(service: Service, caller: Caller):
    opened = "SELECT count(*) FROM tts_job WHERE stream_opened_at IS NOT NULL AND status = 'pending'"
    with ExitStack() as stack:
        with service.standing_worker():
            urls = [stream(caller, "Good morning.")["stream_url"] for _ in range(3 * settings.DATABASE_POOL_SIZE)]
            listeners = [stack.enter_context(RawListener(url)) for url in urls]
            wait_for(lambda: service.query(opened)[0][0] == len(listeners), "all to be open", seconds=30)
            assert caller.http.get("/api/v1/tts").status_code == 200
        for listener in listeners:
            while not listener.ended_cleanly:
                assert listener.hear()


def test_a_cancelled_stream_breaks_off_on_the_wire(caller: Caller):
    data = stream(caller, LONG_SENTENCE * 4)
    with RawListener(data["stream_url"]) as listener:
        assert listener.hear().startswith(b"HTTP/1.1 200 ")
        caller.http.delete(data["poll_url"])
        listener.hear_until_closed()
    assert not listener.ended_cleanly


def test_a_worker_killed_in_the_middle_breaks_the_stream_off_and_the_audio_is_made_once(
    service: Service, caller: Caller
):
    data = stream(caller, LONG_SENTENCE * 4)
    with RawListener(data["stream_url"]) as listener:
        assert listener.hear()
        worker = service.child("config worker")
        assert worker is not None
        worker.kill()
        listener.hear_until_closed()
    assert not listener.ended_cleanly
    caller.wait_until_completed(data["job_id"])
    assert caller.attempts(data["job_id"]) == 2
    assert [kind for kind, _ in caller.ledger(data["job_id"])] == ["charge"]
    assert len(caller.stored_files(data["job_id"])) == 1


def test_a_reader_that_dawdles_gets_every_byte_and_holds_nobody_up(caller: Caller):
    data = stream(caller, LONG_SENTENCE, output_format="wav")
    with httpx.stream("GET", data["stream_url"], timeout=30) as response:
        body = response.iter_raw(4096)
        received = next(body)
        job = caller.wait_until_completed(data["job_id"])  # while nobody reads
        received += b"".join(body)
    audio = httpx.get(job["audio_url"]).content
    assert received[44:] == audio[44:]


@contextmanager
def page_elsewhere(body: str) -> Iterator[str]:
    """A page of another origin; its URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *arguments: Any) -> None:
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no browser at {CHROMIUM}")
@pytest.mark.parametrize("output_format", ["ogg_opus", "mp3", "wav"])
def test_a_browser_plays_it_on_a_page_of_another_origin(caller: Caller, output_format: str):
    data = stream(caller, "Good morning. How are you?", output_format=output_format)
    with page_elsewhere(f'<audio crossorigin muted src="{data["stream_url"]}"></audio>') as url, sync_playwright() as p:
        browser = p.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        )
        page = browser.new_page()
        page.goto(url)
        page.evaluate("document.querySelector('audio').play()")
        seconds = wait_for(
            lambda: page.evaluate("(a => a.ended && a.currentTime)(document.querySelector('audio'))"),
            "the end",
            seconds=30,
        )
        browser.close()
    assert seconds == pytest.approx(caller.job(data["job_id"])["duration_seconds"], abs=0.15)

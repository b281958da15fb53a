"""The three programs in `examples/`, run as a reader of the README would run them."""

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.live.service import Caller, Service
from tests.run import ROOT
from tests.support.audio import measure_audio

TEXT = 'She said: "C:\\temp is\tnot a path\nfor poetry", and left.'

PROGRAMS = {"curl": ["sh", "say.sh"], "Python": [sys.executable, "say.py"], "Node": ["node", "say.mjs"]}


@pytest.fixture(params=PROGRAMS)
def program(request: pytest.FixtureRequest) -> list[str]:
    interpreter, file = PROGRAMS[request.param]
    if shutil.which(interpreter) is None:
        pytest.skip(f"{interpreter} is not installed")
    return [interpreter, str(ROOT / "examples" / file)]


def run(program: list[str], *arguments: str, url: str, key: str) -> "subprocess.CompletedProcess[str]":
    environment = {
        "PATH": os.environ["PATH"], "UTTERANCE_URL": url, "UTTERANCE_KEY": key,
        "UTTERANCE_VOICE": "espeak:en-GB-eSpeak-Lee",
    }  # fmt: skip
    return subprocess.run([*program, *arguments], env=environment, capture_output=True, text=True, timeout=60)


class Said(NamedTuple):
    job_id: str
    seconds: float
    file: str


def said(done: "subprocess.CompletedProcess[str]") -> Said:
    assert done.returncode == 0, done.stderr
    found = re.fullmatch(r"job (\S+): ([\d.]+) seconds in (\S+)\n", done.stdout)
    assert found is not None, done.stdout
    return Said(found[1], float(found[2]), found[3])


def test_it_turns_a_text_into_a_file_of_speech(service: Service, caller: Caller, program: list[str], tmp_path: Path):
    file = tmp_path / "speech.wav"

    job_id, seconds, path = said(run(program, TEXT, str(file), url=service.url, key=caller.key))

    assert path == str(file)
    audio = measure_audio(file)
    assert audio.sample_rate_hertz == 22050
    assert audio.duration_seconds == pytest.approx(seconds, abs=0.01)
    assert 2.0 < seconds < 8.0
    assert -40 < audio.rms_dbfs < -6
    assert caller.job(job_id)["chars_charged"] == len(TEXT)


def test_a_repeat_with_the_same_request_id_is_the_same_job(
    service: Service, caller: Caller, program: list[str], tmp_path: Path
):
    request_id = f"example {tmp_path.name}".replace(" ", "-")
    first = said(run(program, "Once.", str(tmp_path / "1.wav"), request_id, url=service.url, key=caller.key))
    again = said(run(program, "Once.", str(tmp_path / "2.wav"), request_id, url=service.url, key=caller.key))
    assert again.job_id == first.job_id
    assert (tmp_path / "1.wav").read_bytes() == (tmp_path / "2.wav").read_bytes()
    assert caller.ledger(first.job_id) == [("charge", -500)]


def test_a_refusal_is_shown_and_leaves_no_file(service: Service, program: list[str], tmp_path: Path):
    file = tmp_path / "speech.wav"
    done = run(program, TEXT, str(file), url=service.url, key="tts_wrong")
    assert done.returncode == 1
    assert "UNAUTHORIZED" in done.stderr
    assert not file.exists()


class Proxy(ThreadingHTTPServer):
    """Passes requests on, but the first answer to a POST is lost on the way, and the second one says: not now."""

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), PassOn)
        self.target = target
        self.posts: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news."""


class PassOn(BaseHTTPRequestHandler):
    server: Proxy

    def do_GET(self) -> None:
        self._pass_on(b"")

    def do_POST(self) -> None:
        self.server.posts.append(self.headers["Idempotency-Key"])
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if len(self.server.posts) == 2:
            self._answer(503, {"Retry-After": "1", "Content-Type": "application/json"}, b"{}")
        else:
            self._pass_on(body, lose_answer=len(self.server.posts) == 1)

    def _pass_on(self, body: bytes, *, lose_answer: bool = False) -> None:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in {"host", "connection"}}
        answer = httpx.request(self.command, self.server.target + self.path, content=body, headers=headers)
        if lose_answer:
            self.close_connection = True
            return
        names = {"content-type", "location", "retry-after"}
        self._answer(
            answer.status_code, {n: v for n, v in answer.headers.items() if n.lower() in names}, answer.content
        )

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Quiet."""


@pytest.fixture
def bad_network(service: Service) -> Iterator[Proxy]:
    with Proxy(service.url) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()


def test_a_lost_answer_and_a_503_cost_nothing_but_time(
    bad_network: Proxy, caller: Caller, program: list[str], tmp_path: Path
):
    before = caller.http.get("/api/v1/tts").json()["data"]["jobs"][:1]

    done = said(run(program, "Twice.", str(tmp_path / "speech.wav"), url=bad_network.url, key=caller.key))

    assert len(bad_network.posts) == 3
    assert len(set(bad_network.posts)) == 1
    assert caller.ledger(done.job_id) == [("charge", -600)]
    after = caller.http.get("/api/v1/tts").json()["data"]["jobs"]
    assert [job["job_id"] for job in after[:2]] == [done.job_id, *(job["job_id"] for job in before)]

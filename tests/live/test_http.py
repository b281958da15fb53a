"""What only a real connection shows: links to audio with Range, bodies of every kind and size."""

import gzip
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.live.service import SENTENCE, VOICE_ID, Caller, Service
from tests.support.audio import measure_audio

SPEECH = {"text": SENTENCE, "voice_id": VOICE_ID}
MEBIBYTE = 1024 * 1024

Job = dict[str, Any]  # as the API shows it


@pytest.fixture(scope="module")
def finished_job(caller: Caller) -> Job:
    if not caller.service.is_running:
        caller.service.start()
    return caller.wait_until_completed(caller.submit())


@pytest.fixture
def link(service: Service, finished_job: Job) -> str:
    """A signed link to audio; the key is not needed for it."""
    return str(finished_job["audio_url"])


@pytest.fixture
def audio(link: str) -> bytes:
    return httpx.get(link).content


def error_of(answer: httpx.Response) -> str:
    body = answer.json()
    assert body["success"] is False
    assert body["error"]["request_id"] == answer.headers["X-Request-ID"]
    return str(body["error"]["code"])


def test_the_audio_endpoint_redirects_to_a_link_that_needs_no_key(
    service: Service, caller: Caller, finished_job: Job, audio: bytes
):
    answer = caller.http.get(finished_job["audio_endpoint"])
    assert (answer.status_code, answer.headers["Cache-Control"]) == (307, "no-store")
    fetched = httpx.get(answer.headers["Location"])
    assert (fetched.status_code, fetched.headers["Content-Type"]) == (200, "audio/wav")
    assert fetched.headers["Content-Length"] == str(len(audio))
    assert fetched.content == audio
    assert measure_audio(audio).duration_seconds == pytest.approx(finished_job["duration_seconds"], abs=0.01)


@pytest.mark.parametrize(
    "asked, first, last",
    [
        ("bytes=0-", 0, -1),
        ("bytes=10-19", 10, 19),
        ("bytes=0-0", 0, 0),
        ("bytes=-100", -100, -1),
        ("bytes=5-99999999", 5, -1),
    ],
)
def test_a_range_is_answered_with_that_part(link: str, audio: bytes, asked: str, first: int, last: int):
    size = len(audio)
    first, last = first % size, last % size
    answer = httpx.get(link, headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{size}"
    assert answer.headers["Content-Length"] == str(last - first + 1)
    assert answer.content == audio[first : last + 1]


def test_a_range_past_the_end_is_refused_with_the_size(link: str, audio: bytes):
    answer = httpx.get(link, headers={"Range": f"bytes={len(audio)}-"})
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, f"bytes */{len(audio)}")
    assert answer.content == b""


def test_a_range_is_for_the_audio_that_the_caller_knows(link: str, audio: bytes):
    tag = httpx.head(link).headers["ETag"]
    same = httpx.get(link, headers={"Range": "bytes=0-9", "If-Range": tag})
    other = httpx.get(link, headers={"Range": "bytes=0-9", "If-Range": '"something else"'})
    assert (same.status_code, same.content) == (206, audio[:10])
    assert (other.status_code, other.content) == (200, audio)


def test_head_tells_size_and_type_without_a_body(link: str, audio: bytes):
    answer = httpx.head(link)
    assert answer.status_code == 200
    assert answer.headers["Content-Length"] == str(len(audio))
    assert answer.headers["Content-Type"] == "audio/wav"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.content == b""


@pytest.mark.parametrize("name", ["signature", "expires"])
def test_a_link_that_was_tampered_with_is_refused(link: str, name: str):
    url = httpx.URL(link)
    value = url.params[name]
    answer = httpx.get(url.copy_set_param(name, value[:-1] + ("1" if value[-1] == "0" else "0")))
    assert answer.status_code == 403
    assert answer.headers["Content-Type"].startswith("text/html")


SIGN_LONG_AGO = """
from datetime import UTC, datetime
from tts.storage import store
print(store.audio_storage().signed_url({key!r}, base_url={base_url!r}, expires_at=datetime.fromtimestamp(1, UTC)))
"""


def test_a_link_that_is_over_says_so(service: Service, link: str):
    key = httpx.URL(link).path.removeprefix("/audio/")
    program = SIGN_LONG_AGO.format(key=key, base_url=service.url)
    signed = service.manage("shell", "--verbosity", "0", "-c", program)
    assert signed.returncode == 0, signed.stderr
    answer = httpx.get(signed.stdout.strip())
    assert (answer.status_code, answer.headers["Content-Type"]) == (410, "text/html; charset=utf-8")


def test_a_body_of_10_megabytes_is_refused_in_the_envelope(service: Service, caller: Caller):
    answer = caller.http.post("/api/v1/tts", json=SPEECH | {"text": "a" * (10 * MEBIBYTE)})
    assert (answer.status_code, error_of(answer)) == (413, "PAYLOAD_TOO_LARGE")
    # The connection is still good: the next request on it is answered.
    assert caller.http.get("/api/v1/tts").status_code == 200


def test_a_body_of_10_megabytes_in_chunks_is_refused_too(service: Service, caller: Caller):
    def chunks() -> Iterator[bytes]:
        yield b'{"text": "'
        for _ in range(160):
            yield b"a" * (MEBIBYTE // 16)

    answer = caller.http.post("/api/v1/tts", content=chunks(), headers={"Content-Type": "application/json"})
    assert (answer.status_code, error_of(answer)) == (413, "PAYLOAD_TOO_LARGE")


def test_a_body_in_chunks_is_a_request_like_any_other(service: Service, caller: Caller):
    def chunks() -> Iterator[bytes]:
        for character in json.dumps(SPEECH):
            yield character.encode()

    answer = caller.http.post("/api/v1/tts", content=chunks(), headers={"Content-Type": "application/json"})
    assert "Content-Length" not in answer.request.headers
    assert (answer.status_code, answer.json()["data"]["chars_charged"]) == (202, len(SENTENCE))


def test_a_compressed_body_is_refused(service: Service, caller: Caller):
    body = gzip.compress(json.dumps(SPEECH).encode())
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = caller.http.post("/api/v1/tts", content=body, headers=headers)
    assert (answer.status_code, error_of(answer)) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_a_client_that_waits_for_100_continue_gets_it(service: Service, caller: Caller, tmp_path: Path):
    body = tmp_path / "body.json"
    body.write_text(json.dumps(SPEECH))
    done = subprocess.run(
        [
            *("curl", "--silent", "--verbose", "--http1.1", "--max-time", "20", "--write-out", "%{http_code}"),
            *("--expect100-timeout", "15", "-H", "Expect: 100-continue", "-H", f"Authorization: Bearer {caller.key}"),
            *("-H", "Content-Type: application/json", "--data-binary", f"@{body}", f"{service.url}/api/v1/tts"),
        ],
        capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert done.stdout.endswith("202"), done.stderr
    assert "HTTP/1.1 100 Continue" in done.stderr

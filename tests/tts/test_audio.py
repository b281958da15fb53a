"""`GET /api/v1/tts/<id>/audio`, and the signed URL that it leads to: who gets the bytes, which, and until when."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import time_machine
from asgiref.sync import async_to_sync
from django.db import connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Account
from tests.conftest import ApiClient
from tests.factories import make_job
from tests.support.envelopes import ANNIE, data_of, error_of, statements
from tts.models import Job, JobStatus
from tts.services.lifecycle import claim_next_job
from tts.storage import store
from tts.worker.pipeline import run_job

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 1, 8, 12, 0, 0, 500_000, tzinfo=UTC)
BYTES = bytes(range(256)) * 4096  # a mebibyte in which every part is known


def completed_job(account: Account, tmp_path: Path, *, audio: bytes = BYTES, output_format: str = "wav") -> Job:
    job = make_job(
        account, status=JobStatus.COMPLETED, attempt=1, output_format=output_format, finished_at=timezone.now()
    )
    key = store.audio_key(job, 1)
    source = tmp_path / "made"
    source.write_bytes(audio)
    store.save_audio(key, source)
    Job.objects.filter(pk=job.pk).update(audio_key=key, audio_bytes=len(audio))
    job.refresh_from_db()
    return job


@pytest.fixture
def job(account: Account, tmp_path: Path) -> Job:
    return completed_job(account, tmp_path)


def signed(api: ApiClient, job: Job) -> str:
    """Path and query of a fresh signed URL."""
    response = api.get(f"/api/v1/tts/{job.pk}/audio")
    assert response.status_code == 307
    return str(response.headers["Location"]).removeprefix("http://testserver")


def fetch(path: str, **headers: str) -> Any:
    """As anybody, without a key."""
    return Client().get(path, headers=headers)


def body_of(response: Any) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


# --- the main job, whole -------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True, serialized_rollback=True)  # a worker lets go of its connection
@pytest.mark.parametrize("output_format, magic", [("wav", b"RIFF"), ("mp3", b"\xff\xf3"), ("ogg_opus", b"OggS")])
def test_a_text_becomes_audio_that_can_be_downloaded(
    committed_db, api: ApiClient, voices, output_format: str, magic: bytes
):
    body = {"text": "Hello there.", "voice_id": ANNIE, "output_format": output_format}
    accepted = data_of(api.post("/api/v1/tts", body), 202)
    job = claim_next_job(queue="speech.espeak")
    assert job is not None
    run_job(job)
    status = data_of(api.get(accepted["poll_url"]))
    assert (status["status"], status["progress"], status["credits_charged"]) == ("completed", 100, "0.012")
    assert 0.3 < status["duration_seconds"] < 5
    audio = body_of(fetch(status["audio_url"].removeprefix("http://testserver")))
    assert audio.startswith(magic)
    assert len(audio) == Job.objects.get(pk=job.pk).audio_bytes
    assert body_of(fetch(signed(api, job))) == audio


# --- the endpoint --------------------------------------------------------------------------------


def test_the_endpoint_leads_to_a_signed_url_and_is_kept_by_no_cache(api: ApiClient, job: Job):
    response = api.get(f"/api/v1/tts/{job.pk}/audio")
    assert (response.status_code, response.content) == (307, b"")
    assert response.headers["Cache-Control"] == "no-store"
    parts = urlsplit(response.headers["Location"])
    assert (parts.scheme, parts.netloc, parts.path) == ("http", "testserver", f"/audio/{job.audio_key}")
    assert set(parse_qs(parts.query)) == {"expires", "signature"}


def test_each_signed_url_is_fresh(api: ApiClient, job: Job):
    with time_machine.travel(NOON, tick=False) as clock:
        first = signed(api, job)
        clock.shift(timedelta(seconds=5))
        second = signed(api, job)
    expiries = [int(parse_qs(urlsplit(path).query)["expires"][0]) for path in (first, second)]
    assert expiries[0] == int(NOON.timestamp()) + 24 * 3600
    assert expiries[1] - expiries[0] == 5


@pytest.mark.parametrize("status", [JobStatus.PENDING, JobStatus.PROCESSING])
def test_audio_that_is_being_made_is_not_ready(api: ApiClient, account: Account, status: JobStatus):
    response = api.get(f"/api/v1/tts/{make_job(account, status=status).pk}/audio")
    error_of(response, 409, "AUDIO_NOT_READY")
    assert response.headers["Retry-After"] == "1"


@pytest.mark.parametrize("status", [JobStatus.FAILED, JobStatus.CANCELLED])
@pytest.mark.parametrize("erased", [False, True])
def test_of_a_failed_or_cancelled_job_there_will_be_no_audio(
    api: ApiClient, account: Account, status: JobStatus, erased: bool
):
    moment = timezone.now()
    job = make_job(account, status=status, finished_at=moment, erased_at=moment if erased else None)
    response = api.get(f"/api/v1/tts/{job.pk}/audio")
    verb = "failed" if status == JobStatus.FAILED else "was cancelled"
    message = f"This job {verb}, so it has no audio."
    assert error_of(response, 409, "AUDIO_NOT_AVAILABLE")["message"] == message
    assert "Retry-After" not in response.headers


def test_audio_that_was_deleted_is_gone(api: ApiClient, account: Account):
    moment = timezone.now()
    job = make_job(account, status=JobStatus.COMPLETED, finished_at=moment, erased_at=moment)
    error_of(api.get(f"/api/v1/tts/{job.pk}/audio"), 410, "AUDIO_EXPIRED")


def test_the_endpoint_asks_the_database_little(api: ApiClient, job: Job):
    signed(api, job)
    with CaptureQueriesContext(connection) as queries:
        signed(api, job)
    assert statements(queries.captured_queries) == ["SELECT accounts_apikey", "SELECT tts_job"]


# --- the bytes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "output_format, content_type", [("wav", "audio/wav"), ("mp3", "audio/mpeg"), ("ogg_opus", "audio/ogg")]
)
def test_the_signed_url_gives_the_audio_without_a_key(
    api: ApiClient, account: Account, tmp_path: Path, output_format: str, content_type: str
):
    job = completed_job(account, tmp_path, output_format=output_format)
    response = fetch(signed(api, job))
    assert (response.status_code, response.headers["Content-Type"]) == (200, content_type)
    assert response.headers["Content-Length"] == str(len(BYTES))
    assert response.headers["Accept-Ranges"] == "bytes"
    assert "attachment" not in response.headers["Content-Disposition"]
    assert body_of(response) == BYTES


def test_the_url_in_the_status_gives_the_same_bytes(api: ApiClient, job: Job):
    url = api.get(f"/api/v1/tts/{job.pk}").json()["data"]["audio_url"]
    assert body_of(fetch(url.removeprefix("http://testserver"))) == BYTES


SIZE = len(BYTES)


@pytest.mark.parametrize(
    "asked, first, last",
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-43", 0, 43),
        ("bytes=1000-", 1000, SIZE - 1),
        ("bytes=-1", SIZE - 1, SIZE - 1),
        ("bytes=-500000", SIZE - 500_000, SIZE - 1),
        (f"bytes=-{SIZE * 2}", 0, SIZE - 1),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE - 1),
        (f"bytes=5-{SIZE * 2}", 5, SIZE - 1),
        ("bytes=0-999999999999999999", 0, SIZE - 1),
        ("bytes=262143-524289", 262_143, 524_289),
    ],
)
def test_a_range_is_answered_with_exactly_that_part(api: ApiClient, job: Job, asked: str, first: int, last: int):
    response = fetch(signed(api, job), Range=asked)
    assert response.status_code == 206
    assert response.headers["Content-Range"] == f"bytes {first}-{last}/{SIZE}"
    assert response.headers["Content-Length"] == str(last - first + 1)
    assert body_of(response) == BYTES[first : last + 1]


@pytest.mark.parametrize(
    "asked", [f"bytes={SIZE}-", f"bytes={SIZE + 5}-{SIZE + 9}", "bytes=-0", "bytes=999999999999999999-"]
)
def test_a_range_past_the_end_is_refused_with_the_size(api: ApiClient, job: Job, asked: str):
    response = fetch(signed(api, job), Range=asked)
    assert (response.status_code, response.content) == (416, b"")
    assert response.headers["Content-Range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=-",
        "bytes=5-2",
        "bytes=a-b",
        "bytes=0-1,5-6",
        "items=0-5",
        "bytes",
        "",
        "bytes=1",
        "bytes=--5",
        "bytes=١-٢",
        "bytes=" + "9" * 5000 + "-",
    ],
)
def test_what_is_no_single_range_is_answered_whole(api: ApiClient, job: Job, asked: str):
    response = fetch(signed(api, job), Range=asked)
    assert response.status_code == 200
    assert "Content-Range" not in response.headers
    assert body_of(response) == BYTES


def test_a_range_of_something_else_than_these_bytes_is_answered_whole(api: ApiClient, job: Job):
    path = signed(api, job)
    whole = fetch(path)
    assert body_of(whole) == BYTES
    response = fetch(path, Range="bytes=0-3", **{"If-Range": whole.headers["ETag"]})
    assert (response.status_code, body_of(response)) == (206, BYTES[:4])
    response = fetch(path, Range="bytes=0-3", **{"If-Range": '"another"'})
    assert (response.status_code, len(body_of(response))) == (200, SIZE)


def test_head_says_how_long_and_gives_nothing(api: ApiClient, job: Job):
    path = signed(api, job)
    for headers in ({}, {"Range": "bytes=0-3"}):  # only GET has ranges
        response = Client().head(path, headers=headers)
        assert (response.status_code, response.content) == (200, b"")
        assert response.headers["Content-Length"] == str(SIZE)
        assert response.headers["Content-Type"] == "audio/wav"


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_the_signed_url_is_only_read(api: ApiClient, job: Job, method: str):
    path = signed(api, job)
    assert getattr(Client(), method)(path).status_code == 405
    assert body_of(fetch(path)) == BYTES


def test_an_answer_that_nobody_reads_leaves_no_file_open(api: ApiClient, job: Job, monkeypatch: pytest.MonkeyPatch):
    opened = []
    really_open = store.open_audio

    def open_audio(key: str) -> Any:
        opened.append(really_open(key))
        return opened[-1]

    monkeypatch.setattr(store, "open_audio", open_audio)
    path = signed(api, job)
    fetch(path).close()
    Client().head(path)
    fetch(path, Range=f"bytes={SIZE}-")
    assert [file.closed for file in opened] == [True, True, True]


def test_under_asgi_the_bytes_come_in_pieces(api: ApiClient, job: Job):
    path = signed(api, job)

    async def read(**headers: str) -> list[bytes]:
        response: Any = await AsyncClient().get(path, headers=headers)
        return [chunk async for chunk in response.streaming_content]

    chunks = async_to_sync(read)()
    assert b"".join(chunks) == BYTES
    assert len(chunks) > 1
    assert b"".join(async_to_sync(read)(Range="bytes=10-300000")) == BYTES[10:300_001]


# --- who may -------------------------------------------------------------------------------------


def changed(path: str, **changes: str) -> str:
    parts = urlsplit(path)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | changes
    return f"{parts.path}?{urlencode({name: value for name, value in query.items() if value != 'left out'})}"


@pytest.mark.parametrize(
    "changes",
    [{"signature": "left out"}, {"signature": ""}, {"signature": "0" * 64}, {"signature": "é"}, {"signature": "\x00"},
     {"expires": "left out"}, {"expires": ""}, {"expires": "99999999999"}, {"expires": "9" * 5000}, {"expires": "-1"},
     {"expires": "١٢٣"}, {"expires": "1e10"}],
    ids=str,
)  # fmt: skip
def test_a_url_that_we_did_not_sign_gives_nothing(api: ApiClient, job: Job, changes: dict[str, str]):
    response = fetch(changed(signed(api, job), **changes))
    assert response.status_code == 403
    assert BYTES[:100] not in response.content


def test_a_signature_opens_its_own_audio_only(api: ApiClient, account: Account, job: Job, tmp_path: Path):
    other = completed_job(account, tmp_path, audio=b"another")
    path = signed(api, job).replace(job.audio_key, other.audio_key)
    assert fetch(path).status_code == 403


@pytest.mark.parametrize(
    "name", ["../db.sqlite3", "..%2f..%2fetc%2fpasswd", "/etc/passwd", "%00", "a/../../b", ".", "x" * 5000]
)
def test_no_path_leads_out_of_the_store(api: ApiClient, job: Job, name: str):
    query = urlsplit(signed(api, job)).query
    assert fetch(f"/audio/{name}?{query}").status_code in {403, 404}


def test_a_signed_url_is_over_after_twenty_four_hours(api: ApiClient, job: Job):
    with time_machine.travel(NOON, tick=False) as clock:
        path = signed(api, job)
        clock.move_to(NOON.replace(microsecond=0) + timedelta(hours=24, seconds=-1))
        assert body_of(fetch(path)) == BYTES
        clock.shift(timedelta(seconds=1))
        response = fetch(path)
        assert response.status_code == 410
        assert "This audio link expired on 9 Jan at 12:00 UTC." in response.content.decode()
        assert body_of(fetch(signed(api, job))) == BYTES


def test_a_signed_url_of_deleted_audio_says_that_it_is_gone(api: ApiClient, job: Job):
    path = signed(api, job)
    store.delete_audio(job)
    response = fetch(path)
    assert response.status_code == 410
    assert "This audio was deleted" in response.content.decode()


def test_another_secret_key_signs_other_urls(api: ApiClient, job: Job, settings):
    path = signed(api, job)
    settings.SECRET_KEY = "another"
    assert fetch(path).status_code == 403

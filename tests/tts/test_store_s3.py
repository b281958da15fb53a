"""The store in a bucket: through the whole API, against a peer that checks every signature; and when it is away."""

import io
import json
import re
import socket
import time
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from django.utils import timezone

from accounts.models import Account, IdempotencyRecord
from billing.models import LedgerEntry
from billing.selectors import find_ledger_mismatches, get_balance
from config.audio_store import audio_storage
from speech.audio.files import encode_file
from speech.audio.formats import Encoding
from tests.conftest import ApiClient
from tests.factories import make_job
from tests.peers.s3_peer import ACCESS_KEY, BUCKET, SECRET, S3Peer, s3_peer
from tests.support.audio import measure_audio, speech_like_pcm
from tests.support.ports import free_port
from tests.support.waiting import wait_for
from tts.errors import StoreUnavailable
from tts.models import Job, JobStatus
from tts.services import lifecycle
from tts.services.sweep import sweep
from tts.storage import s3, store
from tts.storage.s3 import S3AudioStorage
from tts.worker import pipeline

pytestmark = pytest.mark.usefixtures("db")

VOICE = "espeak:en-US-eSpeak-Annie"
TEXT = "The audio lies in a bucket."


@pytest.fixture(scope="module")
def peer() -> Iterator[S3Peer]:
    with s3_peer() as peer:
        yield peer


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


def use_store(settings, endpoint_url: str, *, more: str = "") -> None:
    url = f"s3://{BUCKET}/audio/of/ours?region=us-east-1&endpoint_url={endpoint_url}{more}"
    settings.STORAGES = settings.STORAGES | {"audio": audio_storage(url, local_folder=Path("/nonexistent"))}


@pytest.fixture
def bucket(settings, peer: S3Peer) -> Iterator[S3Peer]:
    use_store(settings, peer.url)
    yield peer
    peer.empty()


@pytest.fixture
def dead_store(settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens at its address."""
    use_store(settings, f"http://127.0.0.1:{free_port()}")


@pytest.fixture
def hanging_store(settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """It takes connections and never says a word."""
    monkeypatch.setattr(s3, "READ_TIMEOUT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        listener.setblocking(False)
        use_store(settings, f"http://127.0.0.1:{listener.getsockname()[1]}")
        yield listener


def submit(api: ApiClient, **fields: Any) -> str:
    answer = api.post("/api/v1/tts", {"text": TEXT, "voice_id": VOICE} | fields)
    assert answer.status_code == 202, answer.content
    job_id: str = answer.json()["data"]["job_id"]
    return job_id


def run_all() -> int:
    """As a worker does; how many attempts there were."""
    attempts = 0
    while (job := lifecycle.claim_next_job(queue="speech.espeak")) is not None:
        pipeline.run_job(job)
        attempts += 1
    return attempts


def status_of(api: ApiClient, job_id: str) -> dict[str, Any]:
    data: dict[str, Any] = api.get(f"/api/v1/tts/{job_id}").json()["data"]
    return data


def stored(api: ApiClient, account: Account, tmp_path: Path) -> dict[str, Any]:
    """The status of a job whose audio is in the store, put there without a worker."""
    path = tmp_path / "speech.wav"
    encoding = Encoding("wav", 8000, None, 1)
    encode_file([speech_like_pcm(0.5, 8000)], path, encoding, input_rate_hertz=8000)
    job = make_job(account, status=JobStatus.COMPLETED, attempt=1)
    key = store.audio_key(job, 1)
    store.save_audio(key, path)
    Job.objects.filter(pk=job.pk).update(audio_key=key, duration_ms=500, finished_at=timezone.now())
    return status_of(api, str(job.pk))


@pytest.mark.parametrize(
    ("output_format", "content_type", "extension"),
    [("wav", "audio/wav", "wav"), ("mp3", "audio/mpeg", "mp3"), ("ogg_opus", "audio/ogg", "ogg")],
)
def test_audio_goes_into_the_bucket_and_comes_back_by_a_url_of_its_own(
    committed_db, api, voices, bucket: S3Peer, output_format: str, content_type: str, extension: str
):
    job_id = submit(api, output_format=output_format)
    assert run_all() == 1
    data = status_of(api, job_id)
    answer = api.get(f"/api/v1/tts/{data['job_id']}/audio")

    assert answer.status_code == 307
    assert answer.headers["Cache-Control"] == "no-store"
    key = f"audio/of/ours/{data['job_id'][:2]}/{data['job_id']}-1.{extension}"
    assert bucket.names() == [key]
    for url in (answer.headers["Location"], data["audio_url"]):
        assert url.startswith(f"{bucket.url}/{BUCKET}/{key}?")
        assert "X-Amz-Expires=86400" in url
        audio = httpx.get(url)
        assert audio.status_code == 200
        assert audio.headers["Content-Type"] == content_type
        assert audio.headers["Cache-Control"] == "private, max-age=86400, immutable"
        assert audio.headers["Content-Disposition"] == f'inline; filename="{data["job_id"]}-1.{extension}"'
        heard = measure_audio(audio.content)
        assert heard.duration_seconds == pytest.approx(data["duration_seconds"], abs=0.1)
        assert heard.rms_dbfs > -40


def test_the_object_is_private_and_knows_its_type(api, account, tmp_path, bucket: S3Peer):
    data = stored(api, account, tmp_path)
    [key] = bucket.names()

    assert bucket.client.head_object(Bucket=BUCKET, Key=key)["ContentType"] == "audio/wav"
    grants = bucket.client.get_object_acl(Bucket=BUCKET, Key=key)["Grants"]
    assert [(grant["Grantee"]["Type"], grant["Permission"]) for grant in grants] == [("CanonicalUser", "FULL_CONTROL")]
    assert httpx.get(data["audio_url"].partition("?")[0]).status_code == 403


def test_the_signed_url_answers_range(api, account, tmp_path, bucket: S3Peer):
    url = stored(api, account, tmp_path)["audio_url"]
    whole = httpx.get(url).content

    part = httpx.get(url, headers={"Range": "bytes=44-143"})

    assert part.status_code == 206
    assert part.headers["Content-Range"] == f"bytes 44-143/{len(whole)}"
    assert part.content == whole[44:144]


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        (r"Signature=[0-9a-f]{4}", "Signature=0000"),
        (r"/audio/of/ours/../", "/audio/of/ours/zz/"),
        (r"-1\.wav\?", "-2.wav?"),
        (r"content-type=audio%2Fwav", "content-type=text%2Fhtml"),
        (r"Expires=86400", "Expires=604800"),
        (r"X-Amz-Date=\d{8}T", "X-Amz-Date=20990101T"),
        (ACCESS_KEY, "AKIAOFSOMEBODYELSE"),
        (r"&X-Amz-Signature=.*", ""),
        (r"\?.*", ""),
    ],
)
def test_an_altered_url_is_refused(api, account, tmp_path, bucket: S3Peer, pattern: str, replacement: str):
    url = stored(api, account, tmp_path)["audio_url"]
    altered = re.sub(pattern, replacement, url)

    assert altered != url
    assert httpx.get(altered).status_code == 403
    assert httpx.get(url).status_code == 200


def test_a_url_signed_with_another_secret_is_refused(api, account, tmp_path, bucket: S3Peer, settings, monkeypatch):
    job_id = stored(api, account, tmp_path)["job_id"]
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "somebody else's")
    use_store(settings, bucket.url)  # a process that starts with that secret

    refused = httpx.get(status_of(api, job_id)["audio_url"])

    assert refused.status_code == 403
    assert "SignatureDoesNotMatch" in refused.text


def test_a_url_ends_when_the_status_says(api, account, tmp_path, bucket: S3Peer, settings):
    job_id = stored(api, account, tmp_path)["job_id"]
    settings.AUDIO_URL_SECONDS = 2
    data = status_of(api, job_id)

    assert httpx.get(data["audio_url"]).status_code == 200
    refused = wait_for(lambda: _refusal(data["audio_url"]), "the URL to be over")
    assert "ExpiredToken" in refused
    assert timezone.now().isoformat() > data["audio_url_expires_at"].removesuffix("Z")


def _refusal(url: str) -> str:
    answer = httpx.get(url)
    return answer.text if answer.status_code == 403 else ""


def test_callers_get_the_public_address_where_there_is_one(api, account, tmp_path, peer: S3Peer, settings):
    inside = peer.client.meta.endpoint_url  # moto itself, past the door
    use_store(settings, inside, more=f"&public_endpoint_url={peer.url}")

    url = stored(api, account, tmp_path)["audio_url"]

    assert url.startswith(f"{peer.url}/{BUCKET}/")
    assert httpx.get(url).status_code == 200
    peer.empty()


def test_delete_removes_the_object_and_no_other(api, account, tmp_path, bucket: S3Peer):
    gone, kept = stored(api, account, tmp_path), stored(api, account, tmp_path)

    answer = api.delete(f"/api/v1/tts/{gone['job_id']}")

    assert answer.status_code == 200
    assert answer.json()["data"]["audio_url"] is None
    assert [key.rpartition("/")[2] for key in bucket.names()] == [f"{kept['job_id']}-1.wav"]
    assert httpx.get(gone["audio_url"]).status_code in {403, 404}
    assert api.get(f"/api/v1/tts/{gone['job_id']}/audio").json()["error"]["code"] == "AUDIO_EXPIRED"


def test_a_later_attempt_leaves_one_object(committed_db, api, voices, bucket: S3Peer):
    job_id = submit(api)
    dead = lifecycle.claim_next_job(queue="speech.espeak")
    assert dead is not None
    bucket.client.put_object(Bucket=BUCKET, Key=f"audio/of/ours/{store.audio_key(dead, 1)}", Body=b"half a")
    lifecycle.retry_or_fail_job(job=dead, message="")

    assert run_all() == 1

    assert [key.rpartition("/")[2] for key in bucket.names()] == [f"{job_id}-2.wav"]


def test_a_large_file_is_sent_in_parts_and_not_held_in_memory(bucket: S3Peer, tmp_path: Path):
    size = 50 * 1024 * 1024
    path = tmp_path / "long.wav"
    with path.open("wb") as file:
        file.truncate(size)
    store.audio_storage().delete("aa/warm-1.wav")  # the client and its models are loaded
    tracemalloc.start()
    try:
        store.save_audio("aa/long-1.wav", path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    head = bucket.client.head_object(Bucket=BUCKET, Key="audio/of/ours/aa/long-1.wav")
    assert (head["ContentLength"], head["ContentType"]) == (size, "audio/wav")
    assert head["ETag"].strip('"').endswith("-7")  # parts of 8 MiB
    assert peak < 30 * 1024 * 1024


def test_a_file_is_fetched_whole(bucket: S3Peer):
    content = bytes(range(256)) * 5000
    store.save_file("aa/part.flac", io.BytesIO(content))
    fetched = io.BytesIO()
    store.fetch_audio("aa/part.flac", fetched)
    assert fetched.getvalue() == content
    with pytest.raises(FileNotFoundError):
        store.fetch_audio("aa/nothing.flac", io.BytesIO())


def test_a_process_has_one_client_for_all_its_threads(bucket: S3Peer, settings):
    storage = store.audio_storage()
    assert isinstance(storage, S3AudioStorage)
    client = storage._shared_client
    storage.signed_url("aa/b-1.wav", base_url="", expires_at=timezone.now() + timedelta(hours=1))

    assert storage._signing_client is client
    assert client.meta.config.connect_timeout == 3
    assert client.meta.config.read_timeout == 10
    assert client.meta.config.retries["total_max_attempts"] == 2


# --- the store is away ---------------------------------------------------------------------------


def assert_failed_and_refunded(api, account: Account, job_id: str) -> None:
    data = status_of(api, job_id)
    assert (data["status"], data["refunded"]) == ("failed", True)
    assert data["error"] == {
        "code": "GENERATION_FAILED",
        "message": "The audio could not be stored. Try again later. Your credits were refunded.",
    }
    assert "audio_url" not in data
    assert api.get(f"/api/v1/tts/{job_id}/audio").json()["error"]["code"] == "AUDIO_NOT_AVAILABLE"
    assert get_balance(account).available_microcredits == 100_000_000
    amounts = (
        LedgerEntry.objects.filter(account=account).order_by("created_at").values_list("amount_microcredits", flat=True)
    )
    assert list(amounts) == [100_000_000, -27_000, 27_000]
    assert find_ledger_mismatches()[1] == []


def test_a_store_that_refuses_connections_costs_the_customer_nothing(
    committed_db, api, voices, account, dead_store, settings
):
    job_id = submit(api)

    assert run_all() == 3

    assert_failed_and_refunded(api, account, job_id)
    assert list(settings.SPOOL_DIR.iterdir()) == []


def test_a_part_cannot_be_fetched_from_a_store_that_is_away(dead_store):
    with pytest.raises(StoreUnavailable):
        store.fetch_audio("aa/part.flac", io.BytesIO())


def test_a_store_that_hangs_costs_the_customer_nothing(committed_db, api, voices, account, hanging_store, settings):
    job_id = submit(api)

    assert run_all() == 3

    assert_failed_and_refunded(api, account, job_id)
    assert list(settings.SPOOL_DIR.iterdir()) == []


def test_a_store_that_comes_back_between_attempts_gets_the_audio(
    committed_db, api, voices, account, dead_store, settings, peer: S3Peer
):
    job_id = submit(api)
    first = lifecycle.claim_next_job(queue="speech.espeak")
    assert first is not None
    pipeline.run_job(first)
    assert status_of(api, job_id)["status"] == "pending"

    use_store(settings, peer.url)
    assert run_all() == 1

    data = status_of(api, job_id)
    assert data["status"] == "completed"
    assert httpx.get(data["audio_url"]).status_code == 200
    assert get_balance(account).available_microcredits == 100_000_000 - 27_000
    peer.empty()


def test_status_list_and_audio_ask_the_store_nothing(api, voices, account, hanging_store: socket.socket):
    jobs = [make_job(account, status=JobStatus.COMPLETED, attempt=1) for _ in range(50)]
    for job in jobs:
        fields = {"audio_key": store.audio_key(job, 1), "duration_ms": 1000, "finished_at": timezone.now()}
        Job.objects.filter(pk=job.pk).update(**fields)
    status_of(api, str(jobs[0].pk))  # makes the client
    start = time.monotonic()

    assert status_of(api, str(jobs[0].pk))["audio_url"]
    assert api.get(f"/api/v1/tts/{jobs[0].pk}/audio").status_code == 307
    listed = json.loads(api.get("/api/v1/tts?limit=50").content)["data"]["jobs"]

    assert len({job["audio_url"] for job in listed}) == 50
    assert time.monotonic() - start < 1.0
    with pytest.raises(BlockingIOError):
        hanging_store.accept()


def test_deleting_while_the_store_is_away_is_refused_and_changes_nothing(api, voices, account, dead_store):
    job = make_job(account, status=JobStatus.COMPLETED, attempt=1)
    Job.objects.filter(pk=job.pk).update(audio_key=store.audio_key(job, 1), finished_at=timezone.now())

    answer = api.delete(f"/api/v1/tts/{job.pk}")

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "60"
    assert answer.json()["error"]["message"] == "The audio storage cannot be reached. Try again in a minute."
    job.refresh_from_db()
    assert (job.text, job.erased_at) == ("Hello there.", None)
    assert job.audio_key


def test_cancelling_works_while_the_store_is_away(committed_db, api, voices, account, dead_store):
    job_id = submit(api)
    Job.objects.update(attempt=1)  # a worker had it once

    answer = api.delete(f"/api/v1/tts/{job_id}")

    assert (answer.status_code, answer.json()["data"]["status"]) == (200, "cancelled")
    assert get_balance(account).available_microcredits == 100_000_000


def test_the_sweep_goes_on_without_the_store(committed_db, voices, account, dead_store):
    old = timezone.now() - timedelta(days=31)
    job = make_job(account, status=JobStatus.COMPLETED, attempt=1)
    Job.objects.filter(pk=job.pk).update(audio_key=store.audio_key(job, 1), finished_at=old)
    IdempotencyRecord.objects.create(account=account, key="k", fingerprint="f", response_body=b"", created_at=old)

    done = sweep()

    assert (done.erased_jobs, done.forgotten_requests) == (0, 1)
    assert Job.objects.get(pk=job.pk).erased_at is None


def test_what_the_store_said_reaches_the_log_and_no_caller(committed_db, api, voices, bucket: S3Peer, settings, caplog):
    use_store(settings, bucket.url)
    settings.STORAGES["audio"]["OPTIONS"]["bucket_name"] = "not-there"
    settings.STORAGES = dict(settings.STORAGES)
    job_id = submit(api)

    assert run_all() == 3

    assert "NoSuchBucket" in caplog.text
    assert SECRET not in caplog.text
    assert TEXT not in caplog.text
    assert "bucket" not in json.dumps(status_of(api, job_id)).lower()


def test_amazon_is_addressed_by_host_name_and_region(settings, monkeypatch):
    settings.STORAGES = settings.STORAGES | {
        "audio": audio_storage("s3://speech?region=eu-central-1", local_folder=Path("/nonexistent"))
    }
    url = store.audio_storage().signed_url("aa/b-1.mp3", base_url="", expires_at=timezone.now() + timedelta(seconds=60))

    assert url.startswith("https://speech.s3.eu-central-1.amazonaws.com/aa/b-1.mp3?")
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in url
    assert "%2Feu-central-1%2Fs3%2Faws4_request" in url
    assert boto3.DEFAULT_SESSION is None

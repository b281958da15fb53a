"""The store at Google: signatures recomputed with nothing of Google's, uploads to a small server of its JSON API."""

import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from config.audio_store import audio_storage
from tests.peers.gcs_peer import GCSPeer, gcs_peer
from tests.support.ports import free_port
from tests.support.signatures import Refused, check_gcs_url
from tts.errors import StoreUnavailable
from tts.services import lifecycle
from tts.storage import gcs, store
from tts.worker import pipeline

EMAIL = "speech@project.iam.gserviceaccount.example"
NAME = "ab/abc-1.mp3"


@pytest.fixture(scope="module")
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def peer(private_key: rsa.RSAPrivateKey) -> Iterator[GCSPeer]:
    with gcs_peer({EMAIL: private_key.public_key()}) as peer:
        yield peer


@pytest.fixture
def key_file(private_key, peer: GCSPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pem = private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "key.json"
    content = {
        "type": "service_account",
        "project_id": "project",
        "private_key_id": "1",
        "private_key": pem.decode(),
        "client_email": EMAIL,
        "token_uri": f"{peer.url}/token",
    }
    path.write_text(json.dumps(content))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    return path


def use_store(settings, address: str) -> None:
    settings.STORAGES = settings.STORAGES | {"audio": audio_storage(address, local_folder=Path("/nonexistent"))}


@pytest.fixture
def bucket(settings, peer: GCSPeer, key_file: Path) -> GCSPeer:
    use_store(settings, f"gs://speech/ours?endpoint_url={peer.url}")
    return peer


def signed(seconds: int) -> str:
    return store.audio_storage().signed_url(NAME, base_url="", expires_at=timezone.now() + timedelta(seconds=seconds))


def test_a_signed_url_names_google_and_verifies_with_the_public_key(settings, key_file, private_key):
    use_store(settings, "gs://speech/ours")
    url = signed(86400)

    assert url.startswith(f"https://storage.googleapis.com/speech/ours/{NAME}?")
    assert "response-content-type=audio%2Fmpeg" in url
    assert "response-content-disposition=inline%3B%20filename%3D%22abc-1.mp3%22" in url
    check_gcs_url("GET", url, {EMAIL: private_key.public_key()})


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        (r"abc-1\.mp3\?", "abc-2.mp3?"),
        (r"audio%2Fmpeg", "text%2Fhtml"),
        (r"Expires=\d+", "Expires=604800"),
        (r"Signature=....", "Signature=0000"),
        (r"&x-goog-signature=.*|&X-Goog-Signature=.*", ""),
    ],
)
def test_an_altered_or_expired_url_does_not_verify(settings, key_file, private_key, pattern: str, replacement: str):
    use_store(settings, "gs://speech/ours")
    url = signed(60)
    keys = {EMAIL: private_key.public_key()}
    altered = re.sub(pattern, replacement, url)

    assert altered != url
    with pytest.raises(Refused, match="SignatureDoesNotMatch"):
        check_gcs_url("GET", altered, keys)
    with pytest.raises(Refused, match="SignatureDoesNotMatch"):
        check_gcs_url("PUT", url, keys)
    with pytest.raises(Refused, match="ExpiredToken"):
        check_gcs_url("GET", url, keys, now=datetime.now(UTC) + timedelta(seconds=62))


def test_the_whole_api_over_google(committed_db, api, voices, bucket: GCSPeer):
    body = {"text": "Kept at Google.", "voice_id": "espeak:en-US-eSpeak-Annie", "output_format": "mp3"}
    job_id = api.post("/api/v1/tts", body).json()["data"]["job_id"]
    job = lifecycle.claim_next_job(queue="speech.espeak")
    assert job is not None
    pipeline.run_job(job)

    answer = api.get(f"/api/v1/tts/{job_id}/audio")

    name = f"ours/{job_id[:2]}/{job_id}-1.mp3"
    assert answer.status_code == 307
    assert list(bucket.objects) == [name]
    content_type, content = bucket.objects[name]
    assert content_type == "audio/mpeg"
    assert httpx.get(answer.headers["Location"]).content == content
    assert httpx.get(answer.headers["Location"].replace("mpeg", "wav")).status_code == 403
    assert api.delete(f"/api/v1/tts/{job_id}").status_code == 200
    assert bucket.objects == {}


def test_a_large_file_goes_up_in_parts(bucket: GCSPeer, tmp_path: Path):
    path = tmp_path / "long.wav"
    path.write_bytes(bytes(range(256)) * (20 * 4096))  # 20 MiB

    store.save_audio("ab/long-1.wav", path)

    content_type, parts = bucket.uploads["ours/ab/long-1.wav"]
    assert content_type == "audio/wav"
    assert [len(part) for part in parts] == [8 * 1024**2, 8 * 1024**2, 4 * 1024**2]
    assert bucket.objects["ours/ab/long-1.wav"] == ("audio/wav", path.read_bytes())


def test_a_file_is_fetched_whole(bucket: GCSPeer):
    content = bytes(range(256)) * 5000
    store.save_file("ab/part.flac", io.BytesIO(content))
    fetched = io.BytesIO()
    store.fetch_audio("ab/part.flac", fetched)
    assert fetched.getvalue() == content
    with store.read_audio("ab/part.flac", 1_000_000) as file:
        assert file.read() == content[1_000_000:]
    for read in (lambda: store.fetch_audio("ab/no.flac", io.BytesIO()), lambda: store.read_audio("ab/no.flac", 0)):
        with pytest.raises(FileNotFoundError):
            read()


def test_deleting_what_is_not_there_is_harmless(bucket: GCSPeer):
    store.audio_storage().delete(NAME)


def test_a_store_that_refuses_connections_is_given_up(settings, key_file, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(gcs, "RETRY", gcs.RETRY.with_timeout(0.5))
    use_store(settings, f"gs://speech/ours?endpoint_url=http://127.0.0.1:{free_port()}")
    path = tmp_path / "a.mp3"
    path.write_bytes(b"audio")

    with pytest.raises(StoreUnavailable):
        store.save_audio(NAME, path)
    with pytest.raises(StoreUnavailable):
        store.audio_storage().delete(NAME)
    with pytest.raises(StoreUnavailable):
        store.fetch_audio(NAME, io.BytesIO())


@pytest.mark.parametrize("path", ["", "/nonexistent/key.json"])
def test_without_a_key_file_it_says_what_is_missing(settings, monkeypatch, path: str):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", path)
    use_store(settings, "gs://speech")

    with pytest.raises(ImproperlyConfigured, match="GOOGLE_APPLICATION_CREDENTIALS: the path of a service account"):
        signed(60)

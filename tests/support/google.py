"""What the tests with Google share: the peer, a key for it, its voices in the catalogue."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from speech.engines.google import GoogleEngine
from speech.engines.google.client import Patience
from speech.engines.registry import close_engines
from tests.peers.google_peer import GooglePeer
from tts.services.catalogue import sync_catalogue

QUEUE = "speech.remote"
ENGINES = {"google": "speech.engines.google.GoogleEngine"}
KORE = "google:en-US-Gemini-Kore"
PUCK = "google:en-US-Gemini-Puck"
CHIRP = "google:en-US-Chirp3HD-Kore"
WAVENET = "google:en-US-Wavenet-A"


class ImpatientEngine(GoogleEngine):
    """Gives up after a second, not after half a minute."""

    def __init__(self) -> None:
        super().__init__(patience=Patience(base=1.0, per_byte=0.0, silence=0.5, listing=1.0))


@pytest.fixture(scope="session")
def one_google_peer() -> Iterator[GooglePeer]:
    peer = GooglePeer()
    peer.start()
    yield peer
    peer.stop()


@pytest.fixture
def peer(one_google_peer: GooglePeer, settings: Any, tmp_path: Path) -> Iterator[GooglePeer]:
    """Google, and an installation that has a service account there."""
    settings.GOOGLE_APPLICATION_CREDENTIALS = str(write_credentials(tmp_path / "google.json"))
    settings.GOOGLE_TTS_ENDPOINT = one_google_peer.endpoint
    settings.SPEECH_ENGINES = ENGINES
    one_google_peer.reset()
    yield one_google_peer
    one_google_peer.release.set()
    close_engines()


@pytest.fixture
def google_voices(db: None, peer: GooglePeer) -> None:
    """The catalogue, after Google was asked."""
    sync_catalogue()


def write_credentials(path: Path, **changed: str | None) -> Path:
    """A service account's key file; a value of None leaves the field out."""
    content = {
        "type": "service_account",
        "project_id": "acme",
        "private_key_id": "1",
        "private_key": _private_key(),
        "client_email": "speech@acme.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": "https://oauth2.googleapis.com/token",
    } | changed
    path.write_text(json.dumps({name: value for name, value in content.items() if value is not None}))
    return path


@cache
def _private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()

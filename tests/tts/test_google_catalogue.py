"""Google's voices in the catalogue: listed, taken away, and kept while Google does not answer."""

import base64
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.peers.google_peer import GooglePeer
from tests.run import ROOT
from tests.support.envelopes import data_of, error_of
from tests.support.google import (  # noqa: F401
    KORE,
    google_voices,
    one_google_peer,
    peer,
    write_credentials,
)
from tts.services.catalogue import sync_catalogue
from voices.models import Voice

pytestmark = pytest.mark.django_db


def test_the_voices_api_lists_them(google_voices, anonymous):  # noqa: F811
    voice = data_of(anonymous.get(f"/api/v1/voices/{KORE}"))
    assert (voice["voice_id"], voice["family"], voice["model_type"]) == (KORE, "Gemini", "ultra")
    assert (voice["supports_prompt"], voice["supports_multispeaker"], voice["max_text_bytes"]) == (True, True, 4_000)
    assert voice["credits_per_1000_chars"] == "4"
    listed = data_of(anonymous.get("/api/v1/voices?provider=google&language=de"))["voices"]
    assert [voice["voice_id"] for voice in listed] == [
        "google:de-DE-Chirp3HD-Puck",
        "google:de-DE-Gemini-Kore",
        "google:de-DE-Gemini-Puck",
    ]


def test_a_voice_that_google_no_longer_lists_goes_and_comes_back(google_voices, peer):  # noqa: F811
    peer.voices = [voice for voice in peer.voices if voice.name != "en-US-Studio-O"]
    assert sync_catalogue()["google"].vanished == 1
    assert not Voice.objects.get(voice_id="google:en-US-Studio-O").is_listed
    peer.reset()
    assert sync_catalogue()["google"].added == 1


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("UNAVAILABLE", "Google returned an error: UNAVAILABLE"),
        ("PERMISSION_DENIED", "This service account is not allowed to use Google Text-to-Speech"),
    ],
)
def test_google_that_does_not_list_its_voices_loses_none(google_voices, peer, api, code, reason):  # noqa: F811
    known = Voice.objects.filter(provider="google").count()
    peer.listing_error = code
    sync_catalogue()
    assert Voice.objects.filter(provider="google", is_listed=True, unavailable_reason=reason).count() == known
    error = error_of(api.post("/api/v1/tts", {"text": "Hello.", "voice_id": KORE}), 400, "INVALID_VOICE")
    assert error["message"] == f"The voice {KORE} is not available here: {reason}."

    peer.listing_error = ""
    sync_catalogue()
    assert Voice.objects.filter(provider="google", unavailable_reason="").count() == known


def test_away_from_this_machine_google_is_asked_over_tls_and_with_the_key(tmp_path):
    key, certificate = certificate_for("127.0.0.2")
    (tmp_path / "roots.pem").write_bytes(certificate)
    far = GooglePeer(tls=(grpc.ssl_server_credentials([(key, certificate)]), "127.0.0.2"))
    far.start()
    environment = {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATA_DIR": str(tmp_path),
        "GOOGLE_APPLICATION_CREDENTIALS": str(write_credentials(tmp_path / "key.json")),
        "GOOGLE_TTS_ENDPOINT": far.endpoint,
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(tmp_path / "roots.pem"),  # read once per process, hence one of its own
    }
    program = (
        "import django; django.setup();"
        "from speech.engines.google import GoogleEngine;print(len(GoogleEngine().voices()))"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
        )
    finally:
        far.stop()
    assert (done.stdout, done.returncode) == ("60\n", 0), done.stderr
    assert far.authorization.startswith("Bearer ")
    claims = json.loads(base64.urlsafe_b64decode(far.authorization.split(".")[1] + "=="))
    assert claims["iss"] == "speech@acme.iam.gserviceaccount.com"


def certificate_for(address: str) -> tuple[bytes, bytes]:
    """A key, and a certificate that it signed itself."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "google for the tests")])
    now = datetime.now(UTC)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(alternative, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return private, certificate.public_bytes(pem)

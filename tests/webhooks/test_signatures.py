"""Verifiers that others wrote agree that what we send is ours, and what others send is not."""

import base64
import hashlib
import hmac
import json
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks
import svix.webhooks
from django.utils import timezone

from tests.peers.webhook_receiver import Received
from tests.webhooks.conftest import make_endpoint
from webhooks.models import Endpoint
from webhooks.sender import send_test
from webhooks.services.deliveries import claim_test
from webhooks.services.endpoints import save_endpoint
from webhooks.signing import signature_headers, standard_secret

NODE_FOLDER = Path(__file__).resolve().parent.parent / "node"
PYTHON_VERIFIERS: dict[str, Any] = {"standardwebhooks": standardwebhooks.Webhook, "svix": svix.webhooks.Webhook}
pytestmark = pytest.mark.django_db


@pytest.fixture
def secret(account, hook) -> str:
    return make_endpoint(account, hook.url)[1]


@pytest.fixture
def sent(account, hook, secret) -> Received:
    """A request as it arrived."""
    assert send_test(claim_test(account=account)).is_success
    request: Received = hook.received[-1]
    return request


def test_our_own_header_is_as_the_contract_says(sent, secret):
    parts = dict(part.split("=") for part in sent.headers["x-tts-signature"].split(","))
    assert parts.keys() == {"t", "v1"}
    expected = hmac.new(secret.encode(), f"{parts['t']}.".encode() + sent.body, hashlib.sha256).hexdigest()
    assert parts["v1"] == expected
    assert abs(int(parts["t"]) - timezone.now().timestamp()) < 5


def test_ids_and_times_are_the_same_in_both_forms(sent):
    assert sent.headers["webhook-id"] == sent.headers["x-tts-delivery-id"] == sent.json["data"]["test_id"]
    assert sent.headers["x-tts-signature"].startswith(f"t={sent.headers['webhook-timestamp']},")


def test_the_known_answer():
    """Made once with OpenSSL: printf '%s' '1700000000.{}' | openssl dgst -sha256 -hmac 00ff"""
    headers = signature_headers(secrets=["00ff"], delivery_id="msg_1", timestamp=1_700_000_000, body=b"{}")
    assert headers == {
        "X-TTS-Signature": "t=1700000000,v1=1f6c6b182ea25fc88e7ba6bc80b8a08d2ee9c15cee6dd8a949713629e953db4b",
        "webhook-id": "msg_1",
        "webhook-timestamp": "1700000000",
        "webhook-signature": "v1,fudEO66SoT+IyPCPEdGdv9rQY14H+nlhEoj4Gx36WQY=",
    }
    assert standard_secret("00ff") == "whsec_MDBmZg=="


@pytest.mark.parametrize("verifier", PYTHON_VERIFIERS)
def test_libraries_for_python_verify_it_and_nothing_else(sent, secret, verifier):
    webhook = PYTHON_VERIFIERS[verifier](standard_secret(secret))
    webhook.verify(sent.body.decode(), sent.headers)
    for body, key in ((sent.body.decode() + " ", secret), (sent.body.decode(), "0" * 64)):
        with pytest.raises(Exception, match="signature"):
            PYTHON_VERIFIERS[verifier](standard_secret(key)).verify(body, sent.headers)
    old = sent.headers | {"webhook-timestamp": str(int(sent.headers["webhook-timestamp"]) - 400)}
    with pytest.raises(Exception, match="too old"):
        webhook.verify(sent.body.decode(), old)


def _has_node_package(name: str) -> bool:
    return shutil.which("node") is not None and (NODE_FOLDER / "node_modules" / name).is_dir()


NODE_PROGRAM = """
const {Webhook} = require(process.argv[1]);
const [, , secret, body, headers] = process.argv;
try { new Webhook(secret).verify(Buffer.from(body, "base64").toString(), JSON.parse(headers)); console.log("ours"); }
catch (error) { console.log("refused"); }
"""


@pytest.mark.parametrize("verifier", ["standardwebhooks", "svix"])
def test_libraries_for_node_verify_it_and_nothing_else(sent, secret, verifier):
    if not _has_node_package(verifier):
        pytest.skip(f"node or its package {verifier} is not here: npm install --prefix tests/node")

    def verify(secret: str) -> str:
        arguments = [verifier, secret, base64.b64encode(sent.body).decode(), json.dumps(sent.headers)]
        done = subprocess.run(
            ["node", "-e", NODE_PROGRAM, *arguments], cwd=NODE_FOLDER, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    assert verify(standard_secret(secret)) == "ours"
    assert verify(standard_secret("0" * 64)) == "refused"


def test_for_a_day_both_secrets_sign_and_then_the_new_one_alone(account, hook, secret):
    from accounts.services.audit import SYSTEM

    saved = save_endpoint(account=account, url=hook.url, regenerate_secret=True, actor=SYSTEM, reason="For a test.")
    assert saved.secret is not None

    def verified_with(secrets: list[str]) -> list[bool]:
        assert send_test(claim_test(account=account)).is_success
        request = hook.received[-1]
        answers = []
        for secret in secrets:
            try:
                standardwebhooks.Webhook(standard_secret(secret)).verify(request.body.decode(), request.headers)
            except standardwebhooks.WebhookVerificationError:
                answers.append(False)
            else:
                answers.append(True)
        assert request.headers["x-tts-signature"].count("v1=") == sum(answers)
        return answers

    assert verified_with([saved.secret, secret]) == [True, True]
    Endpoint.objects.update(previous_secret_expires_at=timezone.now() - timedelta(seconds=1))
    assert verified_with([saved.secret, secret]) == [True, False]

"""The first start on one machine: creates a demo account, and verifies through the public API that speech works."""

import json
import secrets
import time
import urllib.error
import urllib.request
import wave
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts.models import Account
from accounts.services.api_keys import issue_key
from accounts.services.audit import SYSTEM
from accounts.services.tenants import create_account
from billing.money import parse_credits
from billing.services.ledger import grant_credits
from tts.models import Job
from tts.storage import store

DEMO_EMAIL = "demo@example.com"
DEMO_CREDITS = "1000"
SENTENCE = "Hello. This is Utterance, speaking from your own machine."
NATURAL_VOICE = "kokoro:en-US-Kokoro-Heart"
BASIC_VOICE = "espeak:en-US-eSpeak-Annie"
PROOF_SECONDS = 30.0
ARRIVAL_SECONDS = 120.0  # for a worker that still has to start and load a model


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo account's secrets, which are not stored in plain text."""

    password: str
    api_key: str


@dataclass(frozen=True, slots=True)
class Proof:
    """The job of a sentence that went through the API, the address of its audio, and its duration."""

    job_id: str
    address: str
    duration_seconds: float


class ProofFailed(Exception):
    """Speech did not work; the message says at which step."""


@transaction.atomic
def create_demo() -> Demo | None:
    """Creates the demo account. Returns None if there are accounts already, or if this is not one machine."""
    if not settings.IS_ONE_MACHINE or Account.objects.exists():
        return None
    password = secrets.token_urlsafe(12)
    account = create_account(email=DEMO_EMAIL, password=password, plan_code="enterprise", name="Demo")
    grant_credits(
        account=account, amount_microcredits=parse_credits(DEMO_CREDITS), actor="system", note="Demo account."
    )
    _, key = issue_key(account=account, name="Demo key", actor=SYSTEM, reason="Demo account.")
    return Demo(password=password, api_key=key)


def prove(
    *, base_url: str, api_key: str, voice_id: str, give_up: Callable[[], bool], seconds: float = PROOF_SECONDS
) -> Proof:
    """Submits a sentence, waits at most `seconds`, and decodes the audio. Raises ProofFailed. Polls `give_up`."""
    deadline = time.monotonic() + seconds
    _wait_for(f"{base_url}/healthz", "the web server did not respond", deadline, give_up)
    submitted = _call(base_url, api_key, "/api/v1/tts", {"text": SENTENCE, "voice_id": voice_id})
    job = submitted
    while job["status"] not in {"completed", "failed"}:
        if give_up() or time.monotonic() > deadline:
            raise ProofFailed(f"the job was still {job['status']} after {seconds:.0f} seconds")
        time.sleep(0.05)
        job = _call(base_url, api_key, submitted["poll_url"])
    if job["status"] == "failed":
        raise ProofFailed(job["error"]["message"])
    with urllib.request.urlopen(job["audio_url"]) as response, wave.open(response) as audio:  # noqa: S310
        samples = len(audio.readframes(audio.getnframes())) // audio.getsampwidth()
        duration_seconds = samples / audio.getframerate()
    address = store.audio_storage().get_address(Job.objects.get(pk=job["job_id"]).audio_key)
    return Proof(job_id=job["job_id"], address=address, duration_seconds=duration_seconds)


def wait_for_voice(*, base_url: str, voice_id: str, give_up: Callable[[], bool]) -> None:
    """Waits until the public catalogue lists the voice. Raises ProofFailed."""
    deadline = time.monotonic() + ARRIVAL_SECONDS
    _wait_for(f"{base_url}/api/v1/voices/{voice_id}", f"{voice_id} is not offered", deadline, give_up, pause=0.5)


def _wait_for(url: str, problem: str, deadline: float, give_up: Callable[[], bool], *, pause: float = 0.05) -> None:
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310
            return
        except OSError:  # includes HTTP statuses over 400
            if give_up() or time.monotonic() > deadline:
                raise ProofFailed(problem) from None
            time.sleep(pause)


def _call(base_url: str, api_key: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    request = urllib.request.Request(  # noqa: S310 - our own address
        base_url + path,
        data=json.dumps(body).encode() if body is not None else None,
        headers={"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
            data: dict[str, Any] = json.load(response)["data"]
            return data
    except urllib.error.HTTPError as error:
        raise ProofFailed(json.load(error)["error"]["message"]) from None
    except OSError as error:
        raise ProofFailed(f"the web server did not respond: {error}") from None

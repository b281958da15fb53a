"""The two calls to Amazon: list the voices and synthesize a text. Imports boto3, which takes a while."""

import time
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.session import Session
from botocore.utils import is_valid_endpoint_url
from django.conf import settings

from speech.engines.base import TransientEngineError
from speech.engines.polly.credentials import region
from speech.engines.polly.errors import InvalidEndpoint, our_errors
from speech.engines.polly.voices import RATE_HERTZ, PollyVoice

MAX_CONNECTIONS = 32


@dataclass(frozen=True, slots=True)
class Patience:
    """Amazon's timeouts, in seconds."""

    connect: float
    read: float  # until the next bytes arrive
    whole: float = 120.0  # until the speech is complete: a response that trickles in has failed


FOR_SPEECH = Patience(connect=3.0, read=40.0)  # its slowest family generates 3,000 characters in some twenty seconds
FOR_LISTS = Patience(connect=2.0, read=5.0)
CHUNK_BYTES = 16_384
# Per response. A request of breaks and nothing else, ten seconds each, comes to 25 minutes.
MAX_ANSWER_BYTES = 30 * 60 * RATE_HERTZ * 2


def make_client(patience: Patience) -> Any:
    """Creates a client, which is thread-safe. Raises EngineUnavailable."""
    with our_errors():
        session = Session()
        endpoint = settings.POLLY_ENDPOINT_URL or None
        if endpoint and not is_valid_endpoint_url(endpoint):
            raise InvalidEndpoint
        if not settings.POLLY_INSTANCE_ROLE:
            session.get_component("credential_provider").remove("iam-role")
        return boto3.Session(
            aws_access_key_id=settings.POLLY_ACCESS_KEY_ID or None,
            aws_secret_access_key=settings.POLLY_SECRET_ACCESS_KEY or None,
            region_name=region(),
            botocore_session=session,
        ).client(
            "polly",
            endpoint_url=endpoint,
            config=Config(
                connect_timeout=patience.connect,
                read_timeout=patience.read,
                retries={"total_max_attempts": 1},  # the engine does its own retries
                max_pool_connections=MAX_CONNECTIONS,
            ),
        )


def describe_voices(client: Any) -> list[dict[str, Any]]:
    """Returns the `Voices` of every page. Raises an EngineError."""
    people: list[dict[str, Any]] = []
    more: dict[str, str] = {}
    while True:
        with our_errors():
            page = client.describe_voices(IncludeAdditionalLanguageCodes=True, **more)
        if not isinstance(page.get("Voices"), list):
            raise TransientEngineError("Amazon's response is not a list of voices.")
        people += page["Voices"]
        if not page.get("NextToken"):
            return people
        more = {"NextToken": page["NextToken"]}


def synthesize(client: Any, voice: PollyVoice, text: str, *, is_ssml: bool) -> bytes:
    """Returns the whole audio: mono, s16le, RATE_HERTZ. Raises an EngineError, also if it is not PCM or too slow."""
    give_up_at = time.monotonic() + FOR_SPEECH.whole
    pcm = bytearray()
    with our_errors():
        answer = client.synthesize_speech(
            Engine=voice.family.engine,
            VoiceId=voice.person,
            LanguageCode=voice.language,
            OutputFormat="pcm",
            SampleRate=str(RATE_HERTZ),
            Text=text,
            TextType="ssml" if is_ssml else "text",
        )
        with closing(answer["AudioStream"]) as stream:
            if answer.get("ContentType") != "audio/pcm":
                raise TransientEngineError("Amazon's response is not audio.")
            while chunk := stream.read(CHUNK_BYTES):
                pcm += chunk
                if len(pcm) > MAX_ANSWER_BYTES or time.monotonic() > give_up_at:
                    raise TransientEngineError("Amazon's response is too long or too slow.")
    if len(pcm) % 2:
        raise TransientEngineError("Amazon's response is not audio.")
    return bytes(pcm)

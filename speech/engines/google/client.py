"""The connection to Google: one per process, made when it is first needed, with what credentials, with what patience.

Owns GOOGLE_APPLICATION_CREDENTIALS and GOOGLE_TTS_ENDPOINT. What is said over the connection is `messages`.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from speech.engines.base import EngineUnavailable, Segment

ANY_SIZE = [("grpc.max_receive_message_length", -1)]  # as Google's own channels have it; four minutes are 11 MB
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long Google may take, in seconds.

    A piece of text of n bytes has base + n × per_byte: Gemini speaks some three times as fast as one listens, and a
    second of listening is some 15 bytes; twice that is left to it. A stream may pause for `silence`.
    """

    base: float = 30.0
    per_byte: float = 0.04
    silence: float = 30.0
    listing: float = 5.0

    def for_text(self, segment: Segment) -> float:
        return self.base + self.per_byte * len(segment.text.encode())


def missing_credentials() -> str:
    """Why no call can be made, in one sentence; "" when there is a key to make it with. Reads a file, asks nobody."""
    path = settings.GOOGLE_APPLICATION_CREDENTIALS
    if not path:
        return "GOOGLE_APPLICATION_CREDENTIALS is not set"
    try:
        content = json.loads(Path(path).read_bytes())
    except OSError:
        return "the file in GOOGLE_APPLICATION_CREDENTIALS cannot be read"
    except ValueError:
        content = None
    if not isinstance(content, dict) or content.get("type") != "service_account":
        return "the file in GOOGLE_APPLICATION_CREDENTIALS is not a service account key"
    if missing := [name for name in ("client_email", "private_key", "token_uri") if not content.get(name)]:
        return f"the key file in GOOGLE_APPLICATION_CREDENTIALS has no {missing[0]}"
    return ""


class Connection:
    """Google's client, shared by all threads of the process. A forked child makes its own: a channel does not fork."""

    def __init__(self) -> None:
        # By process. No lock: one held by another thread during a fork would stay locked in the child for ever.
        self._clients: dict[int, Any] = {}

    def client(self) -> Any:
        """A `TextToSpeechClient`. Raises EngineUnavailable without usable credentials."""
        process = os.getpid()
        client = self._clients.get(process)
        if client is None:
            made = _make_client()
            client = self._clients.setdefault(process, made)
            if client is not made:
                made.transport.close()
        return client

    def close(self) -> None:
        """Calls under way fail; the next one connects anew."""
        client = self._clients.pop(os.getpid(), None)
        if client is not None:
            client.transport.close()


def _make_client() -> Any:
    # Half a second of imports, for those who speak with Google.
    import grpc
    from google.cloud.texttospeech_v1 import TextToSpeechClient
    from google.cloud.texttospeech_v1.services.text_to_speech.transports import TextToSpeechGrpcTransport
    from google.oauth2 import service_account

    if reason := missing_credentials():
        raise EngineUnavailable(f"Google Cloud is not available: {reason}.")
    try:
        credentials = service_account.Credentials.from_service_account_file(settings.GOOGLE_APPLICATION_CREDENTIALS)
    except (OSError, ValueError) as error:
        raise EngineUnavailable("The key in GOOGLE_APPLICATION_CREDENTIALS cannot be used.") from error
    endpoint = settings.GOOGLE_TTS_ENDPOINT
    if urlsplit(f"//{endpoint}").hostname in LOOPBACK:
        # Nothing is listening in on the way, so neither TLS nor the key is asked for.
        transport = TextToSpeechGrpcTransport(channel=grpc.insecure_channel(endpoint, options=ANY_SIZE))
    else:
        transport = TextToSpeechGrpcTransport(host=endpoint, credentials=credentials, always_use_jwt_access=True)
    return TextToSpeechClient(transport=transport)

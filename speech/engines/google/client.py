"""The connection to Google: one per process, opened on first use, with its credentials and timeouts.

Reads GOOGLE_APPLICATION_CREDENTIALS and GOOGLE_TTS_ENDPOINT. `messages` builds what is sent.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from speech.engines.base import EngineUnavailable, Segment

ANY_SIZE = [("grpc.max_receive_message_length", -1)]  # as in Google's own channels; four minutes are 11 MB
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Google's timeouts, in seconds.

    A segment of n bytes has base + n × per_byte: Gemini generates some three times as fast as playback, which takes
    some 15 bytes a second, and it is given twice that time. A stream may pause for `silence`.
    """

    base: float = 30.0
    per_byte: float = 0.04
    silence: float = 30.0
    listing: float = 5.0

    def for_text(self, segment: Segment) -> float:
        return self.base + self.per_byte * len(segment.text.encode())


def missing_credentials() -> str:
    """Returns why no call can be made, in one sentence; "" if there is a key. Reads a file, makes no request."""
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
    """Google's client, shared by all threads of a process. A forked child makes its own: channels cannot be forked."""

    def __init__(self) -> None:
        # By process id. No lock: one held by another thread during a fork would stay locked in the child forever.
        self._clients: dict[int, Any] = {}

    def client(self) -> Any:
        """Returns a `TextToSpeechClient`. Raises EngineUnavailable without usable credentials."""
        process = os.getpid()
        client = self._clients.get(process)
        if client is None:
            made = _make_client()
            client = self._clients.setdefault(process, made)
            if client is not made:
                made.transport.close()
        return client

    def close(self) -> None:
        """Closes the connection. Running calls fail; the next call opens a new one."""
        client = self._clients.pop(os.getpid(), None)
        if client is not None:
            client.transport.close()


def _make_client() -> Any:
    # Half a second of imports, needed only if Google is used.
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
        # Nothing can be intercepted on the way, so neither TLS nor the key is used.
        transport = TextToSpeechGrpcTransport(channel=grpc.insecure_channel(endpoint, options=ANY_SIZE))
    else:
        transport = TextToSpeechGrpcTransport(host=endpoint, credentials=credentials, always_use_jwt_access=True)
    return TextToSpeechClient(transport=transport)

"""The three calls to Google: list the voices, synthesize a text as a whole, and stream its audio.

Sets the deadlines. `messages` builds the requests, `errors` translates failures. Importing this module imports Google's
library, which takes half a second, so the engine does it on first use.
"""

import threading
import time
from collections.abc import Generator
from typing import Any, Self

from google.cloud.texttospeech_v1 import ListVoicesRequest

from speech.catalogue import VoiceEntry
from speech.engines.base import Segment, TransientEngineError
from speech.engines.google.client import Patience
from speech.engines.google.errors import our_errors
from speech.engines.google.messages import read_samples, stream_requests, unary_request
from speech.engines.google.voices import Family, voice_entries


def list_voices(client: Any, patience: Patience) -> list[VoiceEntry]:
    """Returns all of Google's voices in the families we support. Raises an EngineError."""
    with our_errors():
        response = client.list_voices(request=ListVoicesRequest(), timeout=patience.listing)
    return voice_entries(response.voices)


def synthesize(client: Any, segment: Segment, family: Family, patience: Patience) -> bytes:
    """Returns the samples of the whole segment. Raises an EngineError."""
    with our_errors():
        response = client.synthesize_speech(
            request=unary_request(segment, family), timeout=patience.for_text(segment), retry=None
        )
    return read_samples(response)


def stream(client: Any, segment: Segment, family: Family, patience: Patience) -> Generator[bytes, None, None]:
    """Yields the samples as Google sends them, in chunks of whole samples.

    Closing the generator ends the call. Raises an EngineError, at any time.
    """
    # The stub, not the client's method: that one waits for the first chunk and could not be cancelled meanwhile.
    call = client.transport.streaming_synthesize(stream_requests(segment, family), timeout=patience.for_text(segment))
    half = b""  # half a sample
    try:
        with our_errors(), _SilenceLimit(call, patience.silence) as limit:
            for response in call:
                limit.pause()  # the consumer may take any time
                received = half + response.audio_content
                whole = len(received) & ~1
                half = received[whole:]
                if whole:
                    yield received[:whole]
                limit.resume()
        if half:
            raise TransientEngineError("Google's audio ends in the middle of a sample.")
    finally:
        call.cancel()


class _SilenceLimit:
    """Cancels a call that sends nothing for a while. Raises TransientEngineError in place of the result."""

    def __init__(self, call: Any, seconds: float) -> None:
        self._call = call
        self._seconds = seconds
        self._silent_since: float | None = time.monotonic()  # None: we are not waiting for Google
        self._ended = threading.Event()
        self._is_over = False
        self._thread = threading.Thread(target=self._watch, name="google silence", daemon=True)

    def pause(self) -> None:
        self._silent_since = None

    def resume(self) -> None:
        self._silent_since = time.monotonic()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._ended.set()
        self._thread.join()
        if self._is_over:
            raise TransientEngineError("Google stopped responding in the middle of the text.")

    def _watch(self) -> None:
        left = self._seconds
        while not self._ended.wait(left):
            since = self._silent_since
            left = self._seconds if since is None else since + self._seconds - time.monotonic()
            if left <= 0:
                self._is_over = True
                self._call.cancel()
                return

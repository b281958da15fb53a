"""The Amazon Polly engine, as used by the job pipeline, the catalogue and the operators.

Turns a segment into samples: makes one request, and checks that its response can be the text.
"""

import os
from collections.abc import Generator, Iterator
from contextlib import closing
from importlib.metadata import version
from types import ModuleType
from typing import Any

from speech.catalogue import VoiceEntry
from speech.engines.base import EngineUnavailable, PermanentEngineError, Segment, TextFormat
from speech.engines.polly.credentials import missing_credentials, region
from speech.engines.polly.markup import for_polly
from speech.engines.polly.voices import MAX_REQUEST_BYTES, PROVIDER, RATE_HERTZ, PollyVoice, entries, parse
from speech.engines.remote.duration_check import check_duration, least_seconds, least_seconds_of_ssml
from speech.engines.remote.request_batching import split_for_requests
from speech.engines.remote.retries import with_retries
from speech.segments import Piece
from speech.ssml import SsmlError

CHUNK_BYTES = RATE_HERTZ * 2 // 5  # 200 ms


class PollyEngine:
    """Amazon Polly. See `speech.engines.base.Engine` for its public methods."""

    name = PROVIDER
    queue = "speech.remote"
    segments_ahead = 4

    def __init__(self) -> None:
        # By process id. No lock: one held by another thread during a fork would stay locked in the child forever.
        self._clients: dict[int, Any] = {}

    def voices(self) -> list[VoiceEntry]:
        """Requests the list from Amazon; empty without credentials. Raises an EngineError."""
        if missing_credentials():
            return []
        calls = _calls()
        return entries(calls.describe_voices(calls.make_client(calls.FOR_LISTS)))

    def unavailable_reason(self) -> str:
        """Checks whether there are credentials and a region. Whether Amazon accepts them shows only in use."""
        return missing_credentials()

    def sample_rate_hertz(self, engine_voice: str) -> int:
        """Returns the rate that is requested for every voice."""
        _parse(engine_voice)
        return RATE_HERTZ

    def split(self, text: str, *, text_format: TextFormat, language: str) -> Iterator[Piece]:
        """Yields the first sentence, then as much as fits into each request."""
        return split_for_requests(text, text_format=text_format, language=language, max_bytes=MAX_REQUEST_BYTES)

    def speak(self, segment: Segment) -> Generator[bytes, None, None]:
        """Yields the audio once the response is complete and can be the text: a bad response costs only a retry."""
        voice = _parse(segment.engine_voice)
        if segment.text_format == "markup":
            raise PermanentEngineError("Polly voices support plain text and SSML only.")
        if segment.text_format == "text" and not segment.text.strip():
            return
        with closing(with_retries(lambda: self._try(segment, voice), quota_is_by_the_second=True)) as pcm:
            yield from pcm

    def _try(self, segment: Segment, voice: PollyVoice) -> Generator[bytes, None, None]:
        is_ssml = segment.text_format == "ssml"
        try:
            text = for_polly(segment.text, voice.family) if is_ssml else segment.text
            least = least_seconds_of_ssml if is_ssml else least_seconds
            seconds = least(segment.text, segment.language)
        except SsmlError as error:
            raise PermanentEngineError("This SSML cannot be spoken.") from error
        whole = _calls().synthesize(self._client(), voice, text, is_ssml=is_ssml)
        # Checked as a whole before any of it is played.
        samples = b"".join(check_duration([whole], seconds=seconds, rate_hertz=RATE_HERTZ))
        for start in range(0, len(samples), CHUNK_BYTES):
            yield samples[start : start + CHUNK_BYTES]

    def warm_up(self) -> None:
        """Imports boto3 and creates its client; the connection is opened by the first request."""
        self._client()

    def describe(self) -> dict[str, str | int]:
        """Returns what is known without Amazon, and the number of voices, which takes a request."""
        if reason := missing_credentials():
            raise EngineUnavailable(f"Amazon Polly is not available: {reason}.")
        return {
            "version": f"boto3 {version('boto3')}",
            "region": region(),
            "sample_rate_hertz": RATE_HERTZ,
            "voices": len(self.voices()),
        }

    def close(self) -> None:
        """Closes this process's connections."""
        client = self._clients.pop(os.getpid(), None)
        if client is not None:
            client.close()

    def _client(self) -> Any:
        if reason := missing_credentials():
            raise EngineUnavailable(f"Amazon Polly is not available: {reason}.")
        process = os.getpid()
        return self._clients.get(process) or self._clients.setdefault(process, _make_client())


def _parse(engine_voice: str) -> PollyVoice:
    try:
        return parse(engine_voice)
    except (KeyError, ValueError):
        raise PermanentEngineError("Polly has no such voice.") from None


def _make_client() -> Any:
    calls = _calls()
    return calls.make_client(calls.FOR_SPEECH)


def _calls() -> ModuleType:
    """Imports boto3, which takes a third of a second, so only if Polly is used."""
    from speech.engines.polly import calls

    return calls

"""Amazon Polly as an engine: what the job pipeline, the catalogue and the operators see of it.

Owns the way from a segment to samples: one request, and whether its answer can be the text.
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
    """Amazon Polly. See `speech.engines.base.Engine` for what the public methods promise."""

    name = PROVIDER
    queue = "speech.remote"
    segments_ahead = 4

    def __init__(self) -> None:
        # By process. No lock: one held by another thread during a fork would stay locked in the child for ever.
        self._clients: dict[int, Any] = {}

    def voices(self) -> list[VoiceEntry]:
        """Asks Amazon; without credentials there is nobody to ask, and the list is empty. Raises an EngineError."""
        if missing_credentials():
            return []
        calls = _calls()
        return entries(calls.describe_voices(calls.make_client(calls.FOR_LISTS)))

    def unavailable_reason(self) -> str:
        """Whether there are credentials and a region; what they are worth shows when they are used."""
        return missing_credentials()

    def sample_rate_hertz(self, engine_voice: str) -> int:
        """The same for all its voices: it is asked for."""
        _parse(engine_voice)
        return RATE_HERTZ

    def split(self, text: str, *, text_format: TextFormat, language: str) -> Iterator[Piece]:
        """The first sentence, then as much at a time as fits into a request."""
        return split_for_requests(text, text_format=text_format, language=language, max_bytes=MAX_REQUEST_BYTES)

    def speak(self, segment: Segment) -> Generator[bytes, None, None]:
        """When Amazon's answer is whole and can be the text: a bad answer costs another try and no more."""
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
        # All of it is looked at before any of it is heard.
        samples = b"".join(check_duration([whole], seconds=seconds, rate_hertz=RATE_HERTZ))
        for start in range(0, len(samples), CHUNK_BYTES):
            yield samples[start : start + CHUNK_BYTES]

    def warm_up(self) -> None:
        """Import boto3 and make its client; the connection comes with the first request."""
        self._client()

    def describe(self) -> dict[str, str | int]:
        """What can be said without an answer from Amazon, and the number of voices, which needs one."""
        if reason := missing_credentials():
            raise EngineUnavailable(f"Amazon Polly is not available: {reason}.")
        return {
            "version": f"boto3 {version('boto3')}",
            "region": region(),
            "sample_rate_hertz": RATE_HERTZ,
            "voices": len(self.voices()),
        }

    def close(self) -> None:
        """Close this process's connections."""
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
    """What imports boto3, which takes a third of a second and is for those who speak with Polly."""
    from speech.engines.polly import calls

    return calls

"""The Google Cloud engine, as used by the job pipeline, the catalogue and the operators.

Turns a segment into samples: chooses the call, checks the result, and stretches it.
"""

import re
from collections.abc import Generator, Iterator
from contextlib import closing
from importlib.metadata import version
from types import ModuleType

from django.conf import settings

from speech.audio.tempo import stretch
from speech.catalogue import VoiceEntry
from speech.dialogue import read_dialogue
from speech.engines.base import EngineUnavailable, PermanentEngineError, Segment, TextFormat
from speech.engines.google.client import Connection, Patience, missing_credentials
from speech.engines.google.voices import (
    GEMINI,
    MAX_REQUEST_BYTES,
    PROVIDER,
    RATE_HERTZ,
    Family,
    find_family,
    split_speed,
)
from speech.engines.remote.duration_check import check_duration, least_seconds, least_seconds_of_ssml
from speech.engines.remote.request_batching import split_for_requests
from speech.engines.remote.retries import with_retries
from speech.segments import Piece

_TAG = re.compile(r"\[[^\[\]\n]{1,60}\]")  # "[pause long]", "[whispering]": audible, but not words


class GoogleEngine:
    """Google Cloud Text-to-Speech. See `speech.engines.base.Engine` for its public methods."""

    name = PROVIDER
    queue = "speech.remote"
    segments_ahead = 4

    def __init__(self, *, patience: Patience | None = None) -> None:
        self._patience = patience or Patience()
        self._connection = Connection()

    def voices(self) -> list[VoiceEntry]:
        """Requests the list from Google; empty without credentials. Raises an EngineError."""
        if missing_credentials():
            return []
        entries: list[VoiceEntry] = _calls().list_voices(self._connection.client(), self._patience)
        return entries

    def unavailable_reason(self) -> str:
        """Checks whether there is a service account key. Whether Google accepts it is only known when it is used."""
        return missing_credentials()

    def sample_rate_hertz(self, engine_voice: str) -> int:
        """Returns the rate that is requested for every voice."""
        _family(engine_voice)
        return RATE_HERTZ

    def split(self, text: str, *, text_format: TextFormat, language: str) -> Iterator[Piece]:
        """Yields the first sentence, then as much as fits into each request. A text for Gemini is a single request."""
        return split_for_requests(text, text_format=text_format, language=language, max_bytes=MAX_REQUEST_BYTES)

    def speak(self, segment: Segment) -> Generator[bytes, None, None]:
        """Streams the audio if the family supports it, else yields it once it is complete."""
        family = _family(segment.engine_voice)
        rate, tempo = split_speed(segment.speed)
        seconds = _least_seconds(segment, family) / rate
        # Closing this generator closes those it reads from, down to the call.
        with (
            closing(with_retries(lambda: self._try(segment, family, seconds))) as pcm,
            closing(stretch(pcm, rate_hertz=RATE_HERTZ, tempo=tempo)) as stretched,
        ):
            yield from stretched

    def _try(self, segment: Segment, family: Family, seconds: float) -> Generator[bytes, None, None]:
        """Makes one request. `seconds` is the minimum duration of its audio."""
        calls, client = _calls(), self._connection.client()
        if family.is_streamed and segment.text_format != "ssml":  # StreamingSynthesize has no field for SSML
            with (
                closing(calls.stream(client, segment, family, self._patience)) as chunks,
                closing(check_duration(chunks, seconds=seconds, rate_hertz=RATE_HERTZ)) as pcm,
            ):
                yield from pcm
        else:
            # Checked as a whole before any of it is played, so that a bad response costs only a retry.
            whole = calls.synthesize(client, segment, family, self._patience)
            samples = b"".join(check_duration([whole], seconds=seconds, rate_hertz=RATE_HERTZ))
            if samples:
                yield samples

    def warm_up(self) -> None:
        """Imports Google's library and creates its client; the connection is opened by the first call."""
        _calls()
        self._connection.client()

    def describe(self) -> dict[str, str | int]:
        """Returns what is known without Google, and the number of voices, which takes a request."""
        if reason := missing_credentials():
            raise EngineUnavailable(f"Google Cloud is not available: {reason}.")
        return {
            "version": f"google-cloud-texttospeech {version('google-cloud-texttospeech')}",
            "endpoint": settings.GOOGLE_TTS_ENDPOINT,
            "sample_rate_hertz": RATE_HERTZ,
            "voices": len(self.voices()),
        }

    def close(self) -> None:
        """Closes this process's connection."""
        self._connection.close()


def _family(engine_voice: str) -> Family:
    family = find_family(engine_voice)
    if family is None:
        raise PermanentEngineError("Google has no such voice.")
    return family


def _least_seconds(segment: Segment, family: Family) -> float:
    """Returns the minimum duration at Google's normal speed, halved if a prompt or tags may make the voice hurry."""
    if segment.text_format == "ssml":
        return least_seconds_of_ssml(segment.text, segment.language) / (2 if segment.prompt else 1)
    text = segment.text
    if segment.speakers:
        text = " ".join(turn.text for turn in read_dialogue(text))
    has_tags = family is GEMINI or segment.text_format == "markup"
    spoken = _TAG.sub(" ", text) if has_tags else text
    return least_seconds(spoken, segment.language) / (2 if segment.prompt or spoken != text else 1)


def _calls() -> ModuleType:
    """Imports Google's library, which takes half a second, so only if Google is used."""
    from speech.engines.google import calls

    return calls

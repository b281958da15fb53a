"""Defines the interface of every speech engine.

Here are the protocol, the unit of work (`Segment`) and the three ways in which an engine can fail. An engine yields raw
samples and nothing else: it does not deal with jobs, prices or encoders.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from speech.catalogue import VoiceEntry
from speech.segments import Piece

TextFormat = Literal["text", "ssml", "markup"]

# The range of `speed` in the public API; 1.0 is the voice's normal speed, 2.0 takes half the time.
MIN_SPEED = 0.25
MAX_SPEED = 4.0


class EngineError(Exception):
    """An engine failed. The message is our own and may be shown to users; a vendor's message goes to the log."""


class EngineUnavailable(EngineError):
    """The engine cannot work on this server: something it needs is missing or not configured."""


class TransientEngineError(EngineError):
    """A crash, a timeout or a lost connection: the same segment can be retried after a pause."""

    def __init__(self, message: str, *, pause_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.pause_seconds = pause_seconds


class PermanentEngineError(EngineError):
    """The segment itself was rejected: a retry would fail in the same way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A part of a job's text that is small enough for the engine and is spoken in one go."""

    text: str
    engine_voice: str  # VoiceEntry.engine_voice: the engine's own name for the voice
    language: str  # BCP 47, "en-US"
    speed: float = 1.0  # MIN_SPEED to MAX_SPEED
    text_format: TextFormat = "text"
    model: str = ""  # for engines with several models per voice; empty: the engine's default
    prompt: str = ""  # style instructions, for voices that support them
    speakers: tuple[str, ...] = ()  # for a dialogue: the engine voices of the two speakers


class Engine(Protocol):
    """A speech engine. One instance serves the whole process and may be used from any number of threads.

    Creating an instance is cheap and starts nothing: no process, no connection, no model.
    """

    name: str  # the provider part of a voice id: "espeak"
    queue: str  # the task queue of its jobs: "speech.espeak"
    segments_ahead: int  # how many segments of a job are requested at once; 1: one after the other

    def voices(self) -> list[VoiceEntry]:
        """Returns all voices that the engine offers; empty if only a provider knows them and it cannot be reached.

        An engine with its own table needs nothing running for this, so its catalogue is complete even when the engine
        is down. Raises an EngineError if a provider does not answer.
        """
        ...

    def unavailable_reason(self) -> str:
        """Returns why the engine cannot work here, in one sentence for operators and callers; empty if it can."""
        ...

    def sample_rate_hertz(self, engine_voice: str) -> int:
        """Returns the sample rate of what `speak` yields for this voice.

        Raises PermanentEngineError if the engine does not have the voice.
        """
        ...

    def split(self, text: str, *, text_format: TextFormat, language: str) -> Iterator[Piece]:
        """Splits a job's text into segments for `speak`, the first one short so that audio starts quickly.

        The `source_chars` of all segments add up to the code points of the text. `language` is a BCP 47 tag. Raises
        SsmlError.
        """
        ...

    def speak(self, segment: Segment) -> Generator[bytes, None, None]:
        """Yields the speech as it is generated: mono, signed 16-bit little-endian, whole samples, no empty chunk.

        Does nothing before the first `next()`, which may also raise errors. A segment without any words yields little
        or nothing. Closing the generator early stops the work. Raises an EngineError.
        """
        ...

    def warm_up(self) -> None:
        """Does in advance what makes the first `speak` slow. Raises EngineUnavailable."""
        ...

    def describe(self) -> dict[str, str | int]:
        """Returns details for operators: version, rate, number of voices. Raises EngineUnavailable."""
        ...

    def close(self) -> None:
        """Releases processes and memory. A running `speak` fails as transient; a new one may be started."""
        ...

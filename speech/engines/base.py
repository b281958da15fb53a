"""What every speech engine looks like from the outside.

Owns the protocol, the unit of work (`Segment`) and the three ways an engine can fail. Knows no engine, no
job, no money, and no encoder: an engine yields raw samples and nothing else.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from speech.catalogue import VoiceEntry
from speech.segments import Piece

TextFormat = Literal["text", "ssml", "markup"]

# The range of `speed` in the public API; 1.0 is the voice's normal pace, 2.0 takes half the time.
MIN_SPEED = 0.25
MAX_SPEED = 4.0


class EngineError(Exception):
    """An engine did not deliver. The message is ours and may be shown; a vendor's words go to the log."""


class EngineUnavailable(EngineError):
    """The engine cannot work on this installation: something it needs is missing or not configured."""


class TransientEngineError(EngineError):
    """A crash, a timeout, a lost connection: the same segment is worth another attempt, after a pause."""

    def __init__(self, message: str, *, pause_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.pause_seconds = pause_seconds


class PermanentEngineError(EngineError):
    """The segment itself is refused: another attempt would end the same way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One piece of a job's text, small enough for the engine and spoken in one go."""

    text: str
    engine_voice: str  # VoiceEntry.engine_voice: the engine's own name for the voice
    language: str  # BCP 47, "en-US"
    speed: float = 1.0  # MIN_SPEED to MAX_SPEED
    text_format: TextFormat = "text"
    model: str = ""  # engines with several models per voice; empty: the engine's default
    prompt: str = ""  # style instructions, where the voice takes them
    speakers: tuple[str, ...] = ()  # of a dialogue: the engine voices of the two who talk


class Engine(Protocol):
    """A source of speech. One instance serves a whole process, from any number of threads at once.

    Making an instance is cheap and starts nothing: no process, no connection, no model.
    """

    name: str  # the provider part of a voice id: "espeak"
    queue: str  # where its jobs wait: "speech.espeak"
    segments_ahead: int  # how many segments of a job it is asked for at once; 1: one after the other

    def voices(self) -> list[VoiceEntry]:
        """All voices the engine offers; none, where only a provider knows them and cannot be asked.

        An engine with a table of its own needs nothing running for this, so its catalogue survives its absence. Raises
        an EngineError when a provider does not answer.
        """
        ...

    def unavailable_reason(self) -> str:
        """Why the engine cannot work here, in one sentence for operators and callers; empty: it can."""
        ...

    def sample_rate_hertz(self, engine_voice: str) -> int:
        """The rate of what `speak` yields for this voice.

        Raises PermanentEngineError for a voice the engine does not have.
        """
        ...

    def split(self, text: str, *, text_format: TextFormat, language: str) -> Iterator[Piece]:
        """A job's text as pieces that `speak` takes one by one; the first short enough to be heard soon.

        Their `source_chars` add up to the code points of the text. `language` is a BCP 47 tag. Raises SsmlError.
        """
        ...

    def speak(self, segment: Segment) -> Generator[bytes, None, None]:
        """Yield the speech as it is made: mono, signed 16-bit little-endian, whole samples, no empty chunk.

        Nothing happens before the first `next()`, errors included. A segment without anything to say yields
        little or nothing. Closing the generator early stops the work. Raises an EngineError.
        """
        ...

    def warm_up(self) -> None:
        """Do what makes the first `speak` slow, ahead of time. Raises EngineUnavailable."""
        ...

    def describe(self) -> dict[str, str | int]:
        """What operators want to see: version, rate, number of voices. Raises EngineUnavailable."""
        ...

    def close(self) -> None:
        """Give back processes and memory. A `speak` under way fails as transient; a new one may start."""
        ...

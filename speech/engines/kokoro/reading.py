"""The result of every language's reader: phonemes, and their positions in the text."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from speech.text.spans import SpokenText


@dataclass(frozen=True, slots=True)
class Reading:
    """The phonemes of `text[start:end]` (code points), with the punctuation and white space after them."""

    phonemes: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Spoken:
    """The spoken form of a text, with a map to the source, and its phonemes."""

    said: SpokenText
    readings: list[Reading]  # their positions are in `said.text`


def join(readings: Iterable[Reading]) -> str:
    return "".join(reading.phonemes for reading in readings)


def shift(readings: Iterable[Reading], places: int) -> Iterator[Reading]:
    """Moves the positions by `places` code points."""
    for reading in readings:
        yield replace(reading, start=reading.start + places, end=reading.end + places)

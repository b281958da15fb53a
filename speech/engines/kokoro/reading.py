"""What the readers of all languages return: phonemes, and where in the text they come from."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from speech.text.spans import SpokenText


@dataclass(frozen=True, slots=True)
class Reading:
    """The phonemes of `text[start:end]` (code points), with the marks and the white space after them."""

    phonemes: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Spoken:
    """What is said for a text, and how it sounds."""

    said: SpokenText
    readings: list[Reading]  # places are those of `said.text`


def join(readings: Iterable[Reading]) -> str:
    return "".join(reading.phonemes for reading in readings)


def shift(readings: Iterable[Reading], places: int) -> Iterator[Reading]:
    """The same, `places` further on in the text."""
    for reading in readings:
        yield replace(reading, start=reading.start + places, end=reading.end + places)

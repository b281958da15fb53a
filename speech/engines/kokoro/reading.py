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
    """The spoken form of a text with its phonemes. `written` maps positions in `text` back to the source."""

    text: str
    readings: list[Reading]  # their positions are in `text`
    written: SpokenText

    def source_span(self, start: int, end: int) -> tuple[int, int]:
        """Returns the span of the source for `text[start:end]`."""
        return self.written.source_span(start, end)


def join(readings: Iterable[Reading]) -> str:
    return "".join(reading.phonemes for reading in readings)


def shift(readings: Iterable[Reading], places: int) -> Iterator[Reading]:
    """Moves the positions by `places` code points."""
    for reading in readings:
        yield replace(reading, start=reading.start + places, end=reading.end + places)

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
    """What is said for a text, how it sounds, and the way back. `maps`: from the text to what is said, in order."""

    text: str
    readings: list[Reading]  # places are those of `text`
    maps: tuple[SpokenText, ...]

    def source_span(self, start: int, end: int) -> tuple[int, int]:
        """The span of the source that `text[start:end]` was made from."""
        for written in reversed(self.maps):
            start, end = written.source_span(start, end)
        return start, end


def join(readings: Iterable[Reading]) -> str:
    return "".join(reading.phonemes for reading in readings)


def shift(readings: Iterable[Reading], places: int) -> Iterator[Reading]:
    """The same, `places` further on in the text."""
    for reading in readings:
        yield replace(reading, start=reading.start + places, end=reading.end + places)

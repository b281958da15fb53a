"""Replaces parts of a text with their spoken form, and maps positions in the result back to the source.

All positions are in code points. The languages decide what is replaced (see `speech.text.normalize`).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Replacement:
    """A span of the source, never empty, and its spoken form; "" removes it."""

    start: int
    end: int
    spoken: str


@dataclass(frozen=True, slots=True)
class SpokenText:
    """The spoken form of a text, with a map from its positions to the source."""

    text: str
    # For every non-empty replacement, in order: its start and end in the text and in the source. Between two of them,
    # the text is that of the source, without removed spans.
    _spoken_starts: tuple[int, ...]
    _spoken_ends: tuple[int, ...]
    _source_starts: tuple[int, ...]
    _source_ends: tuple[int, ...]

    def source_span(self, start: int, end: int) -> tuple[int, int]:
        """Returns the span of the source for `text[start:end]`. If it touches a replacement, includes all of that."""
        first = bisect_right(self._spoken_starts, start) - 1
        if first >= 0 and start < self._spoken_ends[first]:
            source_start = self._source_starts[first]
        else:
            source_start = self._behind(first, start)
        if end <= start:
            return source_start, source_start
        last = bisect_left(self._spoken_starts, end) - 1
        if last >= 0 and end <= self._spoken_ends[last]:
            return source_start, self._source_ends[last]
        return source_start, self._behind(last, end)

    def _behind(self, index: int, place: int) -> int:
        """Maps a position after the replacement at `index` to the source. -1 means before the first replacement."""
        if index < 0:
            return place
        return self._source_ends[index] + place - self._spoken_ends[index]


def apply(text: str, replacements: Iterable[Replacement]) -> SpokenText:
    """Applies the replacements. Raises ValueError if two of them overlap, or one is empty."""
    parts: list[str] = []
    spoken_starts, spoken_ends, source_starts, source_ends = [], [], [], []
    at = spoken_at = 0
    for replacement in sorted(replacements, key=lambda replacement: replacement.start):
        if not at <= replacement.start < replacement.end <= len(text):
            raise ValueError(f"{replacement} overlaps another, or is empty, or is not in the text")
        parts += [text[at : replacement.start], replacement.spoken]
        spoken_at += replacement.start - at
        spoken_starts.append(spoken_at)
        spoken_at += len(replacement.spoken)
        spoken_ends.append(spoken_at)
        source_starts.append(replacement.start)
        source_ends.append(replacement.end)
        at = replacement.end
    parts.append(text[at:])
    return SpokenText(
        "".join(parts), tuple(spoken_starts), tuple(spoken_ends), tuple(source_starts), tuple(source_ends)
    )

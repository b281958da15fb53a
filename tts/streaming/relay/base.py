"""What both relays share: the worker's writer, and the items that a reader gets."""

from collections import deque
from typing import NamedTuple


class Relayed(NamedTuple):
    """Encoded bytes, in order.

    `ready_bytes` counts what the attempt has generated so far, `ready_chars` the charged code points that they
    represent.
    """

    encoded: bytes
    ready_bytes: int
    ready_chars: int


class Writer:
    """For audio that needs no relay besides the file: does nothing. Each relay overrides both methods."""

    has_parts = False  # whether the store has, or may have, parts of the stream

    def write(self, encoded: bytes, *, chars: int) -> None:
        """Writes bytes. Never blocks for long.

        `chars` is how many of the charged code points are spoken by the end of these bytes. They are in the spool file
        by the next call.
        """

    def end(self) -> None:
        """Ends the stream once the job's row has its final state, which readers then check. Never raises."""


class CharMarks:
    """Maps the bytes of an attempt to code points. Not thread-safe."""

    def __init__(self) -> None:
        self._marks: deque[tuple[int, int]] = deque()  # (first byte, code points)
        self._written_chars = -1
        self._chars = 0

    def add(self, from_byte: int, chars: int) -> None:
        """Adds a mark. Call in order."""
        if chars != self._written_chars:
            self._marks.append((from_byte, chars))
            self._written_chars = chars

    def count(self, until_byte: int) -> int:
        """Returns how many code points the first `until_byte` bytes represent. Call with increasing values."""
        while self._marks and self._marks[0][0] < until_byte:
            self._chars = self._marks.popleft()[1]
        return self._chars

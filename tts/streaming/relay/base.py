"""What both kinds of relay share: what a worker writes to, and what a reader gets."""

from collections import deque
from typing import NamedTuple


class Relayed(NamedTuple):
    """Encoded bytes, in order. `ready_bytes`: how many the attempt has made by now; `ready_chars`: how many of the
    charged code points they stand for.
    """

    encoded: bytes
    ready_bytes: int
    ready_chars: int


class Writer:
    """For bytes that need no relay beside the file: does nothing. Each kind of relay overrides both."""

    has_parts = False  # of the stream in the store, or may have

    def write(self, encoded: bytes, *, chars: int) -> None:
        """`chars`: how many of the charged code points are spoken once these bytes are. Never waits long. The bytes are
        in the spool file by the next call.
        """

    def end(self) -> None:
        """The job's row says what became of it: readers look there now. Never raises."""


class CharMarks:
    """How many code points the bytes of an attempt stand for. For one thread at a time."""

    def __init__(self) -> None:
        self._marks: deque[tuple[int, int]] = deque()  # from this byte on, this many code points
        self._written_chars = -1
        self._chars = 0

    def add(self, from_byte: int, chars: int) -> None:
        """In order."""
        if chars != self._written_chars:
            self._marks.append((from_byte, chars))
            self._written_chars = chars

    def count(self, until_byte: int) -> int:
        """How many code points the first `until_byte` bytes stand for. To be asked for more bytes each time."""
        while self._marks and self._marks[0][0] < until_byte:
            self._chars = self._marks.popleft()[1]
        return self._chars

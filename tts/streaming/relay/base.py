"""What both kinds of relay share: what a worker writes to, and what a reader gets."""

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

    def write(self, encoded: bytes, *, chars: int) -> None:
        """`chars`: how many of the charged code points are spoken once these bytes are. Never waits long."""

    def end(self) -> None:
        """The job's row says what became of it: readers look there now. Never raises."""

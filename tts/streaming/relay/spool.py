"""The relay for a single machine: the web process reads the worker's spool file while it grows.

There is no second copy and no thread per reader, and a slow one costs nothing: what it has not read yet is in the file,
which stays readable after the worker has unlinked it. Beside it is a small file of marks, which maps positions to the
characters spoken. A mark is written before the bytes that it counts.
"""

import asyncio
import os
import struct
import time
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from tts.streaming.relay.base import Relayed, Writer

CHUNK_BYTES = 64 * 1024
GATHER_SECONDS = 0.06  # between chunks: each costs the reader far more than a check, and takes CPU time from the writer
FIRST_LOOK_SECONDS = 0.002  # between checks while bytes arrive
LAST_LOOK_SECONDS = 0.05
LATE_BY = 1 / 80  # of the time waited so far: after a long wait, a later check matters less, and costs next to nothing
SILENCE_SECONDS = 1.0
MARK = struct.Struct("<QQ")  # first byte, code points


class SpoolWriter(Writer):
    """Writes the marks beside the spool file at `path`. `write` raises OSError if the disk is full."""

    def __init__(self, path: Path) -> None:
        self._path = marks_path(path)
        self._file: BinaryIO | None = None
        self._written_bytes = 0
        self._chars = -1

    def write(self, encoded: bytes, *, chars: int) -> None:
        if self._file is None:
            self._file = self._path.open("wb", buffering=0)
        if chars != self._chars:
            self._file.write(MARK.pack(self._written_bytes, chars))
            self._chars = chars
        self._written_bytes += len(encoded)

    def end(self) -> None:
        if self._file is not None:
            self._file.close()
        with suppress(OSError):
            self._path.unlink()


class _Marks:
    """Reads the marks. Opened with the first bytes, which are written after the first mark."""

    def __init__(self, path: Path) -> None:
        self._path = marks_path(path)
        self._descriptor = -1
        self._unread = bytearray()
        self._chars: int | None = None

    def count_chars(self, written_bytes: int) -> int | None:
        """Returns the code points of the first `written_bytes`, which must not decrease. None if there are no marks."""
        if self._descriptor < 0:
            self._descriptor = _open(self._path)
        if self._descriptor < 0:
            return None
        while chunk := os.read(self._descriptor, CHUNK_BYTES):
            self._unread += chunk
        while len(self._unread) >= MARK.size:
            from_byte, chars = MARK.unpack_from(self._unread)
            if from_byte >= written_bytes:
                break
            self._chars = chars
            del self._unread[: MARK.size]
        return self._chars

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)


def marks_path(path: Path) -> Path:
    return path.with_name(path.name + ".marks")


async def follow(path: Path) -> AsyncGenerator[Relayed | None, None]:
    """See `tts.streaming.relay.follow`. The file may not exist yet."""
    descriptor, handed_out, marks = -1, 0, _Marks(path)
    waits_since = told_at = time.monotonic()
    handed_out_at = float("-inf")
    is_told = False
    try:
        while True:
            if descriptor < 0:
                descriptor = _open(path)
            written, is_over = _state(descriptor)
            now = time.monotonic()
            is_due = now - handed_out_at >= GATHER_SECONDS or written - handed_out >= CHUNK_BYTES
            if written > handed_out and (is_due or is_over):
                ready_chars = marks.count_chars(written)
                if ready_chars is None:
                    return  # the attempt has just ended
                # Read synchronously: a local file comes from the page cache, within microseconds.
                chunk = os.read(descriptor, min(CHUNK_BYTES, written - handed_out))
                handed_out += len(chunk)
                yield Relayed(chunk, written, ready_chars)
                waits_since = told_at = handed_out_at = time.monotonic()
                continue
            # Everything written before the file was unlinked has been yielded by now.
            if (is_over and not is_told) or now - told_at > SILENCE_SECONDS:
                told_at, is_told = now, is_over
                yield None
            await asyncio.sleep(min(max((now - waits_since) * LATE_BY, FIRST_LOOK_SECONDS), LAST_LOOK_SECONDS))
    finally:
        marks.close()
        if descriptor >= 0:
            os.close(descriptor)


def _state(descriptor: int) -> tuple[int, bool]:
    """Returns the file's size, and whether it is complete: the writer has then unlinked it."""
    if descriptor < 0:
        return 0, False
    state = os.fstat(descriptor)
    return state.st_size, state.st_nlink == 0


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return -1

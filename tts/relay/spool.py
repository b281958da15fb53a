"""The relay of one machine: the web process reads the worker's spool file while it grows.

No second copy, no thread for a reader, and a slow one costs nothing: what it has not read yet is in the file, which
stays readable after the worker has removed its name.
"""

import asyncio
import os
import time
from collections.abc import AsyncGenerator
from pathlib import Path

CHUNK_BYTES = 64 * 1024
GATHER_SECONDS = 0.06  # between chunks: each costs the reader far more than a look, and the writer the processor
FIRST_LOOK_SECONDS = 0.002  # between looks while bytes come
LAST_LOOK_SECONDS = 0.05
LATE_BY = 1 / 80  # of the time waited: who waits long may hear of it so much later, and costs next to nothing
SILENCE_SECONDS = 1.0


async def follow(path: Path) -> AsyncGenerator[bytes, None]:
    """See `tts.relay.follow`. The file may come into being later."""
    descriptor, handed_out = -1, 0
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
                # Not waited for: a local file is read from the page cache, within microseconds.
                chunk = os.read(descriptor, CHUNK_BYTES)
                handed_out += len(chunk)
                yield chunk
                waits_since = told_at = handed_out_at = time.monotonic()
                continue
            # What was written before the name went was handed out by now.
            if (is_over and not is_told) or now - told_at > SILENCE_SECONDS:
                told_at, is_told = now, is_over
                yield b""
            await asyncio.sleep(min(max((now - waits_since) * LATE_BY, FIRST_LOOK_SECONDS), LAST_LOOK_SECONDS))
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _state(descriptor: int) -> tuple[int, bool]:
    """How many bytes are there, and whether no more will come: the writer took the name away."""
    if descriptor < 0:
        return 0, False
    state = os.fstat(descriptor)
    return state.st_size, state.st_nlink == 0


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return -1

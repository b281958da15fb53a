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
GATHER_SECONDS = 0.008  # after each chunk: fewer and larger ones leave the processor to who makes them
FIRST_LOOK_SECONDS = 0.002  # between looks while nothing is there
LAST_LOOK_SECONDS = 0.05
LATE_BY = 1 / 40  # of the time waited: who waits long may hear of it so much later, and costs next to nothing
SILENCE_SECONDS = 1.0


async def follow(path: Path) -> AsyncGenerator[bytes, None]:
    """See `tts.relay.follow`. The file may come into being later."""
    descriptor = -1
    waits_since = told_at = time.monotonic()
    is_told = False
    try:
        while True:
            if descriptor < 0:
                descriptor = _open(path)
            # Not waited for: a local file is read from the page cache, within microseconds.
            chunk = os.read(descriptor, CHUNK_BYTES) if descriptor >= 0 else b""
            if chunk:
                yield chunk
                await asyncio.sleep(GATHER_SECONDS)
                waits_since = told_at = time.monotonic()
                continue
            is_over = descriptor >= 0 and os.fstat(descriptor).st_nlink == 0
            # What was written before the name went is read before the end is told.
            if is_over and (chunk := os.read(descriptor, CHUNK_BYTES)):
                yield chunk
                continue
            now = time.monotonic()
            if (is_over and not is_told) or now - told_at > SILENCE_SECONDS:
                told_at, is_told = now, is_over
                yield b""
            await asyncio.sleep(min(max((now - waits_since) * LATE_BY, FIRST_LOOK_SECONDS), LAST_LOOK_SECONDS))
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return -1

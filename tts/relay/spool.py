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
FIRST_LOOK_SECONDS = 0.002  # between looks while bytes come; each look in vain takes half as long again
LAST_LOOK_SECONDS = 0.05
SILENCE_SECONDS = 1.0


async def follow(path: Path) -> AsyncGenerator[bytes, None]:
    """See `tts.relay.follow`. The file may come into being later."""
    descriptor = -1
    pause_seconds, heard_at, is_told = FIRST_LOOK_SECONDS, time.monotonic(), False
    try:
        while True:
            if descriptor < 0:
                descriptor = _open(path)
            # Not waited for: a local file is read from the page cache, within microseconds.
            chunk = os.read(descriptor, CHUNK_BYTES) if descriptor >= 0 else b""
            if chunk:
                pause_seconds, heard_at = FIRST_LOOK_SECONDS, time.monotonic()
                yield chunk
                continue
            is_over = descriptor >= 0 and os.fstat(descriptor).st_nlink == 0
            # What was written before the name went is read before the end is told.
            if is_over and (chunk := os.read(descriptor, CHUNK_BYTES)):
                yield chunk
                continue
            if (is_over and not is_told) or time.monotonic() - heard_at > SILENCE_SECONDS:
                heard_at, is_told = time.monotonic(), is_over
                yield b""
            await asyncio.sleep(pause_seconds)
            if descriptor >= 0:
                pause_seconds = min(pause_seconds * 1.5, LAST_LOOK_SECONDS)
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return -1

"""The relay of many machines: a Redis stream for each attempt at a job.

Holds a window of the last entries. A reader that falls behind it goes on from the audio store once the job is complete,
so a slow one holds up nobody, and Redis does not fill up.
"""

import logging
import time
from collections.abc import AsyncGenerator
from typing import Any

import redis
import redis.asyncio
from django.conf import settings

from tts.relay.base import Writer

logger = logging.getLogger(__name__)

ENTRY_BYTES = 64 * 1024
WINDOW_ENTRIES = 64  # so at most 4 MiB for a job
GATHER_SECONDS = 0.02  # what an engine makes within that time goes out together
EXPIRE_SECONDS = 600  # after the last bytes of a worker that died
LINGER_SECONDS = 30  # after the end, for readers that are almost there
PATIENCE_SECONDS = 0.5  # to connect and to be answered; then this attempt is not relayed any more
SILENCE_SECONDS = 1.0


class RedisWriter(Writer):
    """One attempt's bytes, each entry with its place in the whole."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._client: redis.Redis | None = redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=PATIENCE_SECONDS, socket_connect_timeout=PATIENCE_SECONDS
        )
        self._gathered = bytearray()
        self._sent_bytes = 0
        self._sent_at = float("-inf")

    def write(self, encoded: bytes) -> None:
        self._gathered += encoded
        is_due = time.monotonic() - self._sent_at >= GATHER_SECONDS
        if self._gathered and (is_due or len(self._gathered) >= ENTRY_BYTES):
            self._send_gathered()

    def end(self) -> None:
        self._send_gathered()
        self._add({"end": b""}, expire_seconds=LINGER_SECONDS)
        if self._client is not None:
            self._client.close()

    def _send_gathered(self) -> None:
        while self._gathered:
            entry = bytes(self._gathered[:ENTRY_BYTES])
            del self._gathered[:ENTRY_BYTES]
            self._add({"at": b"%d" % self._sent_bytes, "bytes": entry}, expire_seconds=EXPIRE_SECONDS)
            self._sent_bytes += len(entry)
        self._sent_at = time.monotonic()

    def _add(self, fields: dict[Any, Any], *, expire_seconds: int) -> None:
        if self._client is None:
            return
        try:
            with self._client.pipeline(transaction=False) as pipe:
                pipe.xadd(self._name, fields, maxlen=WINDOW_ENTRIES, approximate=False)
                pipe.expire(self._name, expire_seconds)
                pipe.execute()
        except redis.RedisError as error:
            logger.warning("%s is not relayed any further: %s", self._name, type(error).__name__)
            self._client = None


async def follow(name: str) -> AsyncGenerator[bytes, None]:
    """See `tts.relay.follow`."""
    client = redis.asyncio.Redis.from_url(
        settings.REDIS_URL, socket_timeout=SILENCE_SECONDS + PATIENCE_SECONDS, socket_connect_timeout=PATIENCE_SECONDS
    )
    last_id, received_bytes = b"0", 0
    try:
        while True:
            answer: Any = await client.xread({name: last_id}, block=int(SILENCE_SECONDS * 1000), count=16)
            entries = answer[0][1] if answer else []
            if not entries:
                yield b""
            for entry_id, fields in entries:
                last_id = entry_id
                if b"end" in fields:
                    yield b""
                    continue
                if int(fields[b"at"]) != received_bytes:
                    logger.info("%s: a reader fell behind the window", name)
                    return
                received_bytes += len(fields[b"bytes"])
                yield fields[b"bytes"]
    except (redis.RedisError, OSError) as error:
        logger.warning("%s cannot be read: %s", name, type(error).__name__)
    finally:
        await client.aclose()

"""The relay of many machines: a Redis stream for each attempt at a job.

Holds a window of the last entries. A reader that falls behind it goes on from the audio store once the job is complete,
so a slow one holds up nobody, and Redis does not fill up.
"""

import logging
import threading
from collections import deque
from collections.abc import AsyncGenerator
from typing import Any

import redis
import redis.asyncio
from django.conf import settings

from tts.streaming.relay.base import Relayed, Writer

logger = logging.getLogger(__name__)

ENTRY_BYTES = 64 * 1024
WINDOW_ENTRIES = 64  # so at most 4 MiB for a job
GATHER_SECONDS = 0.01  # what an engine makes within that time goes out together
BEHIND_BYTES = 4 * 1024 * 1024  # what may wait for Redis
READ_ENTRIES = 4  # at once, so at most 256 KiB for a reader
EXPIRE_SECONDS = 600  # after the last bytes of a worker that died
LINGER_SECONDS = 30  # after the end, for readers that are almost there
PATIENCE_SECONDS = 0.5  # to connect and to be answered; then this attempt is not relayed any more
SILENCE_SECONDS = 1.0


class RedisWriter(Writer):
    """One attempt's bytes, each entry with its place in the whole and the characters spoken by its end.

    A thread of its own sends them: what an engine made last is heard though it thinks about what comes next, and a
    Redis that hangs does not hold up the voice.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._gathered = bytearray()
        self._written_bytes = self._chars = 0
        self._marks: deque[tuple[int, int]] = deque()  # from this byte on, this many code points
        self._is_over = False
        self._is_lost = False
        self._changed = threading.Condition()  # guards all of the above
        self._thread = threading.Thread(target=self._send_all, name=name, daemon=True)
        self._thread.start()

    def write(self, encoded: bytes, *, chars: int) -> None:
        with self._changed:
            if not self._is_lost and len(self._gathered) + len(encoded) > BEHIND_BYTES:
                self._lose("Redis is too slow")
            if not self._is_lost:
                self._marks.append((self._written_bytes, chars))
                self._written_bytes += len(encoded)
                self._gathered += encoded
                self._changed.notify()

    def end(self) -> None:
        with self._changed:
            self._is_over = True
            self._changed.notify()
        self._thread.join(PATIENCE_SECONDS)

    def _send_all(self) -> None:
        sent_bytes = 0
        try:
            with redis.Redis.from_url(
                settings.REDIS_URL, socket_timeout=PATIENCE_SECONDS, socket_connect_timeout=PATIENCE_SECONDS
            ) as client:
                while (entry := self._next_entry()) is not None:
                    chars = self._count_chars(sent_bytes + len(entry))
                    fields = {"at": b"%d" % sent_bytes, "bytes": entry, "chars": b"%d" % chars}
                    self._add(client, fields, expire_seconds=EXPIRE_SECONDS)
                    sent_bytes += len(entry)
                if not self._is_lost:
                    self._add(client, {"end": b""}, expire_seconds=LINGER_SECONDS)
        except redis.RedisError as error:
            with self._changed:
                self._lose(type(error).__name__)

    def _next_entry(self) -> bytes | None:
        """None: nothing more will come."""
        with self._changed:
            self._changed.wait_for(lambda: self._gathered or self._is_over or self._is_lost)
            self._changed.wait_for(
                lambda: len(self._gathered) >= ENTRY_BYTES or self._is_over or self._is_lost, GATHER_SECONDS
            )
            entry = bytes(self._gathered[:ENTRY_BYTES])
            del self._gathered[:ENTRY_BYTES]
            return entry or None

    def _count_chars(self, sent_bytes: int) -> int:
        """How many code points the first `sent_bytes` stand for, which only grow."""
        with self._changed:
            while self._marks and self._marks[0][0] < sent_bytes:
                self._chars = self._marks.popleft()[1]
            return self._chars

    def _add(self, client: redis.Redis, fields: dict[Any, Any], *, expire_seconds: int) -> None:
        with client.pipeline(transaction=False) as pipe:
            pipe.xadd(self._name, fields, maxlen=WINDOW_ENTRIES, approximate=False)
            pipe.expire(self._name, expire_seconds)
            pipe.execute()

    def _lose(self, why: str) -> None:
        """Readers go on from the store. The caller holds the condition."""
        if not self._is_lost:
            logger.warning("stopped relaying %s: %s", self._name, why)
        self._is_lost = True
        self._gathered.clear()
        self._marks.clear()
        self._changed.notify()


async def follow(name: str) -> AsyncGenerator[Relayed | None, None]:
    """See `tts.streaming.relay.follow`."""
    client = redis.asyncio.Redis.from_url(
        settings.REDIS_URL, socket_timeout=SILENCE_SECONDS + PATIENCE_SECONDS, socket_connect_timeout=PATIENCE_SECONDS
    )
    last_id, received_bytes = b"0", 0
    try:
        while True:
            answer: Any = await client.xread({name: last_id}, block=int(SILENCE_SECONDS * 1000), count=READ_ENTRIES)
            entries = answer[0][1] if answer else []
            if not entries:
                yield None
            audio = [fields for _entry_id, fields in entries if b"end" not in fields]
            for fields in audio:
                if int(fields[b"at"]) != received_bytes:
                    logger.info("%s: a reader fell too far behind", name)
                    return
                if b"chars" not in fields:  # from a worker of an earlier version
                    return
                received_bytes += len(fields[b"bytes"])
                ready_bytes = int(audio[-1][b"at"]) + len(audio[-1][b"bytes"])
                yield Relayed(fields[b"bytes"], ready_bytes, int(audio[-1].get(b"chars", 0)))
            if len(audio) < len(entries):
                yield None
            if entries:
                last_id = entries[-1][0]
    except (redis.RedisError, OSError) as error:
        logger.warning("could not read %s: %s", name, type(error).__name__)
    finally:
        await client.aclose()

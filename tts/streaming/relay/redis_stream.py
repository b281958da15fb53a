"""The relay for several machines: one Redis stream for each attempt of a job.

It holds a window of the last bytes. A reader that falls behind it continues with the parts in the audio store
(`tts.streaming.relay.parts`), so a slow one delays no other, and Redis does not fill up. An entry's ID is the position
of its first byte, counted from 1, so that a reader can resume.
"""

import logging
import threading
from collections import deque
from collections.abc import AsyncGenerator
from typing import Any

import redis
import redis.asyncio
from django.conf import settings

from tts.streaming.relay.base import CharMarks, Relayed, Writer

logger = logging.getLogger(__name__)

ENTRY_BYTES = 64 * 1024
WINDOW_BYTES = 4 * 1024 * 1024  # per job
GATHER_SECONDS = 0.01  # what an engine generates within this time is sent together
BEHIND_BYTES = 4 * 1024 * 1024  # the most that may wait for Redis
READ_ENTRIES = 4  # at once, so at most 256 KiB per reader
EXPIRE_SECONDS = 600  # after the last bytes of a worker that died
LINGER_SECONDS = 30  # after the end, for readers that are almost done
PATIENCE_SECONDS = 0.5  # to connect and to get a response; after that, this attempt is no longer relayed
SILENCE_SECONDS = 1.0


class RedisWriter(Writer):
    """Sends one attempt's bytes, each entry with its position and the characters spoken by its end.

    A separate thread sends them: the last bytes are sent while the engine is busy with the next, and a Redis that hangs
    does not block the engine.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._gathered = bytearray()
        self._written_bytes = 0
        self._marks = CharMarks()
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
                self._marks.add(self._written_bytes, chars)
                self._written_bytes += len(encoded)
                self._gathered += encoded
                self._changed.notify()

    def end(self) -> None:
        with self._changed:
            self._is_over = True
            self._changed.notify()
        self._thread.join(PATIENCE_SECONDS)

    def _send_all(self) -> None:
        sent_bytes = held_bytes = 0
        window = deque[int]()  # the sizes of the entries that Redis holds
        try:
            with redis.Redis.from_url(
                settings.REDIS_URL, socket_timeout=PATIENCE_SECONDS, socket_connect_timeout=PATIENCE_SECONDS
            ) as client:
                while (entry := self._next_entry()) is not None:
                    with self._changed:
                        chars = self._marks.count(sent_bytes + len(entry))
                    window.append(len(entry))
                    held_bytes += len(entry)
                    while held_bytes > WINDOW_BYTES and len(window) > 1:
                        held_bytes -= window.popleft()
                    fields = {"at": b"%d" % sent_bytes, "bytes": entry, "chars": b"%d" % chars}
                    self._add(client, f"{sent_bytes + 1}-0", fields, len(window), expire_seconds=EXPIRE_SECONDS)
                    sent_bytes += len(entry)
                if not self._is_lost:
                    end_id = f"{sent_bytes + 1}-1"
                    self._add(client, end_id, {"end": b""}, len(window) + 1, expire_seconds=LINGER_SECONDS)
        except redis.RedisError as error:
            with self._changed:
                self._lose(type(error).__name__)

    def _next_entry(self) -> bytes | None:
        """Returns the next entry, or None if nothing more will come."""
        with self._changed:
            self._changed.wait_for(lambda: self._gathered or self._is_over or self._is_lost)
            self._changed.wait_for(
                lambda: len(self._gathered) >= ENTRY_BYTES or self._is_over or self._is_lost, GATHER_SECONDS
            )
            entry = bytes(self._gathered[:ENTRY_BYTES])
            del self._gathered[:ENTRY_BYTES]
            return entry or None

    def _add(
        self, client: redis.Redis, entry_id: str, fields: dict[Any, Any], entries: int, *, expire_seconds: int
    ) -> None:
        """`entries` is how many are held, including this one."""
        with client.pipeline(transaction=False) as pipe:
            pipe.xadd(self._name, fields, id=entry_id, maxlen=entries, approximate=False)
            pipe.expire(self._name, expire_seconds)
            pipe.execute()

    def _lose(self, why: str) -> None:
        """Stops relaying; readers continue with the parts in the store. The caller holds the condition."""
        if not self._is_lost:
            logger.warning("stopped relaying %s: %s", self._name, why)
        self._is_lost = True
        self._gathered.clear()
        self._changed.notify()


class RelayAway(Exception):
    """Redis does not respond."""


async def follow(name: str, *, from_byte: int = 0) -> AsyncGenerator[Relayed | None, None]:
    """Yields the bytes of an attempt from this position, as they are generated.

    None means that nothing came for a while, or that nothing more will. Ends if Redis no longer has the next byte, or
    has nothing yet. Raises RelayAway.
    """
    client = redis.asyncio.Redis.from_url(
        settings.REDIS_URL, socket_timeout=SILENCE_SECONDS + PATIENCE_SECONDS, socket_connect_timeout=PATIENCE_SECONDS
    )
    try:
        last_id, received_bytes = b"0", from_byte
        if from_byte:
            # The entry that contains the byte, or ends before it.
            entries: Any = await client.xrevrange(name, f"{from_byte + 1}-{2**64 - 1}", "-", count=1)
            if not entries:
                return
            last_id, fields = entries[0]
            if b"at" in fields:
                at, encoded = int(fields[b"at"]), fields[b"bytes"]
                if at + len(encoded) < from_byte:
                    return
                if rest := encoded[from_byte - at :]:
                    received_bytes += len(rest)
                    yield Relayed(rest, received_bytes, int(fields[b"chars"]))
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
        raise RelayAway from error
    finally:
        await client.aclose()

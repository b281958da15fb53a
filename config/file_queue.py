"""A Celery broker for one machine, used when no other is configured: each message is a file in a folder.

Kombu's filesystem transport has three faults. A reader can take a message before it is fully written, and the worker
then ends with a JSON error. It moves messages through the system's temporary folder. If the folder is deleted, it
forgets its queues. Here both ends rename files atomically within the folder, and the folder is created again if it is
missing.
"""

import time
import uuid
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any, cast

from kombu.transport import filesystem
from kombu.utils.json import dumps, loads

from config.inotify import FolderWatch

LOOK_AGAIN_SECONDS = 1.0  # even if no file has been moved in
FULL_SECONDS = 0.02


class Channel(filesystem.Channel):
    """Supports only direct exchanges, each with one queue of the same name, so there is no routing to store."""

    supports_fanout = False

    @property
    def folder(self) -> Path:
        return Path(self.data_folder_in)

    def get_table(self, exchange: str) -> list[filesystem.exchange_queue_t]:  # type: ignore[override]  # bases disagree
        return [filesystem.exchange_queue_t(routing_key=exchange, pattern="", queue=exchange)]

    def _queue_bind(self, exchange: str, routing_key: str | None, pattern: str | None, queue: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    def _delete(self, queue: str, *args: Any, **kwargs: Any) -> None:
        self._purge(queue)

    def _put(self, queue: str, message: Any, **kwargs: Any) -> None:  # type: ignore[override]  # bases disagree
        name = f"{time.time_ns():020d}-{uuid.uuid4().hex}.{queue}.msg"
        unfinished = self.folder / f"{name}.part"
        for _ in range(2):
            try:
                unfinished.write_text(dumps(message))
                unfinished.rename(self.folder / name)
                return
            except FileNotFoundError:
                self.folder.mkdir(parents=True, exist_ok=True)

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        for path in self._messages(queue):
            taken = path.with_suffix(".taken")
            try:
                path.rename(taken)  # if several readers race, one wins
                payload = taken.read_text()
                taken.unlink()
            except FileNotFoundError:
                continue
            return loads(payload)
        raise Empty

    def _purge(self, queue: str) -> int:
        messages = self._messages(queue)
        for path in messages:
            path.unlink(missing_ok=True)
        return len(messages)

    def _size(self, queue: str) -> int:
        return len(self._messages(queue))

    def _messages(self, queue: str) -> list[Path]:
        """Returns the queue's messages, oldest first."""
        return sorted(self.folder.glob(f"*.{queue}.msg"))


class Transport(filesystem.Transport):
    """Implements `settings.CELERY_BROKER_TRANSPORT` on one machine."""

    Channel = Channel

    def __init__(self, client: Any, **kwargs: Any) -> None:
        super().__init__(client, **kwargs)
        self._watch = FolderWatch(Path(client.transport_options["data_folder_in"]))

    def drain_events(self, connection: Any, timeout: float | None = None) -> None:  # type: ignore[override]
        """Delivers one message or raises TimeoutError, as kombu's does, but waits for the folder instead of polling.

        Kombu polls a hundred times a second. That takes 4% of a processor from the engine that is speaking, and delays
        every message until the next poll.
        """
        ends_at = time.monotonic() + (float("inf") if timeout is None else timeout)
        while True:
            self._watch.begin()
            with suppress(Empty):
                cast(Any, self.cycle).get(self._deliver, timeout=timeout)
                return
            seconds_left = ends_at - time.monotonic()
            if seconds_left <= 0:
                raise TimeoutError
            self._watch.wait(min(seconds_left, FULL_SECONDS if self._is_full() else LOOK_AGAIN_SECONDS))

    def _is_full(self) -> bool:
        """Whether the worker holds as many messages as it may. No file event tells when that changes."""
        return not all(channel.qos.can_consume() for channel in cast(Any, self.channels))

    def close_connection(self, connection: Any) -> None:
        super().close_connection(connection)
        self._watch.close()

"""The queue of one machine: a message is a file in a folder. Celery's broker when no other is configured.

Kombu's own filesystem transport lets a reader take a message before its writer has filled it, which ends the worker
with a JSON error; it takes messages by way of the system's temporary folder; and it forgets its queues when the folder
is deleted. Here both ends rename, which is atomic, nothing leaves the folder, and the folder is made again whenever it
is missing.
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

LOOK_AGAIN_SECONDS = 1.0  # though nothing seems to have come
FULL_SECONDS = 0.02


class Channel(filesystem.Channel):
    """Direct exchanges only, each named like its one queue; so nothing about routing needs to be stored."""

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
                path.rename(taken)  # of several readers one wins
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
        """Oldest first."""
        return sorted(self.folder.glob(f"*.{queue}.msg"))


class Transport(filesystem.Transport):
    """`settings.CELERY_BROKER_TRANSPORT` on one machine."""

    Channel = Channel

    def __init__(self, client: Any, **kwargs: Any) -> None:
        super().__init__(client, **kwargs)
        self._watch = FolderWatch(Path(client.transport_options["data_folder_in"]))

    def drain_events(self, connection: Any, timeout: float | None = None) -> None:  # type: ignore[override]
        """As kombu's: one message, or TimeoutError. But kombu looks a hundred times a second, which takes four
        hundredths of a processor from an engine that is speaking, and a message waits for the next look.
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
        """The worker has as much in hand as it may: no file tells when a slot is free."""
        return not all(channel.qos.can_consume() for channel in cast(Any, self.channels))

    def close_connection(self, connection: Any) -> None:
        super().close_connection(connection)
        self._watch.close()

"""The queue of one machine: a message is a file in a folder. Celery's broker when no other is configured.

Kombu's own filesystem transport lets a reader take a message before its writer has filled it, which ends the worker
with a JSON error; it takes messages by way of the system's temporary folder; and it forgets its queues when the folder
is deleted. Here both ends rename, which is atomic, nothing leaves the folder, and the folder is made again whenever it
is missing.
"""

import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import filesystem
from kombu.utils.json import dumps, loads

SETTLED_NANOSECONDS = 100_000_000


class Channel(filesystem.Channel):
    """Direct exchanges only, each named like its one queue; so nothing about routing needs to be stored."""

    supports_fanout = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._empty_since: dict[str, int] = {}  # by queue: when the folder changed last, before it was found empty

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
        """Oldest first. A look at a folder in which nothing has changed costs one system call: workers look often."""
        try:
            changed_at = self.folder.stat().st_mtime_ns
            if self._empty_since.get(queue) == changed_at:
                return []
            found = sorted(self.folder.glob(f"*.{queue}.msg"))
        except FileNotFoundError:
            return []
        # A folder's time is as coarse as the kernel's clock: what comes within the same tick would not be seen.
        if not found and time.time_ns() - changed_at > SETTLED_NANOSECONDS:
            self._empty_since[queue] = changed_at
        return found


class Transport(filesystem.Transport):
    """`settings.CELERY_BROKER_TRANSPORT` on one machine."""

    Channel = Channel

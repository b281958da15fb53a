"""Waits until a file is moved into a folder, with inotify(7). Without it, polls every 10 ms."""

import ctypes
import os
import select
import time
from contextlib import suppress
from pathlib import Path

MOVED_IN = 0x80  # IN_MOVED_TO
LOOK_SECONDS = 0.01
EVENT_BYTES = 64 * 1024

_libc = ctypes.CDLL(None, use_errno=True)


class FolderWatch:
    """Watches a folder: call `begin`, look for files, then `wait`.

    A file that arrives between the look and the wait ends the wait at once. It may wake without a file, but does not
    miss one. The folder may be missing or be created again.
    """

    def __init__(self, folder: Path) -> None:
        self._path = os.fsencode(folder)
        self._descriptor = -1

    def begin(self) -> None:
        """Discards past events."""
        if not hasattr(_libc, "inotify_init1"):
            return
        if self._descriptor < 0:
            self._descriptor = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        # Add the watch each time, because the folder may have been replaced. For a folder that is already watched, this
        # does nothing.
        if _libc.inotify_add_watch(self._descriptor, self._path, MOVED_IN) < 0:
            self.close()  # the folder is missing, or the limit of watches was reached
            return
        with suppress(BlockingIOError):
            os.read(self._descriptor, EVENT_BYTES)

    def wait(self, seconds: float) -> None:
        if self._descriptor < 0:
            time.sleep(min(seconds, LOOK_SECONDS))
            return
        poller = select.poll()  # select.select cannot take descriptors above 1,023
        poller.register(self._descriptor, select.POLLIN)
        poller.poll(seconds * 1000)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1

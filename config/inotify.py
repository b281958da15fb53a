"""Waiting until a file is moved into a folder: the kernel tells (inotify(7)). Where it does not, a look every 10 ms."""

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
    """`begin`, look, `wait`: what comes between the look and the wait ends the wait at once. It wakes too often rather
    than too seldom. The folder need not be there yet, and may be made anew.
    """

    def __init__(self, folder: Path) -> None:
        self._path = os.fsencode(folder)
        self._descriptor = -1

    def begin(self) -> None:
        """Forgets what came before."""
        if not hasattr(_libc, "inotify_init1"):
            return
        if self._descriptor < 0:
            self._descriptor = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        # Each time: a folder that was made anew is another one. One that is watched already stays so.
        if _libc.inotify_add_watch(self._descriptor, self._path, MOVED_IN) < 0:
            self.close()  # the folder is not there, or there are as many watches as may be
            return
        with suppress(BlockingIOError):
            os.read(self._descriptor, EVENT_BYTES)

    def wait(self, seconds: float) -> None:
        if self._descriptor < 0:
            time.sleep(min(seconds, LOOK_SECONDS))
            return
        poller = select.poll()  # select.select takes no descriptor past 1,024
        poller.register(self._descriptor, select.POLLIN)
        poller.poll(seconds * 1000)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1

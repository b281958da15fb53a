"""Manages idle and busy children: each does one synthesis at a time, and every concurrent caller has its own.

Decides which child is used by whom, across threads and forks. `process` defines what a child is.
"""

import contextlib
import os
import threading
import weakref
from collections.abc import Callable, Iterator

from speech.engines.espeak.process import EspeakProcess

# Children kept for the next request, 15 MB each. Those beyond are needed for a peak only, and end when done.
MAX_IDLE = 8


class ProcessPool:
    """Lends children. Thread-safe; after a fork, the new process starts with no children."""

    def __init__(self, start: Callable[[], EspeakProcess]) -> None:
        self._start = start
        self._lock = threading.Lock()
        self._idle: list[EspeakProcess] = []
        self._busy: set[EspeakProcess] = set()
        _pools.add(self)

    @contextlib.contextmanager
    def lend(self) -> Iterator[EspeakProcess]:
        """Lends a child for the duration of the block, an idle one if possible.

        If the block raises, its work is unfinished and the child is killed, which is simpler and more reliable than
        reading the rest; the next caller then waits some 20 ms for a new one. Raises EngineUnavailable if none can be
        started.
        """
        process = self._take()
        try:
            yield process
        except BaseException:
            self._discard(process)
            raise
        self._take_back(process)

    def close(self) -> None:
        """Ends every child; running syntheses fail. The pool may be used again."""
        with self._lock:
            idle, busy = list(self._idle), list(self._busy)
            self._idle.clear()
        for process in idle:
            process.kill()
        for process in busy:
            process.interrupt()  # its socket is in use by another thread

    def _take(self) -> EspeakProcess:
        with self._lock:
            while self._idle:
                process = self._idle.pop()  # the one used last: its memory is warm
                if process.is_running():
                    self._busy.add(process)
                    return process
                process.kill()  # it died while idle: only the socket is left to close
        process = self._start()  # outside the lock, so that others need not wait for it
        with self._lock:
            self._busy.add(process)
        return process

    def _take_back(self, process: EspeakProcess) -> None:
        with self._lock:
            self._busy.discard(process)
            if len(self._idle) < MAX_IDLE and process.is_running():
                self._idle.append(process)
                return
        process.kill()

    def _discard(self, process: EspeakProcess) -> None:
        with self._lock:
            self._busy.discard(process)
        process.kill()

    def _forget_children(self) -> None:
        self._lock = threading.Lock()  # another thread may have held it at the moment of the fork
        for process in [*self._idle, *self._busy]:
            process.forget()
        self._idle.clear()
        self._busy.clear()


_pools: "weakref.WeakSet[ProcessPool]" = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for pool in list(_pools):
        pool._forget_children()


os.register_at_fork(after_in_child=_after_fork_in_child)

"""How long a piece of work keeps the other threads of its process from running.

A second thread wakes every millisecond and reads how much processor time the work has used since the last time. While
the work runs Python's own code, that is the interpreter's switch interval, 5 ms; in one call of C that does not release
the global interpreter lock, the whole call. Processor time and not the clock: other programs do not add to it.
"""

import threading
import time
from collections.abc import Callable

TICK_SECONDS = 0.001


def longest_hold_seconds(work: Callable[[], object], *, limit_seconds: float, attempts: int = 8) -> float:
    """The longest that `work` held the interpreter at a stretch; the shortest of several attempts, where the first is
    over the limit: a processor that was busy elsewhere may have kept the second thread from looking.
    """
    longest = _longest_hold_seconds(work)
    while longest > limit_seconds and (attempts := attempts - 1):
        longest = min(longest, _longest_hold_seconds(work))
    return longest


def _longest_hold_seconds(work: Callable[[], object]) -> float:
    clock = time.pthread_getcpuclockid(threading.get_ident())
    is_watching, stop = threading.Event(), threading.Event()
    longest = 0.0

    def watch() -> None:
        nonlocal longest
        before = time.clock_gettime(clock)
        is_watching.set()
        while not stop.is_set():
            time.sleep(TICK_SECONDS)
            now = time.clock_gettime(clock)
            longest, before = max(longest, now - before), now

    watcher = threading.Thread(target=watch, name="gil watch", daemon=True)
    watcher.start()
    is_watching.wait()
    try:
        work()
    finally:
        stop.set()
        watcher.join()
    return longest

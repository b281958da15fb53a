"""Waiting for a condition instead of sleeping: as short as possible, never for ever."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LOOK_EVERY_SECONDS = 0.02
YARDSTICK_SECONDS = 0.2


def wait_for(condition: Callable[[], T], what: str, *, seconds: float = 15.0) -> T:
    """The first true value of `condition`. Raises TimeoutError that names `what` was awaited."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:g} s in vain for {what}; the last answer was {value!r}")
        threading.Event().wait(LOOK_EVERY_SECONDS)
    return value


def slowdown() -> float:
    """How much longer than its processor time a piece of work takes just now; 1 where nothing else is to be done.

    A promise of five seconds is one of five seconds on such a machine, and tests run on others too.
    """
    began, processor_began = time.perf_counter(), time.process_time()
    while time.process_time() - processor_began < YARDSTICK_SECONDS:
        pass
    return (time.perf_counter() - began) / (time.process_time() - processor_began)

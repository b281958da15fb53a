"""A lock that serves threads in the order in which they ask, for a model that several threads share.

It is taken run by run, so a short text waits for a few runs of a long one, not for all of them.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class FairLock:
    """`with turns.mine():` admits one thread at a time, in the order of asking. A plain lock guarantees no order."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._next_number = 0
        self._serving = 0

    @contextmanager
    def mine(self) -> Iterator[None]:
        with self._condition:
            number = self._next_number
            self._next_number += 1
            self._condition.wait_for(lambda: self._serving == number)
        try:
            yield
        finally:
            with self._condition:
                self._serving += 1
                self._condition.notify_all()

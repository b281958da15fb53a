"""One model, several threads: each waits its turn, first come, first served, run by run.

So a short text is done after a few runs of a long one, not after all of them.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class FairLock:
    """`with turns.mine():` by one thread at a time, in the order of asking. A plain lock knows no order."""

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

"""Retries one request after a temporary failure: quickly, and only if none of its audio was sent on yet.

A job as a whole has its own retries, minutes apart if a provider requests it.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing

from speech.engines.base import TransientEngineError

logger = logging.getLogger(__name__)

MAX_TRIES = 3
FIRST_PAUSE_SECONDS = 0.25  # at most: the pause is random within it, and the next limit is twice as long
FIRST_PAUSE_FOR_QUOTA_SECONDS = 1.0  # the same, for quotas per second
GIVE_UP_AFTER_SECONDS = 60.0  # a failure that took this long is not temporary


def with_retries(
    speak: Callable[[], Generator[bytes, None, None]], *, quota_is_by_the_second: bool = False
) -> Generator[bytes, None, None]:
    """Yields what `speak` yields, calling it again after a TransientEngineError that came before any audio.

    If the provider requests a pause, there is no retry here: the caller can wait longer. The exception are quotas per
    second, so that a long job is not restarted, and paid for again, because of one request too many.
    """
    began = time.monotonic()
    for number in range(1, MAX_TRIES + 1):
        was_heard = False
        try:
            with closing(speak()) as pcm:
                for chunk in pcm:
                    was_heard = True
                    yield chunk
                return
        except TransientEngineError as error:
            is_late = time.monotonic() - began > GIVE_UP_AFTER_SECONDS
            must_wait = error.pause_seconds and not quota_is_by_the_second
            if was_heard or must_wait or is_late or number == MAX_TRIES:
                raise
            logger.info("attempt %d of %d: %s", number, MAX_TRIES, error)
            first_pause = FIRST_PAUSE_FOR_QUOTA_SECONDS if error.pause_seconds else FIRST_PAUSE_SECONDS
        # Full jitter, so that requests that failed together are not retried together.
        threading.Event().wait(random.uniform(0, first_pause * 2 ** (number - 1)))  # noqa: S311 - no secret

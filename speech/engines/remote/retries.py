"""Another try at one request, when a moment's failure spoiled it: quickly, and only while nothing was heard of it.

Owns how often and how soon. A job as a whole has attempts of its own, minutes apart where a provider asks for it.
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
FIRST_PAUSE_SECONDS = 0.25  # at most; the next is twice as long, and chance picks a moment within it
FIRST_PAUSE_FOR_QUOTA_SECONDS = 1.0  # the same, for quotas that count seconds
GIVE_UP_AFTER_SECONDS = 60.0  # a failure that took that long is not a moment's


def with_retries(
    speak: Callable[[], Generator[bytes, None, None]], *, quota_is_by_the_second: bool = False
) -> Generator[bytes, None, None]:
    """What `speak` yields. It is called again after a TransientEngineError that came before any sound.

    A provider that asks for a pause is not asked again here: the error goes on to whoever can wait. But a quota that
    counts seconds is waited for: a long job is not begun anew, and paid for anew, for one request too many.
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
        # Full jitter, so that those who failed together do not come back together.
        threading.Event().wait(random.uniform(0, first_pause * 2 ** (number - 1)))  # noqa: S311 - no secret

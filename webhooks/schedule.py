"""When to retry a failed delivery. Pure functions: the caller provides the time."""

import random
import re
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

# The pauses after the first attempt, the second, and so on: eight attempts in about 38 hours.
PAUSES = tuple(
    timedelta(**pause)
    for pause in (
        {"minutes": 1}, {"minutes": 5}, {"minutes": 30},
        {"hours": 2}, {"hours": 5}, {"hours": 10}, {"hours": 20},
    )
)  # fmt: skip
MAX_TRIES = len(PAUSES) + 1
JITTER = 0.1  # in both directions, so that receivers that failed together are not all retried together
LONGEST_WAIT = timedelta(hours=24)  # the longest Retry-After that is respected
FAILING_FOR = timedelta(days=5)  # of failures; then the endpoint is disabled


def next_attempt_at(*, tries: int, now: datetime, retry_after: str = "") -> datetime | None:
    """Returns when to retry after `tries` failed attempts, or None after the last. Respects Retry-After."""
    if tries >= MAX_TRIES:
        return None
    pause = PAUSES[tries - 1] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret
    return now + max(pause, min(asked_pause(retry_after, now=now), LONGEST_WAIT))


def asked_pause(retry_after: str, *, now: datetime) -> timedelta:
    """Returns the pause of a Retry-After header: seconds or a date (RFC 9110, 10.2.3).

    Zero if invalid or in the past.
    """
    text = retry_after.strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return timedelta(seconds=int(text))
    try:
        moment = parsedate_to_datetime(text)
        return max(timedelta(0), moment - now)
    except (ValueError, TypeError, OverflowError):
        return timedelta(0)

"""Rate limits: exact counts in fixed windows of 15 minutes.

django-ratelimit counts; the plan sets the limits. `accounts.admission` refuses requests and `accounts.middleware`
writes the headers.
"""

import time
from dataclasses import dataclass
from typing import Any, Literal

from django.conf import settings
from django.http import HttpRequest
from django_ratelimit.core import get_usage

from accounts.errors import RateLimitExceeded
from accounts.models import Account

Bucket = Literal["generate", "read"]

WINDOW_SECONDS = 15 * 60

# django-ratelimit makes the rate part of its cache key, so a change of plan would restart the count. It therefore
# counts against this rate, which is never reached; the real limit is compared here.
COUNTING_RATE = (10**9, WINDOW_SECONDS)


@dataclass(frozen=True, slots=True)
class Usage:
    """The count after one request. `reset_at` is in Unix seconds."""

    bucket: Bucket
    limit: int
    count: int
    reset_at: int

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.count)

    @property
    def is_over(self) -> bool:
        return self.count > self.limit

    @property
    def retry_after_seconds(self) -> int:
        return max(1, self.reset_at - int(time.time()))


def count_comparison(request: HttpRequest, *, sounds: int) -> None:
    """Counts the samples that a visitor wants to compare.

    Raises RateLimitExceeded. In that case nothing is counted, unless another request was counted at the same moment.
    """
    limits = (
        ("address", "ip", settings.COMPARE_LIMIT),
        ("all", lambda group, request: "all", settings.COMPARE_TOTAL_LIMIT),
    )

    def count_usage(what: str, key: object, *, increment: bool) -> Any:
        return get_usage(request, group=f"compare:{what}:", key=key, rate=COUNTING_RATE, increment=increment)

    for what, key, limit in limits:
        usage = count_usage(what, key, increment=False)
        if usage["count"] + sounds > limit:
            raise _too_much_compared(usage["time_left"])
    # Count one by one: if several requests come at once, the ones beyond the limit are refused here.
    for _ in range(sounds):
        for what, key, limit in limits:
            usage = count_usage(what, key, increment=True)
            if usage["count"] > limit:
                raise _too_much_compared(usage["time_left"])


def _too_much_compared(seconds_left: int) -> RateLimitExceeded:
    wait = max(1, seconds_left + 1)
    minutes = -(-wait // 60)
    return RateLimitExceeded(
        f"Comparison limit exceeded. Try again in {minutes} minute{'s' if minutes > 1 else ''}.",
        headers={"Retry-After": str(wait)},
    )


def limit_for(account: Account, bucket: Bucket) -> int:
    """Returns the requests per window: the account's own limit, or its plan's."""
    if bucket == "generate":
        override, of_plan = account.generate_limit_override, account.plan.generate_limit
    else:
        override, of_plan = account.read_limit_override, account.plan.read_limit
    return of_plan if override is None else override


def count_account(account: Account, bucket: Bucket) -> Usage:
    """Counts one request of an account, even beyond the limit."""
    return _count(None, bucket, limit_for(account, bucket), key=lambda group, request: str(account.pk))


def count_address(request: HttpRequest, bucket: Bucket) -> Usage:
    """Counts one request without an account, by IPv4 address or IPv6 /64."""
    return _count(request, bucket, settings.ANONYMOUS_READ_LIMIT, key="ip")


def _count(request: HttpRequest | None, bucket: Bucket, limit: int, *, key: object) -> Usage:
    # The colon is needed: the parts of the key are joined without a separator.
    usage = get_usage(request, group=f"api:{bucket}:", key=key, rate=COUNTING_RATE, increment=True)
    # The last second still belongs to the window.
    return Usage(bucket, limit, usage["count"], int(time.time()) + usage["time_left"] + 1)

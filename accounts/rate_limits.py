"""How often a caller may ask: exact counts in fixed windows of 15 minutes.

django-ratelimit counts; the numbers are the plan's. Owns no response: `accounts.throttling` refuses,
`accounts.middleware` writes the headers.
"""

import time
from dataclasses import dataclass
from typing import Any, Literal

from django.conf import settings
from django.http import HttpRequest
from django_ratelimit.core import get_usage

from accounts.models import Account

Bucket = Literal["generate", "read"]

WINDOW_SECONDS = 15 * 60

# django-ratelimit makes the rate part of its key, so a change of plan would start the count anew. It counts against
# this rate, which nobody reaches; the true limit is compared here.
COUNTING_RATE = (10**9, WINDOW_SECONDS)


@dataclass(frozen=True, slots=True)
class Usage:
    """What was counted for one request. `reset_at` is in Unix seconds."""

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


SIGN_IN_TRIES = 10  # in a window, from one address and for one email


def count_sign_in_try(request: HttpRequest, *, email: str) -> int:
    """0 when this try may go on, else the seconds until the next one may. Counted before any password is looked at.

    The address comes first: who is stopped there cannot use up the tries of somebody else's email.
    """
    email = email.strip().casefold()
    of_address = _tries(request, "address", "ip", increment=True)
    is_allowed = not of_address["should_limit"]
    of_email = _tries(request, "email", lambda group, request: email, increment=is_allowed)
    if is_allowed and not of_email["should_limit"]:
        return 0
    used_up = [usage for usage in (of_address, of_email) if usage["count"] >= SIGN_IN_TRIES]
    return max((int(usage["time_left"]) + 1 for usage in used_up), default=1)


def _tries(request: HttpRequest, what: str, key: object, *, increment: bool) -> dict[str, Any]:
    usage: dict[str, Any] = get_usage(
        request, group=f"sign-in:{what}:", key=key, rate=(SIGN_IN_TRIES, WINDOW_SECONDS), increment=increment
    )
    return usage


def limit_for(account: Account, bucket: Bucket) -> int:
    """Requests per window: the account's own number, else its plan's."""
    if bucket == "generate":
        override, of_plan = account.generate_limit_override, account.plan.generate_limit
    else:
        override, of_plan = account.read_limit_override, account.plan.read_limit
    return of_plan if override is None else override


def count_account(request: HttpRequest, account: Account, bucket: Bucket) -> Usage:
    return _count(request, bucket, limit_for(account, bucket), key=lambda group, request: str(account.pk))


def count_address(request: HttpRequest, bucket: Bucket) -> Usage:
    """For callers without an account: by IPv4 address or IPv6 /64."""
    return _count(request, bucket, settings.ANONYMOUS_READ_LIMIT, key="ip")


def _count(request: HttpRequest, bucket: Bucket, limit: int, *, key: object) -> Usage:
    # The parts of the key are joined without a separator, hence the colon.
    usage = get_usage(request, group=f"api:{bucket}:", key=key, rate=COUNTING_RATE, increment=True)
    # A window's last second still counts as inside it.
    return Usage(bucket, limit, usage["count"], int(time.time()) + usage["time_left"] + 1)

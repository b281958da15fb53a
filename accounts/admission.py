"""Whether an account may make this request now: one gate for the API, the pages and the operators.

The checks and their order are the same at every door: maintenance, then (for the API, authentication and) what the
account, its plan and its key allow, then the rate limit. A request is counted exactly once, also when it is refused
here. All of this comes before the body is read.

The gate returns an `Admission`. `tts.services.submit.submit_job` takes nothing else, so no door can create speech past
the gate. What it checks next needs the request: idempotency, voice and length, room in the store, credits.
"""

from datetime import UTC, datetime
from typing import Final

from django.http import HttpRequest

from accounts.errors import MaintenanceMode, RateLimitExceeded
from accounts.key_limits import check_address
from accounts.models import Account, ApiKey
from accounts.rate_limits import WINDOW_SECONDS, Bucket, Usage, count_account
from accounts.selectors import is_in_maintenance
from accounts.services.audit import Actor
from config.errors import Forbidden

_MADE_HERE: Final = object()


class Admission:
    """Proof that the gate let one request in. Only this module makes it, and it is good for one job.

    `api_key`: whose limits the request is under. `actor`: as the ledger names who asked.
    """

    __slots__ = ("_is_used", "account", "actor", "api_key", "bucket")

    def __init__(
        self, made_by: object, *, account: Account, api_key: ApiKey | None, actor: str, bucket: Bucket
    ) -> None:
        if made_by is not _MADE_HERE:
            raise TypeError("An Admission is made by the functions of accounts.admission only.")
        self.account, self.api_key, self.actor, self.bucket = account, api_key, actor, bucket
        self._is_used = False

    def use(self) -> None:
        """Marks it as used for a job. Raises RuntimeError when it was, or was not counted as `generate`."""
        if self.bucket != "generate":
            raise RuntimeError(f"A request that creates speech was counted as {self.bucket}.")
        if self._is_used:
            raise RuntimeError("One request was counted, and this would be its second job.")
        self._is_used = True


def admit_key(request: HttpRequest, *, api_key: ApiKey, scope: str, bucket: Bucket) -> Admission:
    """Admits a request to the API. Raises MaintenanceMode, Forbidden, RateLimitExceeded."""
    check_maintenance()
    account = api_key.account
    # Counted first: a request that is refused after authentication counts.
    usage = count_request(request, account=account, bucket=bucket)
    check_account(account)
    if not account.plan.allows_api:
        raise Forbidden(f"The {account.plan.name} plan does not include API access. Add credits to unlock it.")
    if scope not in api_key.scopes:
        raise Forbidden(f"This key lacks the scope {scope}.")
    check_address(api_key, request.META["REMOTE_ADDR"])
    check_rate_limit(usage)
    return Admission(_MADE_HERE, account=account, api_key=api_key, actor=f"key:{api_key.pk}", bucket=bucket)


def admit_member(request: HttpRequest, *, account: Account, actor: Actor) -> Admission:
    """Admits a form that creates speech, on every plan. Raises MaintenanceMode, Forbidden, RateLimitExceeded."""
    check_maintenance()
    usage = count_request(request, account=account, bucket="generate")
    check_account(account)
    check_rate_limit(usage)
    return Admission(_MADE_HERE, account=account, api_key=None, actor=str(actor), bucket="generate")


def admit_operator(*, account: Account, api_key: ApiKey | None, actor: Actor) -> Admission:
    """Admits what an operator does for a customer: counted like the customer's own requests, but never refused by
    their rate limit. `api_key`: whose monthly cap and voices still hold.

    Raises MaintenanceMode, Forbidden.
    """
    check_maintenance()
    if account.is_suspended:
        raise Forbidden("The account is suspended. Reinstate it first.")
    check_account(account)
    count_account(account, "generate")
    return Admission(_MADE_HERE, account=account, api_key=api_key, actor=str(actor), bucket="generate")


def check_maintenance() -> None:
    """Raises MaintenanceMode. The API asks before it authenticates, too."""
    if is_in_maintenance():
        raise MaintenanceMode


def check_account(account: Account) -> None:
    """Raises Forbidden while the account is suspended or about to be deleted."""
    if account.blocked_reason:
        raise Forbidden(account.blocked_reason)


def count_request(request: HttpRequest, *, account: Account, bucket: Bucket) -> Usage:
    """Counts it, and notes the count on the request, for the headers that `accounts.middleware` writes."""
    usage = count_account(account, bucket)
    request.rate_limit_usage = usage  # type: ignore[attr-defined]
    return usage


def check_rate_limit(usage: Usage) -> None:
    """Raises RateLimitExceeded with Retry-After."""
    if usage.is_over:
        requests = "request" if usage.limit == 1 else "requests"
        raise RateLimitExceeded(
            f"Rate limit exceeded: {usage.limit:,} {requests} per {WINDOW_SECONDS // 60} minutes. "
            f"Try again at {_next_minute(usage.reset_at)} UTC.",
            headers={"Retry-After": str(usage.retry_after_seconds)},
        )


def _next_minute(unix_seconds: int) -> str:
    """The time of day rounded up to a minute, so that nobody comes back too soon."""
    return datetime.fromtimestamp(-(-unix_seconds // 60) * 60, UTC).strftime("%H:%M")

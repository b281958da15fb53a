"""Decides whether an account may make this request now: one gate for the API, the pages and the operators.

The checks and their order are always the same: maintenance, then authentication (API only), then what the account, its
plan and its key allow, then the rate limit. Every request is counted exactly once, even if it is refused here. All of
this happens before the body is read.

The gate returns an `Admission`. `tts.services.submit.submit_job` accepts nothing else, so no code path can create
speech without passing the gate. The later checks need the request itself: idempotency, voice and length, free storage,
credits.
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
    """Proof that the gate admitted one request. Only this module creates it, and it is valid for one job.

    `api_key` is the key whose limits apply. `actor` is the name that the ledger records.
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
        """Marks it as used. Raises RuntimeError if it was used before or was not counted as `generate`."""
        if self.bucket != "generate":
            raise RuntimeError(f"A request that creates speech was counted as {self.bucket}.")
        if self._is_used:
            raise RuntimeError("One request was counted, and this would be its second job.")
        self._is_used = True


def admit_key(request: HttpRequest, *, api_key: ApiKey, scope: str, bucket: Bucket) -> Admission:
    """Admits an API request. Raises MaintenanceMode, Forbidden or RateLimitExceeded."""
    check_maintenance()
    account = api_key.account
    # Count before the checks: a request that is refused after authentication counts too.
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
    """Admits a form that creates speech, on any plan. Raises MaintenanceMode, Forbidden or RateLimitExceeded."""
    check_maintenance()
    usage = count_request(request, account=account, bucket="generate")
    check_account(account)
    check_rate_limit(usage)
    return Admission(_MADE_HERE, account=account, api_key=None, actor=str(actor), bucket="generate")


def admit_operator(*, account: Account, api_key: ApiKey | None, actor: Actor) -> Admission:
    """Admits an action that an operator takes for a customer.

    It counts like one of the customer's own requests, but the customer's rate limit never refuses it. The monthly cap
    and the allowed voices of `api_key` still apply. Raises MaintenanceMode or Forbidden.
    """
    check_maintenance()
    if account.is_suspended:
        raise Forbidden("The account is suspended. Reinstate it first.")
    check_account(account)
    count_account(account, "generate")
    return Admission(_MADE_HERE, account=account, api_key=api_key, actor=str(actor), bucket="generate")


def check_maintenance() -> None:
    """Raises MaintenanceMode. The API also calls this before authentication."""
    if is_in_maintenance():
        raise MaintenanceMode


def check_account(account: Account) -> None:
    """Raises Forbidden if the account is suspended or scheduled for deletion."""
    if account.blocked_reason:
        raise Forbidden(account.blocked_reason)


def count_request(request: HttpRequest, *, account: Account, bucket: Bucket) -> Usage:
    """Counts the request and stores the usage on it, for the headers that `accounts.middleware` writes."""
    usage = count_account(account, bucket)
    request.rate_limit_usage = usage  # type: ignore[attr-defined]
    return usage


def check_rate_limit(usage: Usage) -> None:
    """Raises RateLimitExceeded with a Retry-After header."""
    if usage.is_over:
        requests = "request" if usage.limit == 1 else "requests"
        raise RateLimitExceeded(
            f"Rate limit exceeded: {usage.limit:,} {requests} per {WINDOW_SECONDS // 60} minutes. "
            f"Try again at {_next_minute(usage.reset_at)} UTC.",
            headers={"Retry-After": str(usage.retry_after_seconds)},
        )


def _next_minute(unix_seconds: int) -> str:
    """Formats a time of day, rounded up to the next minute so that no one retries too early."""
    return datetime.fromtimestamp(-(-unix_seconds // 60) * 60, UTC).strftime("%H:%M")

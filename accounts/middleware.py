"""Adds the rate-limit headers to every `/api/v1`, `/api/user` and `/v1` response."""

import time

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from accounts.rate_limits import WINDOW_SECONDS, Bucket, Usage
from config.middleware import GetResponse, around


@sync_and_async_middleware
def rate_limit_headers(get_response: GetResponse) -> GetResponse:
    """Writes what the throttle counted. Requests that were not counted (invalid key, maintenance) get a limit of 0."""

    def after(request: HttpRequest, response: HttpResponseBase) -> None:
        if not f"{request.path}/".startswith(("/api/v1/", "/api/user/", "/v1/")):
            return
        usage = getattr(request, "rate_limit_usage", None) or _no_allowance(request)
        response.headers["X-RateLimit-Limit"] = str(usage.limit)
        response.headers["X-RateLimit-Remaining"] = str(usage.remaining)
        response.headers["X-RateLimit-Reset"] = str(usage.reset_at)
        response.headers["X-RateLimit-Bucket"] = usage.bucket

    return around(get_response, before=lambda request: None, after=after)


def _no_allowance(request: HttpRequest) -> Usage:
    now = int(time.time())
    bucket: Bucket = "generate" if request.method == "POST" else "read"
    return Usage(bucket, 0, 0, now - now % WINDOW_SECONDS + WINDOW_SECONDS)

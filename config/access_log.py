"""The access log: one line and one metric per request, with the client's address and the result."""

import asyncio
import logging
import time

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from config import logs
from config.env import is_loopback
from config.metrics import count_request
from config.middleware import GetResponse

logger = logging.getLogger("access")

CLIENT_LEFT = 499  # nginx's status for a client that disconnected before the response
# Polled every few seconds. Requests to them are counted, but logged only if they fail.
QUIET_ROUTES = {"healthz", "readyz", "metrics"}


def is_from_this_machine(request: HttpRequest) -> bool:
    """Whether the request came from this machine directly. A proxy on this machine adds a header that shows it."""
    is_forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    return is_loopback(request.META.get("REMOTE_ADDR", "")) and not is_forwarded


@sync_and_async_middleware
def access_log(get_response: GetResponse) -> GetResponse:
    """Adds the request ID to every log line of a request, and logs one line when it ends."""
    if iscoroutinefunction(get_response):

        async def asynchronous(request: HttpRequest) -> HttpResponseBase:
            began = time.monotonic()
            with logs.context(request_id=_request_id(request)):
                try:
                    response: HttpResponseBase = await get_response(request)
                except asyncio.CancelledError:
                    _note(request, CLIENT_LEFT, began)
                    raise
                _note(request, response.status_code, began)
                return response

        return asynchronous

    def synchronous(request: HttpRequest) -> HttpResponseBase:
        began = time.monotonic()
        with logs.context(request_id=_request_id(request)):
            response = get_response(request)
            assert isinstance(response, HttpResponseBase)
            _note(request, response.status_code, began)
            return response

    return synchronous


def _request_id(request: HttpRequest) -> str:
    return str(getattr(request, "request_id", ""))


def _note(request: HttpRequest, status: int, began: float) -> None:
    seconds = time.monotonic() - began
    match = request.resolver_match
    route = match.route if match is not None else "(none)"
    count_request(method=request.method or "", route=route, status=status, seconds=seconds)
    if not settings.ACCESS_LOG or (route in QUIET_ROUTES and status < 400):
        return
    if match is not None and "job_id" in match.kwargs:
        logs.bind(job_id=match.kwargs["job_id"])
    fields = {
        "method": request.method,
        "path": logs.get_path(request),
        "status": status,
        "duration_ms": round(seconds * 1000, 1),
        "client": request.META.get("REMOTE_ADDR", ""),
    }
    logger.info("request", extra={"fields": fields})

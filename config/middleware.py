"""Middleware for all requests and responses."""

import re
import uuid
from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest
from django.http.response import HttpResponse, HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils.decorators import sync_and_async_middleware

from config import errors
from config.request_bodies import TIMED_OUT

SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")

# Nothing from other hosts and nothing inline: scripts and styles are our own files.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data:; media-src 'self' https:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

# For /admin: Alpine evaluates attributes, and the theme is a style element.
ADMIN_CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

# No page uses a camera, a microphone or the location.
PERMISSIONS_POLICY = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"

GetResponse = Callable[[HttpRequest], HttpResponseBase] | Callable[[HttpRequest], Awaitable[HttpResponseBase]]
Edit = Callable[[HttpRequest, HttpResponseBase], None]


def around(get_response: GetResponse, *, before: Callable[[HttpRequest], None], after: Edit) -> GetResponse:
    """Returns a middleware that reads the request and edits the response, sync or async like the chain it is in."""
    if iscoroutinefunction(get_response):

        async def asynchronous(request: HttpRequest) -> HttpResponseBase:
            before(request)
            response: HttpResponseBase = await get_response(request)
            after(request, response)
            return response

        return asynchronous

    def synchronous(request: HttpRequest) -> HttpResponseBase:
        before(request)
        response = get_response(request)
        assert isinstance(response, HttpResponseBase)
        after(request, response)
        return response

    return synchronous


@sync_and_async_middleware
def request_id(get_response: GetResponse) -> GetResponse:
    """Sets `request.request_id` and `X-Request-ID` on the response: the caller's own ID if it is valid."""

    def before(request: HttpRequest) -> None:
        given = request.headers.get("X-Request-ID", "")
        request.request_id = given if SANE_REQUEST_ID.fullmatch(given) else str(uuid.uuid4())  # type: ignore[attr-defined]

    def after(request: HttpRequest, response: HttpResponseBase) -> None:
        response.headers["X-Request-ID"] = request.request_id  # type: ignore[attr-defined]

    return around(get_response, before=before, after=after)


@sync_and_async_middleware
def content_security_policy(get_response: GetResponse) -> GetResponse:
    def after(request: HttpRequest, response: HttpResponseBase) -> None:
        is_admin = request.path.startswith("/admin/")
        policy = ADMIN_CONTENT_SECURITY_POLICY if is_admin else CONTENT_SECURITY_POLICY
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)

    return around(get_response, before=lambda request: None, after=after)


@sync_and_async_middleware
def keep_pages_private(get_response: GetResponse) -> GetResponse:
    """Keeps pages out of shared caches, unless a view says otherwise: they show who is signed in, and their theme.

    Browsers ask again before they show their own copy. "Back" still works without a request.
    """

    def after(request: HttpRequest, response: HttpResponseBase) -> None:
        if response.headers.get("Content-Type", "").startswith("text/html"):
            response.headers.setdefault("Cache-Control", "private, no-cache")

    return around(get_response, before=lambda request: None, after=after)


@sync_and_async_middleware
def compress_pages(get_response: GetResponse) -> GetResponse:
    """Compresses HTML if the browser accepts it: a gallery of two thousand voices takes 10 KB instead of 70.

    Django's GZipMiddleware would also compress audio, which is already compressed, and streams, which must not be
    delayed. It adds random padding against BREACH (https://www.breachattack.com); CSRF tokens are masked, too.
    """
    gzip = GZipMiddleware(get_response)

    def before(request: HttpRequest) -> None:
        """Does nothing."""

    def after(request: HttpRequest, response: HttpResponseBase) -> None:
        if isinstance(response, HttpResponse) and response.headers.get("Content-Type", "").startswith("text/html"):
            gzip.process_response(request, response)

    return around(get_response, before=before, after=after)


@sync_and_async_middleware
def refuse_timed_out_body(get_response: GetResponse) -> GetResponse:
    """Answers 408 without calling the view if the body did not arrive in time (`config.request_bodies`)."""
    if iscoroutinefunction(get_response):

        async def asynchronous(request: HttpRequest) -> HttpResponseBase:
            if _is_timed_out(request):
                return errors.request_timeout(request)
            response: HttpResponseBase = await get_response(request)
            return response

        return asynchronous

    def synchronous(request: HttpRequest) -> HttpResponseBase:
        if _is_timed_out(request):
            return errors.request_timeout(request)
        response = get_response(request)
        assert isinstance(response, HttpResponseBase)
        return response

    return synchronous


def _is_timed_out(request: HttpRequest) -> bool:
    source = request.scope if isinstance(request, ASGIRequest) else request.META
    return bool(source.get(TIMED_OUT))

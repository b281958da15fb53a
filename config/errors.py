"""Errors as callers see them: the one place that turns a failure into a response.

Owns the `DomainError` base, the error envelope of `/api/*` and the error pages. The apps raise; nobody else renders.
"""

import logging
import sys
from collections.abc import Mapping
from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.shortcuts import render
from rest_framework import exceptions as drf
from rest_framework.response import Response

logger = logging.getLogger(__name__)

DATABASE_AWAY = (OperationalError, InterfaceError)


class DomainError(Exception):
    """Something the caller has to know: a stable code, an HTTP status, a message in plain words.

    `details` maps a field of the request to its messages; `headers` go into the HTTP response. `example` is such a
    message, for the documentation.
    """

    code: ClassVar[str]
    status: ClassVar[int]
    example: ClassVar[str] = ""

    def __init__(
        self,
        message: str,
        *,
        details: Mapping[str, list[str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = dict(details or {})
        self.headers = dict(headers or {})


class ValidationFailed(DomainError):
    code, status = "VALIDATION_ERROR", 400
    example = "speed: Must be between 0.25 and 4.0."

    @classmethod
    def of_field(cls, field: str, message: str) -> "ValidationFailed":
        return cls(f"{field}: {message}", details={field: [message]})


class Unauthorized(DomainError):
    code, status = "UNAUTHORIZED", 401
    example = "This API key is not valid: mistyped, revoked or expired."

    def __init__(self, message: str) -> None:
        super().__init__(message, headers={"WWW-Authenticate": "Bearer"})


class Forbidden(DomainError):
    code, status = "FORBIDDEN", 403
    example = "This key lacks the scope speech:write."


class NotFound(DomainError):
    code, status = "NOT_FOUND", 404
    example = "There is no such job."


class MethodNotAllowed(DomainError):
    code, status = "METHOD_NOT_ALLOWED", 405
    example = "This address does not take that method."


class PayloadTooLarge(DomainError):
    code, status = "PAYLOAD_TOO_LARGE", 413
    example = "The body is larger than 2 MiB."


class UnsupportedMediaType(DomainError):
    code, status = "UNSUPPORTED_MEDIA_TYPE", 415
    example = "Send the body as application/json."


class TooManyRequests(DomainError):
    code, status = "TOO_MANY_REQUESTS", 429


class InternalError(DomainError):
    code, status = "INTERNAL_ERROR", 500
    example = "Something failed on our side. Nothing was charged for this request. Try again."

    def __init__(self) -> None:
        super().__init__(self.example)


class DatabaseUnavailable(DomainError):
    """The database is away or cannot be written (a full disk). Whether a commit got through is not always known."""

    code, status = "INTERNAL_ERROR", 503
    example = (
        "Our database does not answer just now. Try again in a few seconds; "
        "with the same Idempotency-Key nothing is done or charged twice."
    )

    def __init__(self) -> None:
        super().__init__(self.example, headers={"Retry-After": "2"})


def error_envelope(error: DomainError, request: HttpRequest) -> dict[str, Any]:
    """The body of every failure of `/api/*`."""
    body: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.details:
        body["details"] = error.details
    body["request_id"] = getattr(request, "request_id", "")
    return {"success": False, "error": body}


def api_exception_handler(exc: Exception, context: dict[str, Any]) -> Response:
    """Every exception that leaves an API view, as an envelope (REST framework's EXCEPTION_HANDLER)."""
    request: HttpRequest = context["request"]._request
    error = _domain_error(exc)
    if isinstance(error, DatabaseUnavailable):
        logger.error("the database failed in %s %s: %s", request.method, request.path, exc)
    elif isinstance(error, InternalError):
        logger.error("unexpected failure in %s %s", request.method, request.path, exc_info=exc)
    return Response(error_envelope(error, request), status=error.status, headers=error.headers)


def _domain_error(exc: Exception) -> DomainError:
    match exc:
        case DomainError():
            return exc
        case drf.MethodNotAllowed():
            return MethodNotAllowed("This address does not take that method.")
        case drf.UnsupportedMediaType():
            return UnsupportedMediaType("Send the body as application/json.")
        case OperationalError() | InterfaceError():
            return DatabaseUnavailable()
        case Http404():
            return NotFound("There is nothing at this address.")
        case SuspiciousOperation():
            return ValidationFailed("This request is malformed.")  # a thousand query parameters, for one
        case UnreadablePostError():
            return ValidationFailed("The body broke off before its end.")
        case _:
            return InternalError()


# --- outside API views: Django's own handlers ----------------------------------------------------


def _render_error(request: HttpRequest, error: DomainError, *, title: str) -> HttpResponse:
    if request.path.startswith("/api/"):
        return JsonResponse(error_envelope(error, request), status=error.status, headers=error.headers)
    context = {"title": title, "message": error.message, "status": error.status}
    return render(request, "error.html", context, status=error.status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    # The exception's own words may quote the request (a Host header, a path): not repeated.
    error = ValidationFailed("This request is malformed, or its Host is not one that this server answers for.")
    return _render_error(request, error, title="That request is malformed")


def permission_denied(request: HttpRequest, exception: PermissionDenied) -> HttpResponse:
    return _render_error(request, Forbidden("You may not do this here."), title="You may not do this")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    error = NotFound("There is nothing at this address. It may have moved, or the link is incomplete.")
    return _render_error(request, error, title="Nothing here")


def too_many_requests(request: HttpRequest) -> HttpResponse:
    error = TooManyRequests("There were many of these from your address. Wait a minute, then send it again.")
    response = _render_error(request, error, title="That was a lot at once")
    response.headers["Retry-After"] = "60"  # seconds; the windows are a minute long
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    is_database_away = isinstance(sys.exc_info()[1], DATABASE_AWAY)
    error = DatabaseUnavailable() if is_database_away else InternalError()
    return _render_error(request, error, title="Something failed on our side")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    error = Forbidden(
        "This form was open for too long, or cookies are off. Go back, reload the page and send it again."
    )
    return _render_error(request, error, title="Please send that again")

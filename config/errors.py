"""Converts failures to responses, in one place.

Owns the `DomainError` base, the error envelope of `/api/*`, the OpenAI error format of `/v1/*`, and the error pages.
Apps raise; only this module renders.
"""

import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.shortcuts import render
from rest_framework import exceptions as drf

logger = logging.getLogger(__name__)

DATABASE_AWAY = (OperationalError, InterfaceError)


class DomainError(Exception):
    """An error that the caller can act on: a stable code, an HTTP status and a plain message.

    `details` maps request fields to messages, `headers` go into the response, and `example` is a message for the API
    reference.
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
    example = "This API key is invalid, revoked or expired."

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
    example = "This URL does not support that method."


class RequestTimeout(DomainError):
    """The request's body did not arrive in time (RFC 9110, 15.5.9). OpenAI's clients retry this status themselves."""

    code, status = "REQUEST_TIMEOUT", 408
    example = "The request body arrived too slowly. Nothing was done and you were not charged. Send the request again."

    def __init__(self) -> None:
        super().__init__(self.example)


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
    example = "Internal server error. You were not charged for this request. Try again."

    def __init__(self) -> None:
        super().__init__(self.example)


class DatabaseUnavailable(DomainError):
    """The database is down or read-only (for example, a full disk). A commit may or may not have succeeded."""

    code, status = "INTERNAL_ERROR", 503
    example = (
        "The database is unavailable. Try again in a few seconds. "
        "With the same Idempotency-Key, nothing is done or charged twice."
    )

    def __init__(self) -> None:
        super().__init__(self.example, headers={"Retry-After": "2"})


def error_envelope(error: DomainError, request: HttpRequest) -> dict[str, Any]:
    """Returns the error body of `/api/*`."""
    body: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.details:
        body["details"] = error.details
    body["request_id"] = getattr(request, "request_id", "")
    return {"success": False, "error": body}


# --- the OpenAI format ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenAIForm:
    """How OpenAI's API expresses one of our errors. None means our status, or our code in lower case.

    With `is_final`, OpenAI's clients do not retry what cannot succeed. They retry 409, 429 and 500 by default.
    """

    kind: str = "invalid_request_error"
    code: str | None = None
    param: str | None = None
    status: int | None = None
    is_final: bool = False


OPENAI_FORMS: Mapping[str, OpenAIForm] = {
    "UNAUTHORIZED": OpenAIForm(code="invalid_api_key"),
    "VALIDATION_ERROR": OpenAIForm(code="invalid_value"),
    "INVALID_VOICE": OpenAIForm(param="voice"),
    "MODEL_NOT_FOUND": OpenAIForm(param="model"),
    "NOT_FOUND": OpenAIForm(code="unknown_url"),
    # Not 402: clients of OpenAI's API look for this among their RateLimitErrors.
    "INSUFFICIENT_CREDITS": OpenAIForm("insufficient_quota", code="insufficient_quota", status=429, is_final=True),
    "KEY_LIMIT_REACHED": OpenAIForm("insufficient_quota", code="insufficient_quota", status=429, is_final=True),
    "RATE_LIMIT_EXCEEDED": OpenAIForm("requests"),
    "IDEMPOTENCY_KEY_REUSE": OpenAIForm(is_final=True),
    "AUDIO_NOT_AVAILABLE": OpenAIForm(is_final=True),
    "AUDIO_EXPIRED": OpenAIForm(is_final=True),
    # The job was already attempted several times.
    "GENERATION_FAILED": OpenAIForm("server_error", is_final=True),
}


def openai_form(kind: type[DomainError]) -> OpenAIForm:
    return OPENAI_FORMS.get(kind.code, OpenAIForm("server_error" if kind.status >= 500 else "invalid_request_error"))


def openai_status(kind: type[DomainError]) -> int:
    return openai_form(kind).status or kind.status


def openai_body(kind: type[DomainError], message: str, *, param: str | None = None) -> dict[str, Any]:
    """Returns the error body of `/v1/*`."""
    form = openai_form(kind)
    code = form.code or kind.code.lower()
    return {"error": {"message": message, "type": form.kind, "param": param or form.param, "code": code}}


def error_response(error: DomainError, request: HttpRequest) -> HttpResponse:
    """Returns a JSON error response in the format of the request's path."""
    if not is_openai_address(request):
        return _json(error_envelope(error, request), error.status, error.headers)
    kind = type(error)
    headers = error.headers | ({"X-Should-Retry": "false"} if openai_form(kind).is_final else {})
    body = openai_body(kind, error.message, param=next(iter(error.details), None))
    return _json(body, openai_status(kind), headers)


def _json(body: dict[str, Any], status: int, headers: Mapping[str, str]) -> JsonResponse:
    as_in_successes = {"ensure_ascii": False, "separators": (",", ":")}
    return JsonResponse(body, status=status, headers=dict(headers), json_dumps_params=as_in_successes)


def is_api_address(request: HttpRequest) -> bool:
    return request.path.startswith("/api/") or is_openai_address(request)


def is_openai_address(request: HttpRequest) -> bool:
    return f"{request.path}/".startswith("/v1/")


# --- from exceptions to errors --------------------------------------------------------------------


def api_exception_handler(exc: Exception, context: dict[str, Any]) -> HttpResponse:
    """Converts every exception of an API view to a response (REST framework's EXCEPTION_HANDLER)."""
    request: HttpRequest = context["request"]._request
    error = _domain_error(exc)
    if isinstance(error, DatabaseUnavailable):
        logger.error("database error in %s %s: %s", request.method, request.path, exc)
    elif isinstance(error, InternalError):
        logger.error("unexpected error in %s %s", request.method, request.path, exc_info=exc)
    return error_response(error, request)


def _domain_error(exc: Exception) -> DomainError:
    match exc:
        case DomainError():
            return exc
        case drf.MethodNotAllowed():
            return MethodNotAllowed("This URL does not support that method.")
        case drf.UnsupportedMediaType():
            return UnsupportedMediaType("Send the body as application/json.")
        case OperationalError() | InterfaceError():
            return DatabaseUnavailable()
        case Http404():
            return NotFound("There is nothing at this address.")
        case SuspiciousOperation():
            return ValidationFailed("This request is malformed.")  # for example, a thousand query parameters
        case UnreadablePostError():
            return ValidationFailed("The request body is incomplete.")
        case _:
            return InternalError()


# --- outside API views: Django's error handlers --------------------------------------------------


def _render_error(request: HttpRequest, error: DomainError, *, title: str) -> HttpResponse:
    if is_api_address(request):
        return error_response(error, request)
    context = {"title": title, "message": error.message, "status": error.status}
    return render(request, "error.html", context, status=error.status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    # Do not show the exception's message: it may quote the request, such as the Host header or the path.
    error = ValidationFailed("This request is malformed, or its Host header is not one that this server accepts.")
    return _render_error(request, error, title="Bad request")


def permission_denied(request: HttpRequest, exception: PermissionDenied) -> HttpResponse:
    return _render_error(request, Forbidden("You do not have permission to do this."), title="Permission denied")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    error = NotFound("There is nothing at this address. The page may have moved, or the link may be incomplete.")
    return _render_error(request, error, title="Page not found")


def request_timeout(request: HttpRequest) -> HttpResponse:
    """Answers 408, for pages as plain text: many requests may time out together, so the response must be cheap."""
    error = RequestTimeout()
    if is_api_address(request):
        return error_response(error, request)
    return HttpResponse(f"{error.message}\n", status=error.status, content_type="text/plain")


def too_many_requests(request: HttpRequest) -> HttpResponse:
    error = TooManyRequests("There were too many requests from your IP address. Wait a minute, then try again.")
    response = _render_error(request, error, title="Too many requests")
    response.headers["Retry-After"] = "60"  # seconds: windows last a minute
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    is_database_away = isinstance(sys.exc_info()[1], DATABASE_AWAY)
    error = DatabaseUnavailable() if is_database_away else InternalError()
    return _render_error(request, error, title="Something went wrong")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    error = Forbidden("This form has expired, or your browser blocks cookies. Go back, reload the page and try again.")
    return _render_error(request, error, title="Form expired")

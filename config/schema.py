"""Builds the API's OpenAPI description from the code: envelopes, errors, headers, security.

Views declare their responses with `described(...)`. Codes, statuses and example messages come from the error classes,
so they cannot diverge.
"""

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers

from config.errors import (
    DatabaseUnavailable,
    DomainError,
    InternalError,
    RequestTimeout,
    openai_body,
    openai_status,
)

V = TypeVar("V", bound=Callable[..., Any])

EXAMPLE_REQUEST_ID = "7d1e9d5c-4b0c-4f0e-9d61-0f6f6c1e7a52"
RESPONSE_HEADERS = {
    "X-Request-ID": ("Identifies this request in our logs. Your own value, if you sent a valid one.", "string"),
    "X-RateLimit-Limit": ("Requests allowed per 15-minute window.", "integer"),
    "X-RateLimit-Remaining": ("Requests left in the current window.", "integer"),
    "X-RateLimit-Reset": ("When the window ends, in Unix seconds.", "integer"),
    "X-RateLimit-Bucket": ("The bucket that counts this request: generate or read.", "string"),
}


def described(
    *,
    name: str,
    summary: str,
    tag: str,
    success: dict[int, Any],
    errors: Iterable[type[DomainError]],
    request: Any = None,
    parameters: Sequence[Any] = (),
    headers: dict[str, str] | None = None,
) -> Callable[[V], V]:
    """Documents one method of a view. The method's docstring becomes the description.

    `name` is the method's name in generated clients. `success` maps a status to the serializer of `data`, or None for
    no body. `headers` are those of the success response, in addition to the common ones.
    """
    responses: dict[Any, OpenApiResponse] = {
        status: OpenApiResponse(_enveloped(data) if data is not None else None, description="Success")
        for status, data in success.items()
    }
    return extend_schema(
        operation_id=name,
        summary=summary,
        tags=[tag],
        request=request,
        parameters=[*parameters, *_response_headers(headers or {}, list(success))],
        responses=responses | error_responses([*errors, *_common_errors(request)]),
    )


def described_as_openai(
    *,
    name: str,
    summary: str,
    success: dict[str, Any],
    errors: Iterable[type[DomainError]],
    request: Any = None,
    parameters: Sequence[Any] = (),
    headers: dict[str, str] | None = None,
) -> Callable[[V], V]:
    """Documents a view of the OpenAI API: no envelope, OpenAI's error format. `success` is the 200 by media type."""
    responses: dict[Any, OpenApiResponse] = {
        (200, media_type): OpenApiResponse(data, description="Success") for media_type, data in success.items()
    }
    return extend_schema(
        operation_id=name,
        summary=summary,
        tags=["OpenAI"],
        request=request,
        parameters=[*parameters, *_response_headers(headers or {}, [200])],
        responses=responses | _openai_error_responses([*errors, *_common_errors(request)]),
    )


def _common_errors(request: Any) -> list[type[DomainError]]:
    """Returns the errors that every operation may raise. `request` is the serializer of its body, or None."""
    return [InternalError, DatabaseUnavailable, *([RequestTimeout] if request is not None else [])]


def _response_headers(headers: dict[str, str], statuses: Sequence[int]) -> list[OpenApiParameter]:
    return [
        OpenApiParameter(name, str, OpenApiParameter.HEADER, response=list(statuses), description=text)
        for name, text in headers.items()
    ]


def error_responses(kinds: Iterable[type[DomainError]]) -> dict[int, OpenApiResponse]:
    """Returns a response per status, with every code it may have and an example of each."""
    by_status: dict[int, list[type[DomainError]]] = {}
    for kind in kinds:
        by_status.setdefault(kind.status, []).append(kind)
    return {
        status: OpenApiResponse(
            _error_envelope(tuple(kind.code for kind in group)),
            description=", ".join(kind.code for kind in group),
            examples=[_example(kind) for kind in group],
        )
        for status, group in sorted(by_status.items())
    }


@functools.cache
def _enveloped(data: type[serializers.Serializer[Any]]) -> Any:
    return inline_serializer(f"{data.__name__}Envelope", {"success": serializers.BooleanField(), "data": data()})


@functools.cache
def _error_envelope(codes: tuple[str, ...]) -> Any:
    name = "".join(code.title().replace("_", "") for code in codes)
    error = inline_serializer(
        f"{name}Error",
        {
            "code": serializers.ChoiceField(codes),
            "message": serializers.CharField(),
            "details": serializers.DictField(
                child=serializers.ListField(child=serializers.CharField()), required=False
            ),
            "request_id": serializers.CharField(),
        },
    )
    return inline_serializer(f"{name}Envelope", {"success": serializers.BooleanField(), "error": error})


def _openai_error_responses(kinds: Iterable[type[DomainError]]) -> dict[int, OpenApiResponse]:
    by_status: dict[int, list[tuple[type[DomainError], dict[str, Any]]]] = {}
    for kind in kinds:
        by_status.setdefault(openai_status(kind), []).append((kind, openai_body(kind, kind.example)))
    return {
        status: OpenApiResponse(
            _openai_error(tuple(body["error"]["code"] for _kind, body in group)),
            description=", ".join(kind.code for kind, _body in group),
            examples=[
                OpenApiExample(kind.code, value=body, response_only=True, status_codes=[str(status)])
                for kind, body in group
            ],
        )
        for status, group in sorted(by_status.items())
    }


@functools.cache
def _openai_error(codes: tuple[str, ...]) -> Any:
    name = "".join(code.title().replace("_", "") for code in codes)
    error = inline_serializer(
        f"OpenAI{name}Error",
        {
            "message": serializers.CharField(),
            "type": serializers.CharField(),
            "param": serializers.CharField(allow_null=True),
            "code": serializers.ChoiceField(codes),
        },
    )
    return inline_serializer(f"OpenAI{name}", {"error": error})


def _example(kind: type[DomainError]) -> OpenApiExample:
    error = {"code": kind.code, "message": kind.example, "request_id": EXAMPLE_REQUEST_ID}
    return OpenApiExample(
        kind.code, value={"success": False, "error": error}, response_only=True, status_codes=[str(kind.status)]
    )


def complete(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Completes the schema (a postprocessing hook of drf-spectacular).

    Adds the common headers to every response and forbids additional fields in request bodies.
    """
    headers = {
        name: {"description": text, "schema": {"type": kind}, "required": True}
        for name, (text, kind) in RESPONSE_HEADERS.items()
    }
    wait = {"description": "Seconds to wait before retrying.", "schema": {"type": "integer"}, "required": True}
    for path, operations in result["paths"].items():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                is_always_told = status == "503" or not path.startswith("/v1/")  # 429 also means too few credits there
                retry = {"Retry-After": wait | {"required": is_always_told}} if status in {"429", "503"} else {}
                response["headers"] = response.get("headers", {}) | headers | retry
    for name, schema in result["components"]["schemas"].items():
        if name.endswith("Request") and not name.startswith("OpenAI"):  # OpenAI's API ignores unknown fields
            schema["additionalProperties"] = False
        if name.endswith("Envelope"):
            schema["properties"]["success"] = {"const": "data" in schema["properties"]}
        for field in schema["properties"].values():
            field.pop("x-spec-enum-id", None)
    return result


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Describes how to send an API key."""

    target_class = "accounts.api.key_auth.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "tts_…"}

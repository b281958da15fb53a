"""How the API's own description (OpenAPI) is made from the code: envelopes, errors, headers, security.

The views say what they answer with `described(...)`; codes, statuses and example messages come from the error classes
themselves, so they cannot drift apart.
"""

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers

from config.errors import DomainError, InternalError

V = TypeVar("V", bound=Callable[..., Any])

EXAMPLE_REQUEST_ID = "7d1e9d5c-4b0c-4f0e-9d61-0f6f6c1e7a52"
RESPONSE_HEADERS = {
    "X-Request-ID": ("Names this request in our logs; your own value when you sent a sane one.", "string"),
    "X-RateLimit-Limit": ("Requests allowed in this window of 15 minutes.", "integer"),
    "X-RateLimit-Remaining": ("Requests left in it.", "integer"),
    "X-RateLimit-Reset": ("When it ends, in Unix seconds.", "integer"),
    "X-RateLimit-Bucket": ("What is counted: generate or read.", "string"),
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
    """Documents one method of a view, whose docstring becomes the description.

    `name` is what generated clients call it; `success` maps a status to a serializer of `data`, or None for no body;
    `headers` are those of the success, beyond the common ones.
    """
    responses: dict[int, OpenApiResponse] = {
        status: OpenApiResponse(_enveloped(data) if data is not None else None, description="Success")
        for status, data in success.items()
    }
    extra = [
        OpenApiParameter(name, str, OpenApiParameter.HEADER, response=list(success), description=text)
        for name, text in (headers or {}).items()
    ]
    return extend_schema(
        operation_id=name,
        summary=summary,
        tags=[tag],
        request=request,
        parameters=[*parameters, *extra],
        responses=responses | error_responses([*errors, InternalError]),
    )


def error_responses(kinds: Iterable[type[DomainError]]) -> dict[int, OpenApiResponse]:
    """A response per status, with every code that it may carry and an example of each."""
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


def _example(kind: type[DomainError]) -> OpenApiExample:
    error = {"code": kind.code, "message": kind.example, "request_id": EXAMPLE_REQUEST_ID}
    return OpenApiExample(
        kind.code, value={"success": False, "error": error}, response_only=True, status_codes=[str(kind.status)]
    )


def complete(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """What the generator cannot know (a postprocessing hook of drf-spectacular).

    Every response carries the common headers, and a request body takes no other fields than its own.
    """
    headers = {
        name: {"description": text, "schema": {"type": kind}, "required": True}
        for name, (text, kind) in RESPONSE_HEADERS.items()
    }
    wait = {"description": "Seconds to wait.", "schema": {"type": "integer"}, "required": True}
    for path in result["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                retry = {"Retry-After": wait} if status in {"429", "503"} else {}
                response["headers"] = response.get("headers", {}) | headers | retry
    for name, schema in result["components"]["schemas"].items():
        if name.endswith("Request"):
            schema["additionalProperties"] = False
        if name.endswith("Envelope"):
            schema["properties"]["success"] = {"const": "data" in schema["properties"]}
        for field in schema["properties"].values():
            field.pop("x-spec-enum-id", None)
    return result


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How a key is sent."""

    target_class = "accounts.api.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "tts_…"}

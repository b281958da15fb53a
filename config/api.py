"""The wire format of the JSON API: strict request bodies, one response envelope.

`config.errors` renders errors; `accounts.api.key_auth` authenticates.
"""

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import IO, Any

from django.conf import settings
from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser

from config.errors import PayloadTooLarge, UnsupportedMediaType, ValidationFailed

MAX_MESSAGE_CHARS = 300  # of a field's error; some errors quote the input, which may be long
MAX_DEPTH = 32  # levels of arrays and objects; speech requests need far fewer
# Parsing a million values would block all other threads of the process for half a second (measured).
MAX_VALUES = 20_000
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?+', re.DOTALL)


def success_body(data: Mapping[str, Any]) -> bytes:
    """Returns the success envelope as bytes, so that a stored response is replayed byte for byte."""
    return json.dumps({"success": True, "data": data}, ensure_ascii=False, separators=(",", ":")).encode()


def success(data: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
    return json_response(success_body(data), status=status, headers=headers)


def json_response(body: bytes, *, status: int, headers: Mapping[str, str] | None = None) -> HttpResponse:
    return HttpResponse(body, status=status, content_type="application/json", headers=dict(headers or {}))


def format_time(moment: datetime) -> str:
    """Formats a time as 2026-01-08T10:00:00.000Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def canonical_json(value: object) -> str:
    """Serializes JSON canonically: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


class AlwaysJSON(BaseContentNegotiation):
    """Always answers JSON: an Accept header must not cause an error."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        media_type = request.content_type.partition(";")[0].strip().lower()
        return parsers[0] if media_type == parsers[0].media_type else None

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class StrictJSONParser(BaseParser):
    """Parses a JSON object in UTF-8 and refuses anything ambiguous.

    Each of these is refused with its reason: a compressed body, more than API_MAX_BODY_BYTES, malformed JSON or UTF-8,
    duplicate keys, NaN and infinities (also 1e999), numbers with thousands of digits, NUL and lone surrogates
    (PostgreSQL stores neither), more than MAX_DEPTH levels or MAX_VALUES values, anything but an object.
    """

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        assert parser_context is not None
        request = parser_context["request"]
        if request.headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
            raise UnsupportedMediaType("Send the body uncompressed, without Content-Encoding.")
        limit = settings.API_MAX_BODY_BYTES
        declared = request.headers.get("Content-Length", "")
        is_declared_larger = declared.isdecimal() and int(declared[:20]) > limit
        body = b"" if is_declared_larger else stream.read(limit + 1)
        if len(body) > limit or is_declared_larger:
            raise PayloadTooLarge(f"The body is larger than {limit // 1024**2} MiB.")
        return parse_json_object(body)


def parse_json_object(body: bytes) -> dict[str, Any]:
    """Parses the body. Raises ValidationFailed with a plain reason."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValidationFailed(f"The body is not valid UTF-8: byte {error.start} is invalid.") from None
    _check_number_of_values(text)
    try:
        value = json.loads(
            text,
            # Convert in Python, so that other threads can run in between: thousands of long integers take a while.
            parse_int=_integer,
            parse_float=_finite_float,
            parse_constant=_refuse_constant,
            object_pairs_hook=_unique_keys,
        )
    except json.JSONDecodeError as error:
        message = f"The body is not valid JSON: {error.msg} at line {error.lineno} column {error.colno}."
        raise ValidationFailed(message) from None
    except RecursionError:
        raise ValidationFailed(f"The body is nested more than {MAX_DEPTH} levels deep.") from None
    except ValueError:
        # int() refuses more than 4,300 digits, because its quadratic cost enables an attack.
        raise ValidationFailed("The body contains a number with too many digits.") from None
    if not isinstance(value, dict):
        raise ValidationFailed("The body must be a JSON object.")
    _check_strings_and_depth(value)
    return value


def _check_number_of_values(text: str) -> None:
    """Counts commas and brackets outside strings before any value is created. Looks at one string at a time."""
    separators = strings = end = 0
    for string in _STRING.finditer(text):
        separators += _separators(text[end : string.start()])
        strings, end = strings + 1, string.end()
        if separators >= MAX_VALUES or strings > 2 * MAX_VALUES:  # a name and a value each
            break
    if separators + _separators(text[end:]) >= MAX_VALUES or strings > 2 * MAX_VALUES:
        raise ValidationFailed(f"The body contains more than {MAX_VALUES:,} values.")


def _separators(text: str) -> int:
    return sum(map(text.count, ",[{"))


def _integer(digits: str) -> int:
    return int(digits)


def _finite_float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValidationFailed(f"The number {digits[:20]} is out of range.")
    return number


def _refuse_constant(name: str) -> float:
    raise ValidationFailed(f"The body is not valid JSON: {name} is not a JSON number.")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValidationFailed(f"The body contains the field {twice[:100]!r} more than once.")
    return result


def _check_strings_and_depth(root: dict[str, Any]) -> None:
    pending: list[tuple[Any, int]] = [(root, 1)]
    while pending:
        value, depth = pending.pop()
        if isinstance(value, str):
            _check_string(value)
        elif isinstance(value, dict | list):
            if depth > MAX_DEPTH:
                raise ValidationFailed(f"The body is nested more than {MAX_DEPTH} levels deep.")
            children = [*value.keys(), *value.values()] if isinstance(value, dict) else value
            pending += [(child, depth + 1) for child in children]


def _check_string(value: str) -> None:
    if "\0" in value:
        raise ValidationFailed("The body contains a NUL character.")
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise ValidationFailed("The body contains an unpaired surrogate, which is not a character.") from None


# --- strict fields: a wrong type is an error and is never converted -------------------------------


class StrictCharField(serializers.CharField):
    """Accepts only JSON strings. REST framework would also accept numbers."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class StrictIntegerField(serializers.IntegerField):
    """Accepts only JSON integers: no strings, booleans or fractions."""

    default_error_messages = {"invalid": "A whole number is required."}  # noqa: RUF012 - as in the base class

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return data


class StrictFloatField(serializers.FloatField):
    """Accepts only JSON numbers between the two bounds, inclusive."""

    default_error_messages = {  # noqa: RUF012 - as in the base class
        "invalid": "A number is required.",
        "range": "Must be between {minimum} and {maximum}.",
    }

    def __init__(self, *, min_value: float, max_value: float, **kwargs: Any) -> None:
        self.bounds = (min_value, max_value)
        super().__init__(min_value=min_value, max_value=max_value, **kwargs)

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        minimum, maximum = self.bounds
        if not minimum <= data <= maximum:  # compare before float(), which overflows for an integer of 400 digits
            self.fail("range", minimum=minimum, maximum=maximum)
        return float(data)


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses unknown fields by name, because a typo must not cost money."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = sorted(set(data) - set(self.fields))
        try:
            value = super().to_internal_value(data)
            errors: dict[str, Any] = {}
        except serializers.ValidationError as error:
            assert isinstance(error.detail, dict)
            errors = dict(error.detail)
        errors |= {name: ["Unknown field."] for name in unknown}
        if errors:
            raise serializers.ValidationError(errors)
        return value

    def parsed(self) -> dict[str, Any]:
        """Returns the validated data. Raises our ValidationFailed with messages by field."""
        if not self.is_valid():
            raise validation_failed(self.errors)
        data: dict[str, Any] = self.validated_data
        return data


def validation_failed(errors: Mapping[str, Any]) -> ValidationFailed:
    """Converts REST framework's errors: `{field: [messages]}`, with the first message as the summary."""
    details = {
        str(field)[:100]: [str(message)[:MAX_MESSAGE_CHARS] for message in _flatten(value)]
        for field, value in errors.items()
    }
    return ValidationFailed(
        " ".join(f"{field}: {' '.join(messages)}" for field, messages in list(details.items())[:10]),
        details=dict(list(details.items())[:100]),
    )


def _flatten(errors: Any) -> list[Any]:
    if isinstance(errors, Mapping):
        return [message for value in errors.values() for message in _flatten(value)]
    if isinstance(errors, list | tuple):
        return [message for value in errors for message in _flatten(value)]
    return [errors]

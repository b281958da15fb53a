"""What stands before Django: how long, how slow and how large a request's body may be, and what is not waited for."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.api.key_auth import ApiView, OptionalApiKey
from config.request_bodies import (
    API_PREFIXES,
    BODY,
    LINGER_BYTES,
    SPOOL_AFTER_BYTES,
    TIMED_OUT,
    BodyLimits,
    is_refused_unread,
    receive_bodies_first,
)

LIMITS = BodyLimits(max_bytes=10, read_timeout_seconds=0.05, min_bytes_per_second=1000)
JSON_CHUNKED = {b"content-type": b"application/json", b"transfer-encoding": b"chunked", b"authorization": b"Bearer x"}


@dataclass
class Exchange:
    """One request: what was taken from the client, what the application saw, what was answered."""

    taken: int = 0
    is_run: bool = False
    body: bytes = b""
    received: bytes = b""
    last: dict[str, Any] = field(default_factory=dict)
    is_timed_out: bool = False
    is_on_disk: bool = False
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)


def exchange(
    chunks: Iterable[bytes],
    *,
    limits: BodyLimits = LIMITS,
    headers: dict[bytes, bytes] | None = None,
    path: str = "/sign-in",
    then: str = "end",
) -> Exchange:
    """`then`: what the client does after its chunks: "end", "disconnect", or "stall" for ever."""
    pending, seen = list(chunks), Exchange()
    is_endless = sum(map(len, pending)) > LINGER_BYTES

    async def receive() -> dict[str, Any]:
        if pending:
            seen.taken += 1
            body = pending.pop(0)
            return {"type": "http.request", "body": body, "more_body": bool(pending) or then != "end"}
        if then == "stall":
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.is_run = True
        seen.is_timed_out = scope.get(TIMED_OUT, False)
        seen.is_on_disk = scope[BODY]._rolled
        seen.body = scope[BODY].read()
        scope[BODY].seek(0)
        while True:
            message = await receive()
            seen.received += message["body"]
            if not message["more_body"]:
                break
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x", b"y")]})
        if then != "stall" and not is_endless:
            seen.last = await receive()

    async def send(message: Any) -> None:
        seen.headers = message["headers"]

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "headers": list((headers or {b"transfer-encoding": b"chunked"}).items()),
    }
    async_to_sync(receive_bodies_first(application, limits))(scope, receive, send)
    return seen


@pytest.mark.parametrize("chunks", [[b""], [b"abc"], [b"abcd", b"efgh"], [b"a"] * 10, [b"abcdefghij"]])
def test_a_body_within_the_limit_passes_whole(chunks: list[bytes]) -> None:
    seen = exchange(chunks)
    assert seen.body == seen.received == b"".join(chunks)
    assert seen.last == {"type": "http.disconnect"}
    assert seen.headers == [(b"x", b"y")]


@pytest.mark.parametrize(
    "chunks", [[b"a" * 11], [b"a" * 12], [b"a" * 5000], [b"a"] * 40, [b"a" * 6, b"a" * 6], [b"a" * 10, b"a"]]
)
def test_of_a_larger_body_one_byte_too_many_passes_and_the_rest_is_taken_and_dropped(chunks: list[bytes]) -> None:
    seen = exchange(chunks)
    assert seen.body == seen.received == b"a" * 11
    assert seen.taken == len(chunks)  # the sender gets to the end, and so to the refusal


def test_a_body_without_end_is_not_taken_for_ever_and_the_connection_is_closed() -> None:
    chunk = bytes(1024 * 1024)
    seen = exchange([chunk] * 80, then="disconnect")
    assert seen.body == chunk[:11]
    assert seen.taken == LINGER_BYTES // len(chunk) + 1
    assert (b"connection", b"close") in seen.headers


def test_a_body_past_memory_is_kept_on_the_disk() -> None:
    limits = BodyLimits(max_bytes=4 * SPOOL_AFTER_BYTES, read_timeout_seconds=5, min_bytes_per_second=1)
    small, large = (exchange([bytes(16384)] * count, limits=limits) for count in (4, 5))
    assert (small.is_on_disk, len(small.body)) == (False, SPOOL_AFTER_BYTES)
    assert (large.is_on_disk, len(large.body), large.received) == (True, 5 * 16384, large.body)


def test_a_client_that_disconnects_before_the_end_reaches_no_view() -> None:
    assert not exchange([b"abc"], then="disconnect").is_run


@pytest.mark.parametrize("chunks", [[], [b"a"], [b"a"] * 9])
def test_a_body_that_stalls_reaches_the_application_empty_and_marked(chunks: list[bytes]) -> None:
    seen = exchange(chunks, then="stall")
    assert (seen.is_run, seen.is_timed_out, seen.body) == (True, True, b"")
    assert (b"connection", b"close") in seen.headers


def test_a_refusal_by_the_head_takes_nothing_first_and_the_rest_afterwards() -> None:
    seen = exchange([b"abc", b"def"], path="/api/v1/tts", headers={b"transfer-encoding": b"chunked"})
    assert (seen.body, seen.received, seen.taken, seen.is_timed_out) == (b"", b"", 2, False)


def test_nothing_is_read_from_a_client_that_waits_for_100_continue() -> None:
    headers = {b"transfer-encoding": b"chunked", b"expect": b"100-continue"}
    seen = exchange([b"abc"], path="/api/v1/tts", headers=headers, then="stall")
    assert (seen.is_run, seen.taken) == (True, 0)


def test_requests_without_a_body_and_other_kinds_of_connections_pass_untouched() -> None:
    seen = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope, receive, send))

    async def nothing(*args: Any) -> Any: ...

    scopes: list[dict[str, Any]] = [
        {"type": "lifespan"},
        {"type": "http", "headers": []},
        {"type": "http", "headers": [(b"content-length", b"0")]},
    ]
    for scope in scopes:
        async_to_sync(receive_bodies_first(application, LIMITS))(scope, nothing, nothing)
    assert seen == [(scope, nothing, nothing) for scope in scopes]


# --- time and rate --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "received_bytes, last_byte_at, deadline",
    [
        (0, 100.0, 115.0),  # not a byte
        (1, 110.0, 115.0),  # one that came late does not help: 4,096 a second are wanted from the fifteenth second on
        (61_440, 110.0, 115.0),
        (81_920, 110.0, 120.0),  # enough for 20 s
        (2_097_152, 110.0, 125.0),  # enough for 512 s, but silent since
        (2_097_152, 605.0, 612.0),
    ],
)
def test_a_body_ends_after_15_seconds_of_silence_and_below_4_kilobytes_a_second(
    received_bytes: int, last_byte_at: float, deadline: float
) -> None:
    limits = BodyLimits(max_bytes=2**21, read_timeout_seconds=15, min_bytes_per_second=4096)
    found = limits.deadline(started_at=100.0, last_byte_at=last_byte_at, received_bytes=received_bytes)
    assert found == deadline


def test_a_steady_drip_below_the_rate_ends() -> None:
    """A byte each 10 ms never is a silence of 50 ms, and 100 bytes a second are a tenth of what is wanted."""
    seen = Exchange()

    async def receive() -> dict[str, Any]:
        seen.taken += 1
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"a", "more_body": True}

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.is_timed_out = scope[TIMED_OUT]

    async def send(message: Any) -> None:
        raise AssertionError("the application answers nothing here")

    limits = BodyLimits(max_bytes=10_000, read_timeout_seconds=0.05, min_bytes_per_second=1000)
    scope = {"type": "http", "method": "POST", "path": "/sign-in", "headers": [(b"content-length", b"1000")]}
    async_to_sync(receive_bodies_first(application, limits))(scope, receive, send)
    assert seen.is_timed_out
    assert seen.taken <= 6


# --- what is refused unread -----------------------------------------------------------------------


def is_refused(path: str = "/api/v1/tts", method: str = "POST", **changes: bytes | None) -> bool:
    """A good chunked request to the API but for `changes`, by header name; None leaves the header out."""
    headers = JSON_CHUNKED | {name.replace("_", "-").encode(): value for name, value in changes.items()}
    sent = {name: value for name, value in headers.items() if value is not None}
    return is_refused_unread({"path": path, "method": method}, sent, max_bytes=1000)


def test_a_declared_length_decides() -> None:
    assert is_refused(transfer_encoding=None, content_length=b"1001")
    assert is_refused("/sign-in", transfer_encoding=None, content_length=b"9" * 5000)
    assert not is_refused(transfer_encoding=None, content_length=b"1000")
    assert not is_refused(transfer_encoding=None, content_length=b"5", authorization=None)


def test_a_chunked_body_of_a_good_request_is_read() -> None:
    assert not is_refused()
    assert not is_refused(content_type=b"Application/JSON; charset=utf-8")
    assert not is_refused("/v1/audio/speech")
    assert not is_refused("/api/user/enterprise/webhook", "PUT", authorization=None, cookie=b"sessionid=x")
    assert not is_refused("/sign-in", authorization=None, content_type=None)


@pytest.mark.parametrize(
    "path, method, changes",
    [
        ("/api/v1/tts", "POST", {"authorization": None}),  # 401
        ("/v1/audio/speech", "POST", {"authorization": None}),
        ("/api/nothing", "POST", {}),  # 404
        ("/api/v1/nothing", "POST", {}),
        ("/api/v1/voices", "POST", {}),  # 405
        ("/api/v1/tts", "PUT", {}),
        ("/api/v1/tts", "POST", {"content_type": b"text/plain"}),  # 415
        ("/api/v1/tts", "POST", {"content_type": None}),
        ("/api/v1/tts", "POST", {"content_encoding": b"gzip"}),
    ],
)
def test_a_chunked_body_that_cannot_matter_is_not_read(path: str, method: str, changes: dict[str, Any]) -> None:
    assert is_refused(path, method, **changes)


def api_views(patterns: Iterable[Any], prefix: str = "/") -> Iterator[tuple[str, type[ApiView]]]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from api_views(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern) and hasattr(pattern.callback, "cls"):
            yield path, pattern.callback.cls


def test_where_the_api_takes_a_body_it_wants_to_know_who_sends_it() -> None:
    """What `is_refused_unread` builds on: a view for everybody that took a body would never see a chunked one."""
    found = list(api_views(get_resolver().url_patterns))
    assert ("/api/v1/tts", "JobList") in {(path, view.__name__) for path, view in found}
    for path, view in found:
        assert path.startswith(API_PREFIXES), path
        if any(hasattr(view, method) for method in ("post", "put", "patch")):
            assert OptionalApiKey not in view.authentication_classes, path
            assert [parser.media_type for parser in view.parser_classes] == ["application/json"], path

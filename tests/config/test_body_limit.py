"""The guard in front of Django: how much of a body it lets through."""

from collections.abc import Iterable
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from config.asgi import DRAIN_BYTES, limit_body


def send_through(
    chunks: Iterable[bytes], *, max_bytes: int, end_with_disconnect: bool = False
) -> tuple[bytes, int, Any]:
    """What the application read, how many messages the sender got rid of, and the last message the application saw."""
    pending = list(chunks)
    taken = 0
    read = b""
    last: Any = None

    async def receive() -> dict[str, Any]:
        nonlocal taken
        taken += 1
        if not pending:
            assert end_with_disconnect
            return {"type": "http.disconnect"}
        body = pending.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(pending) or end_with_disconnect}

    async def application(scope: Any, receive: Any, send: Any) -> None:
        nonlocal read, last
        while True:
            last = await receive()
            read += last.get("body", b"")
            if last["type"] != "http.request" or not last["more_body"]:
                return

    async def send(message: Any) -> None:
        raise AssertionError("nothing is to be sent")

    async_to_sync(limit_body(application, max_bytes=max_bytes))({"type": "http"}, receive, send)
    return read, taken, last


@pytest.mark.parametrize("chunks", [[b""], [b"abc"], [b"abcd", b"efgh"], [b"a"] * 10, [b"abcdefghij"]])
def test_a_body_within_the_limit_passes_whole(chunks: list[bytes]):
    assert send_through(chunks, max_bytes=10)[0] == b"".join(chunks)


@pytest.mark.parametrize(
    "chunks", [[b"a" * 11], [b"a" * 12], [b"a" * 5000], [b"a"] * 40, [b"a" * 6, b"a" * 6], [b"a" * 10, b"a"]]
)
def test_of_a_larger_body_one_byte_too_many_passes_and_the_rest_is_taken_and_dropped(chunks: list[bytes]):
    read, taken, last = send_through(chunks, max_bytes=10)
    assert read == b"a" * 11
    assert taken == len(chunks)  # the sender gets to the end, and so to the refusal
    assert last["more_body"] is False


def test_a_body_without_end_is_not_taken_for_ever():
    chunk = bytes(1024 * 1024)
    read, taken, _ = send_through((chunk for _ in range(80)), max_bytes=10)
    assert len(read) == 11
    assert taken == DRAIN_BYTES // len(chunk) + 1


def test_a_sender_that_hangs_up_is_told_to_the_application():
    _, _, last = send_through([b"a" * 20], max_bytes=10, end_with_disconnect=True)
    assert last == {"type": "http.disconnect"}


def test_other_kinds_of_connections_pass_untouched():
    seen = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope, receive, send))

    async def nothing(*args: Any) -> Any: ...

    async_to_sync(limit_body(application, max_bytes=10))({"type": "lifespan"}, nothing, nothing)
    assert seen == [({"type": "lifespan"}, nothing, nothing)]

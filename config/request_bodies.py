"""Receives whole request bodies, within limits, before the application runs.

No thread waits for a slow client: the event loop collects the body, in memory up to `SPOOL_AFTER_BYTES` and then in a
temporary file, and passes the application a complete request. Owns the limits on time, rate and size. The application
decides what a refusal looks like.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import Any

from django.conf import settings
from django.urls import Resolver404, resolve

Message = dict[str, Any]
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# Keys of the ASGI scope, and of the WSGI environ built from it.
BODY = "utterance.body"  # the received body: a binary file, positioned at the start
TIMED_OUT = "utterance.body_timed_out"  # True when the client sent its body too slowly

SPOOL_AFTER_BYTES = 64 * 1024
REPLAY_BYTES = 64 * 1024
# After a response that did not wait for the body, read and drop the rest for a while. Closing a socket with unread data
# resets the connection, and the client may lose the response.
LINGER_BYTES = 64 * 1024 * 1024
LINGER_SILENCE_SECONDS = 2.0

# API endpoints that take a body take JSON, from callers that send one of these headers.
API_PREFIXES = ("/api/", "/v1/")
CREDENTIAL_HEADERS = (b"authorization", b"cookie")


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """Limits on a body.

    A body fails after `read_timeout_seconds` without a byte. It also fails if it averages less than
    `min_bytes_per_second`, measured from its start, once `read_timeout_seconds` have passed.
    """

    max_bytes: int
    read_timeout_seconds: float
    min_bytes_per_second: float

    def deadline(self, *, started_at: float, last_byte_at: float, received_bytes: int) -> float:
        """Returns when the body fails unless another byte arrives. All times are seconds of the event loop's clock."""
        too_slow_at = started_at + max(self.read_timeout_seconds, received_bytes / self.min_bytes_per_second)
        return min(last_byte_at + self.read_timeout_seconds, too_slow_at)


def limits_from_settings() -> BodyLimits:
    return BodyLimits(
        max_bytes=settings.API_MAX_BODY_BYTES,
        read_timeout_seconds=settings.BODY_READ_TIMEOUT_SECONDS,
        min_bytes_per_second=settings.BODY_MIN_BYTES_PER_SECOND,
    )


def receive_bodies_first(app: App, limits: BodyLimits) -> App:
    """Runs `app` once the request's body has arrived, in `scope[BODY]` and through `receive`.

    `app` runs without the whole body, and the connection is closed after the response, if
    - the headers alone decide that the request is refused (`is_refused_unread`): the body is empty;
    - the body is larger than `max_bytes`: one extra byte is passed on, so that the application notices;
    - the body came too slowly: it is empty, and `scope[TIMED_OUT]` is set.
    If the client disconnects before the end of its body, `app` does not run.
    """

    async def received_first(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if b"transfer-encoding" not in headers and headers.get(b"content-length", b"0") == b"0":
            await app(scope, receive, send)
            return
        with SpooledTemporaryFile(max_size=SPOOL_AFTER_BYTES) as file:
            body = _Body(receive, file, limits)
            if not is_refused_unread(scope, headers, max_bytes=limits.max_bytes):
                await body.collect()
                if body.is_disconnected:
                    return
            if body.is_too_slow:
                scope[TIMED_OUT] = True
                file.seek(0)
                file.truncate()
            file.seek(0)
            scope[BODY] = file
            await app(scope, body.replay, body.closing(send))
            # A client that waits for 100 Continue has not started to send.
            if not body.is_ended and not body.is_too_slow and b"expect" not in headers:
                await body.linger()

    return received_first


def is_refused_unread(scope: Scope, headers: dict[bytes, bytes], *, max_bytes: int) -> bool:
    """Whether the application refuses this request regardless of its body.

    A declared length over the limit is refused everywhere (413). A body of undeclared length may never end, so the API
    answers 401, 404, 405 and 415 without reading it.
    """
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and b"transfer-encoding" not in headers:
        return int(declared[:20]) > max_bytes
    if not f"{scope['path']}/".startswith(API_PREFIXES):
        return False
    if not any(name in headers for name in CREDENTIAL_HEADERS):
        return True
    try:
        view = resolve(scope["path"]).func
    except Resolver404:
        return True
    if not hasattr(getattr(view, "cls", view), scope["method"].lower()):
        return True
    media_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    is_compressed = headers.get(b"content-encoding", b"identity").strip().lower() not in {b"", b"identity"}
    return media_type != b"application/json" or is_compressed


class _Body:
    """A request's body while it arrives. `is_ended` is set once its last byte has been received."""

    def __init__(self, receive: Receive, file: "SpooledTemporaryFile[bytes]", limits: BodyLimits) -> None:
        self._receive = receive
        self._file = file
        self._limits = limits
        self._is_replayed = False
        self._dropped_bytes = 0
        self.is_ended = False
        self.is_too_slow = False
        self.is_disconnected = False

    async def collect(self) -> None:
        """Writes the body to the file until it ends or reaches a limit of size or time."""
        limits, clock = self._limits, asyncio.get_running_loop().time
        started_at = last_byte_at = clock()
        received_bytes = 0
        try:
            while not self.is_ended and not self.is_disconnected and received_bytes <= limits.max_bytes:
                deadline = limits.deadline(
                    started_at=started_at, last_byte_at=last_byte_at, received_bytes=received_bytes
                )
                async with asyncio.timeout_at(deadline):
                    chunk = await self._next_chunk()
                if chunk:
                    self._file.write(chunk[: limits.max_bytes + 1 - received_bytes])
                    received_bytes += len(chunk)
                    last_byte_at = clock()
        except TimeoutError:
            self.is_too_slow = True

    async def replay(self) -> Message:
        """Implements ASGI's `receive` for the application: the collected body, then the client's disconnect."""
        if not self._is_replayed:
            chunk = self._file.read(REPLAY_BYTES)
            self._is_replayed = len(chunk) < REPLAY_BYTES
            return {"type": "http.request", "body": chunk, "more_body": not self._is_replayed}
        while self._has_more_to_drop:
            await self._drop_chunk()
        if self.is_ended:
            return await self._receive()
        if self.is_disconnected:
            return {"type": "http.disconnect"}
        nothing_more: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        return await nothing_more

    def closing(self, send: Send) -> Send:
        """Returns a `send` that tells the client to close the connection unless the whole body was received."""

        async def closing_send(message: Message) -> None:
            if message["type"] == "http.response.start" and not self.is_ended:
                message = message | {"headers": [*message.get("headers", []), (b"connection", b"close")]}
            await send(message)

        return closing_send

    async def linger(self) -> None:
        """Drops what the client still sends for a while, so that it can read the response."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limits.read_timeout_seconds):
                while self._has_more_to_drop:
                    async with asyncio.timeout(LINGER_SILENCE_SECONDS):
                        await self._drop_chunk()

    @property
    def _has_more_to_drop(self) -> bool:
        return not self.is_ended and not self.is_disconnected and self._dropped_bytes < LINGER_BYTES

    async def _drop_chunk(self) -> None:
        self._dropped_bytes += len(await self._next_chunk())

    async def _next_chunk(self) -> bytes:
        message = await self._receive()
        if message["type"] != "http.request":
            self.is_disconnected = True
            return b""
        self.is_ended = not message.get("more_body", False)
        body: bytes = message.get("body", b"")
        return body

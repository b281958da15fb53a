"""The ASGI entry: Django, behind a limit on what a request body may hold."""

import os
from collections.abc import Awaitable, Callable
from typing import Any, cast

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.urls import get_resolver

from config.collector import spare_start_up

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

DRAIN_BYTES = 64 * 1024 * 1024  # a client that is still sending gets to read the refusal, up to here


def limit_body(app: App, *, max_bytes: int) -> App:
    """Hands `app` at most `max_bytes` + 1 bytes of a body and drops the rest.

    Django's ASGI handler writes the whole body to disk before any view runs; this keeps a 10 GB body off the disk. The
    extra byte lets the API's parser see that the limit was passed and refuse in its turn (after authentication).
    """

    async def limited(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        left = max_bytes + 1

        async def receive_limited() -> Message:
            nonlocal left
            message = await receive()
            if message["type"] != "http.request":
                return message
            body = message.get("body", b"")
            more = message.get("more_body", False)
            kept, left = body[:left], left - len(body)
            if left > 0:
                return message
            dropped = len(body) - len(kept)
            while more and dropped < DRAIN_BYTES:
                message = await receive()
                if message["type"] != "http.request":
                    return message
                dropped += len(message.get("body", b""))
                more = message.get("more_body", False)
            left = 0
            return {"type": "http.request", "body": kept, "more_body": False}

        await app(scope, receive_limited, send)

    return limited


def _application() -> App:
    django_application = cast(App, get_asgi_application())
    return limit_body(django_application, max_bytes=settings.API_MAX_BODY_BYTES)


application = _application()
_ = get_resolver().url_patterns  # read now, and not by the first request
spare_start_up()

"""The entry point for pages and the API: Django's synchronous handler in a thread pool, served over ASGI.

Why not a WSGI server: it assigns a thread as soon as the headers arrive, and the thread then waits for the body, so
sixteen clients that send one byte at a time can block the process. Here the event loop waits (`config.request_bodies`),
and threads get only complete requests. Why not Django's ASGI handler: for short requests it needs several times the CPU
time of the synchronous one.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application
from django.http import FileResponse
from django.http.response import HttpResponseBase
from django.urls import get_resolver

from config.collector import spare_start_up
from config.request_bodies import (
    BODY,
    TIMED_OUT,
    App,
    Message,
    Receive,
    Scope,
    Send,
    limits_from_settings,
    receive_bodies_first,
)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

MAX_THREADS = 16
FILE_CHUNK_BYTES = 64 * 1024


@dataclass(slots=True)
class _Start:
    """Implements WSGI's `start_response`, and holds the message that starts the ASGI response."""

    message: Message = field(default_factory=dict)

    def __call__(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        self.message = {"type": "http.response.start", "status": int(status[:3]), "headers": encoded}
        return _refuse_write


def _refuse_write(data: bytes) -> object:
    raise NotImplementedError("Django returns its body and never calls WSGI's write().")


def in_threads(handler: WSGIHandler, *, threads: int) -> App:
    """Returns an ASGI application that runs `handler` in at most `threads` threads.

    A normal response leaves its thread before it is sent, so a client that reads slowly blocks no thread. A streamed
    response keeps its thread until it is sent or the client disconnects. An exception in its iterator aborts the
    response.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="request")

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        start = _Start()

        def run() -> bytes | None:
            response: HttpResponseBase = handler(wsgi_environ(scope), start)
            try:
                if not response.streaming:
                    return b"".join(response)
                if isinstance(response, FileResponse):
                    response.block_size = FILE_CHUNK_BYTES
                _send_from_thread(start.message, response, receive, send, loop)
                return None
            finally:
                response.close()

        body = await loop.run_in_executor(pool, run)
        if body is not None:
            await send(start.message)
        await send({"type": "http.response.body", "body": body or b""})

    return application


def _send_from_thread(
    start: Message, chunks: HttpResponseBase, receive: Receive, send: Send, loop: asyncio.AbstractEventLoop
) -> None:
    """Sends a streamed response except its end. Stops early if the client disconnects."""
    is_disconnected = threading.Event()

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        is_disconnected.set()

    async def send_message(message: Message) -> None:
        await send(message)

    watcher = asyncio.run_coroutine_threadsafe(watch(), loop)
    try:
        asyncio.run_coroutine_threadsafe(send_message(start), loop).result()
        for chunk in chunks:
            if is_disconnected.is_set():
                return
            message = {"type": "http.response.body", "body": chunk, "more_body": True}
            asyncio.run_coroutine_threadsafe(send_message(message), loop).result()
    finally:
        watcher.cancel()


def wsgi_environ(scope: Scope) -> dict[str, Any]:
    """Returns the request as a WSGI environ (PEP 3333), with its body from `scope[BODY]`."""
    host, port = scope.get("server") or ("unknown", 0)
    body = scope.get(BODY) or BytesIO()
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": (scope.get("client") or ("",))[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if scope.get(TIMED_OUT):
        environ[TIMED_OUT] = True
    for raw_name, raw_value in scope["headers"]:
        if b"_" in raw_name:  # otherwise X_Forwarded_For could pass for X-Forwarded-For
            continue
        name = raw_name.decode("latin-1").upper().replace("-", "_")
        name = name if name in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{name}"
        value = raw_value.decode("latin-1")
        environ[name] = f"{environ[name]},{value}" if name in environ else value
    if "HTTP_TRANSFER_ENCODING" in environ:
        environ.pop("CONTENT_LENGTH", None)
        body.seek(0, os.SEEK_END)
        if size := body.tell():  # Django reads Content-Length bytes, and none without it
            environ["CONTENT_LENGTH"] = str(size)
        body.seek(0)
    return environ


# Each thread may use a database connection.
application = receive_bodies_first(
    in_threads(get_wsgi_application(), threads=min(MAX_THREADS, settings.DATABASE_POOL_SIZE)), limits_from_settings()
)
_ = get_resolver().url_patterns  # load the URLs now, not at the first request
spare_start_up()

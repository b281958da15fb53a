"""Django's synchronous handler behind an ASGI server: the request as WSGI has it, the response, threads."""

import asyncio
import threading
from collections.abc import Iterator
from io import BytesIO
from typing import Any, cast

import pytest
from asgiref.sync import async_to_sync
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http import FileResponse, HttpResponse, StreamingHttpResponse

from config.asgi_threads import FILE_CHUNK_BYTES, in_threads, wsgi_environ
from config.request_bodies import BODY, App

Messages = list[dict[str, Any]]


def scope_of(path: bytes = b"/", **changes: Any) -> dict[str, Any]:
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "raw_path": path,
        "query_string": b"a=%20b",
        "headers": [(b"host", b"speech.example")],
        "client": ("192.0.2.7", 4711),
        "server": ("127.0.0.1", 8000),
        **changes,
    }


def application_of(response: Any, *, threads: int = 1) -> App:
    """Answers every request with `response`, as Django's handler does."""

    def handler(environ: Any, start_response: Any) -> Any:
        start_response(f"{response.status_code} Whatever", list(response.items()))
        return response

    return in_threads(cast(WSGIHandler, handler), threads=threads)


def messages_of(application: App, *, is_disconnected: bool = False) -> Messages:
    sent: Messages = []

    async def receive() -> dict[str, Any]:
        if not is_disconnected:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async_to_sync(application)(scope_of(), receive, send)
    return sent


def test_the_request_is_what_a_wsgi_server_makes_of_it() -> None:
    headers = [
        (b"host", b"speech.example:8443"),
        (b"content-type", b"application/json"),
        (b"content-length", b"3"),
        (b"x-forwarded-for", b"192.0.2.1"),
        (b"x-forwarded-for", b"192.0.2.2"),
        (b"x_forwarded_for", b"192.0.2.3"),
    ]
    environ = wsgi_environ(scope_of(b"/a%2Fb/%C3%A9", headers=headers) | {BODY: BytesIO(b"abc")})
    request = WSGIRequest(environ)
    assert (request.method, request.path, request.GET["a"]) == ("POST", "/a/b/é", " b")
    assert request.META["HTTP_X_FORWARDED_FOR"] == "192.0.2.1,192.0.2.2"
    assert (request.META["REMOTE_ADDR"], request._get_raw_host()) == ("192.0.2.7", "speech.example:8443")  # type: ignore[attr-defined]
    assert (request.content_type, request.body) == ("application/json", b"abc")


@pytest.mark.parametrize("declared", [[], [(b"content-length", b"9999")]])
def test_a_chunked_body_is_read_to_its_end(declared: list[tuple[bytes, bytes]]) -> None:
    headers = [(b"transfer-encoding", b"chunked"), *declared]
    assert WSGIRequest(wsgi_environ(scope_of(headers=headers) | {BODY: BytesIO(b"abc")})).body == b"abc"


def test_a_response_is_sent_whole_and_closed_before() -> None:
    response = HttpResponse(b"abc", status=201, headers={"X-Answer": "yes"})
    start, body = messages_of(application_of(response))
    assert (start["type"], start["status"]) == ("http.response.start", 201)
    assert (b"X-Answer", b"yes") in start["headers"]
    assert body == {"type": "http.response.body", "body": b"abc"}
    assert response.closed


def test_a_client_that_never_reads_holds_no_thread() -> None:
    """One thread, and the first client's answer is never taken off our hands."""
    application = application_of(HttpResponse(b"abc"))

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def never_sent(message: Any) -> None:
        await asyncio.Event().wait()

    async def run() -> Messages:
        stuck = asyncio.ensure_future(application(scope_of(), receive, never_sent))
        await asyncio.sleep(0)
        sent: Messages = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        async with asyncio.timeout(5):
            await application(scope_of(), receive, send)
        stuck.cancel()
        return sent

    assert async_to_sync(run)()[-1]["body"] == b"abc"


def test_a_stream_is_sent_as_it_is_made_and_files_in_large_pieces() -> None:
    streamed = StreamingHttpResponse(iter([b"a", b"b"]))
    _, first, second, end = messages_of(application_of(streamed))
    assert [first["body"], second["body"]] == [b"a", b"b"]
    assert first["more_body"] is second["more_body"] is True
    assert end == {"type": "http.response.body", "body": b""}
    assert streamed.closed
    file = FileResponse(BytesIO(bytes(FILE_CHUNK_BYTES + 1)))
    assert [len(message["body"]) for message in messages_of(application_of(file))[1:]] == [FILE_CHUNK_BYTES, 1, 0]


def test_a_stream_that_fails_never_has_a_clean_end() -> None:
    def half() -> Iterator[bytes]:
        yield b"half"
        raise RuntimeError("the rest is missing")

    sent: Messages = []
    response = StreamingHttpResponse(half())

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    with pytest.raises(RuntimeError, match="the rest is missing"):
        async_to_sync(application_of(response))(scope_of(), receive, send)
    assert [message.get("more_body") for message in sent] == [None, True]
    assert response.closed


def test_a_stream_nobody_listens_to_ends_and_is_closed() -> None:
    is_closed = threading.Event()

    def endless() -> Iterator[bytes]:
        try:
            while True:
                yield b"a"
        finally:
            is_closed.set()

    messages_of(application_of(StreamingHttpResponse(endless())), is_disconnected=True)
    assert is_closed.is_set()

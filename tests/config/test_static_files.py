"""Static files over both handlers. Django warns when a response does not suit its handler; tests fail on warnings."""

from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from django.conf import LazySettings
from django.core.asgi import get_asgi_application
from django.test import Client

CONTENT = b"body { margin: 0 }\n" * 10_000


@pytest.fixture(autouse=True)
def collected_file(tmp_path: Path, settings: LazySettings) -> None:
    (tmp_path / "site.css").write_bytes(CONTENT)
    settings.STATIC_ROOT = tmp_path


@async_to_sync
async def fetch_over_asgi(**headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body. Not with Django's client, which removes bodies itself."""
    encoded = [(name.encode(), value.encode()) for name, value in {"host": "testserver", **headers}.items()]
    scope = {"type": "http", "method": "GET", "path": "/static/site.css", "query_string": b"", "headers": encoded}
    communicator = ApplicationCommunicator(get_asgi_application(), scope)
    await communicator.send_input({"type": "http.request", "body": b""})
    start = await communicator.receive_output()
    body = b""
    while (message := await communicator.receive_output()).get("more_body"):
        body += message.get("body", b"")
    await communicator.wait()
    received = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return start["status"], received, body + message.get("body", b"")


def test_over_wsgi():
    response: Any = Client().get("/static/site.css")
    assert response.status_code == 200
    assert b"".join(response.streaming_content) == CONTENT


def test_over_asgi():
    status, headers, body = fetch_over_asgi()
    assert status == 200
    assert headers["content-length"] == str(len(CONTENT))
    assert body == CONTENT


def test_a_range_over_asgi():
    status, _headers, body = fetch_over_asgi(range="bytes=5-10")
    assert status == 206
    assert body == CONTENT[5:11]


def test_an_unchanged_file_has_no_body_over_asgi():
    _status, headers, _body = fetch_over_asgi()
    status, _headers, body = fetch_over_asgi(**{"if-modified-since": headers["last-modified"]})
    assert status == 304
    assert body == b""

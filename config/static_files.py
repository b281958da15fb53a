"""Static files for both of Django's handlers. whitenoise alone makes Django's ASGI handler warn at every file."""

from collections.abc import AsyncIterator
from typing import Any, BinaryIO

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware

CHUNK_BYTES = 64 * 1024


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]  # whitenoise has no types
    """whitenoise, except that a file is read without blocking where the request came over ASGI."""

    @staticmethod
    def serve(static_file: Any, request: HttpRequest) -> HttpResponseBase:
        response = WhiteNoiseMiddleware.serve(static_file, request)
        if isinstance(request, ASGIRequest):
            response.streaming_content = _read(response.file_to_stream)
        return response  # type: ignore[no-any-return]


async def _read(file: BinaryIO | None) -> AsyncIterator[bytes]:
    """Yields the content in chunks; nothing for None, the file of a response without a body."""
    if file is None:
        return
    read = sync_to_async(file.read, thread_sensitive=False)
    while chunk := await read(CHUNK_BYTES):
        yield chunk

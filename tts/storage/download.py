"""Serves the files of the local store over HTTP: signed URLs, range requests, read in chunks.

Serves `/audio/…`. `tts.api.jobs` decides who gets a signed URL.
"""

import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import BinaryIO

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from tts.storage import store
from tts.storage.base import cache_control, content_disposition, content_type

CHUNK_BYTES = 256 * 1024
SINGLE_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


@require_safe
def audio_file(request: HttpRequest, key: str) -> HttpResponseBase:
    """Serves the audio `key`, or a range of it. 403 for an invalid signature, 410 for an expired URL or audio."""
    expires = request.GET.get("expires", "")
    if not store.is_signature_valid(key, expires, request.GET.get("signature", "")):
        return _refusal(request, 403, "This link is invalid", "Copy the whole link, or get a new one from the job.")
    expires_at = datetime.fromtimestamp(int(expires), UTC)
    if expires_at <= timezone.now():
        message = f"This audio link expired on {expires_at:%-d %b at %H:%M} UTC. Get a new one from the job."
        return _refusal(request, 410, "This link has expired", message)
    try:
        file = store.open_audio(key)
    except FileNotFoundError:
        message = "The job is still listed. Submit the text again to generate new audio."
        return _refusal(request, 410, "This audio was deleted", message)
    size = file.seek(0, 2)
    etag = f'"{PurePosixPath(key).stem}"'  # the name of one attempt, whose bytes never change
    part = _asked_range(request, etag, size)
    if part is not None and part[0] >= size:
        file.close()
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    first, last = part or (0, size - 1)
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Length": str(last - first + 1),
        "Content-Disposition": content_disposition(key),
        "Cache-Control": cache_control(key),
        "ETag": etag,
    }
    if part is not None:
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    status = 200 if part is None else 206
    kind = content_type(key)
    if request.method == "HEAD":
        file.close()
        return HttpResponse(status=status, content_type=kind, headers=headers)
    # Under ASGI, Django reads a plain iterator to its end before the first byte; under WSGI, an asynchronous one.
    is_asgi = isinstance(request, ASGIRequest)
    body = _read_async(file, first, last) if is_asgi else _read(file, first, last)
    response = StreamingHttpResponse(body, status=status, content_type=kind, headers=headers)
    # As in FileResponse: a generator that was never started does not close its file when it is closed.
    response._resource_closers.append(file.close)  # type: ignore[attr-defined]
    return response


def _asked_range(request: HttpRequest, etag: str, size: int) -> tuple[int, int] | None:
    """Returns the first and last byte of a range request (RFC 9110, section 14), or None to send everything.

    Only GET supports ranges. Multiple and malformed ranges are ignored, as the RFC allows. A first byte past the end is
    returned unchanged.
    """
    match = SINGLE_RANGE.fullmatch(request.headers.get("Range", "").strip())
    is_same = request.headers.get("If-Range", etag) == etag
    if request.method != "GET" or match is None or match[0] == "bytes=-" or not is_same:
        return None
    if not match[1]:
        suffix = int(match[2])
        return (max(0, size - suffix), size - 1) if suffix else (size, size)
    first, last = int(match[1]), int(match[2] or size - 1)
    if match[2] and last < first:
        return None
    return first, min(last, size - 1)


def _read(file: BinaryIO, first: int, last: int) -> Iterator[bytes]:
    with file:
        file.seek(first)
        left = last - first + 1
        while left and (chunk := file.read(min(CHUNK_BYTES, left))):
            left -= len(chunk)
            yield chunk


async def _read_async(file: BinaryIO, first: int, last: int) -> AsyncIterator[bytes]:
    chunks = _read(file, first, last)
    read = sync_to_async(lambda: next(chunks, b""), thread_sensitive=False)
    try:
        while chunk := await read():
            yield chunk
    finally:
        file.close()


def _refusal(request: HttpRequest, status: int, title: str, message: str) -> HttpResponse:
    return render(request, "error.html", {"title": title, "message": message, "status": status}, status=status)

"""Defines the interface of an audio store, for `tts.storage.store`."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import PurePosixPath
from typing import IO, Any, Protocol, Self

from django.core.files.base import File

from speech.audio.formats import FORMATS

Options = dict[str, Any]

CONTENT_TYPES = {spec.file_extension: spec.content_type for spec in FORMATS.values()} | {
    ".zip": "application/zip",
    ".bin": "application/octet-stream",
}


class Readable(Protocol):
    """A file that is read from its current position, then closed."""

    def read(self, size: int = -1, /) -> bytes: ...

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: Any) -> None: ...


class AudioStorage(Protocol):
    """A Django storage whose `save` is atomic and replaces an existing file of that name.

    `save` and `delete` may use the network; they raise StoreUnavailable within half a minute if nothing responds.
    """

    def save(self, name: str, content: "File[bytes]") -> str: ...

    def read_from(self, name: str, skip_bytes: int) -> Readable:
        """Opens the file at this position. Raises FileNotFoundError, and StoreUnavailable, also during reads."""

    def fetch(self, name: str, into: IO[bytes]) -> None:
        """Copies the whole file. Raises FileNotFoundError, and StoreUnavailable, also if it ends too early."""

    def exists(self, name: str) -> bool: ...

    def delete(self, name: str) -> None:
        """Deletes the file. Has no effect if it does not exist."""

    def signed_url(self, name: str, *, base_url: str, expires_at: datetime) -> str:
        """Returns a URL where `name` can be read until `expires_at`, inline, with Range. Makes no request.

        `base_url` is our own scheme and host, for a store that we serve ourselves.
        """

    def get_address(self, name: str) -> str:
        """Returns the location of `name`, for operators."""


class GuardedFile:
    """A file of a store. `guard` translates its errors to ours."""

    def __init__(self, file: Any, guard: Callable[[], AbstractContextManager[None]]) -> None:
        self._file = file
        self._guard = guard

    def read(self, size: int = -1, /) -> bytes:
        with self._guard():
            content: bytes = self._file.read() if size < 0 else self._file.read(size)
        return content

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()


def content_type(name: str) -> str:
    return CONTENT_TYPES[PurePosixPath(name).suffix]


def content_disposition(name: str) -> str:
    kind = "attachment" if name.endswith(".zip") else "inline"
    return f'{kind}; filename="{PurePosixPath(name).name}"'


def cache_control(name: str) -> str:
    """Browsers may keep audio. They may not keep an export, which contains all data of an account."""
    return "no-store" if name.endswith(".zip") else "private, max-age=86400, immutable"


def seconds_until(expires_at: datetime, now: datetime) -> int:
    """Returns whole seconds, rounded up: a signature must be valid for at least the promised time."""
    return max(1, -int((now - expires_at).total_seconds() // 1))

"""Stores audio as local files, which `tts.storage.download` serves through signed URLs."""

import os
import shutil
from datetime import datetime
from pathlib import Path
from typing import IO, Any, BinaryIO
from urllib.parse import urlencode

from django.core.files.storage import FileSystemStorage
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac

SIGNATURE_SALT = "tts.store.audio"


class LocalAudioStorage(FileSystemStorage):
    """Files are complete and synced to disk, or absent: a full disk or a crash never leaves a partial file to serve."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, allow_overwrite=True)

    def _save(self, name: str, content: Any) -> str:
        path = Path(self.path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = _unfinished(path)
        try:
            with unfinished.open("wb") as file:
                for chunk in content.chunks():
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
            _sync_directory(path.parent)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
        return name

    def read_from(self, name: str, skip_bytes: int) -> BinaryIO:
        file = Path(self.path(name)).open("rb")  # noqa: SIM115 - for the caller to close
        file.seek(skip_bytes)
        return file

    def fetch(self, name: str, into: IO[bytes]) -> None:
        with self.read_from(name, 0) as file:
            shutil.copyfileobj(file, into)

    def delete(self, name: str) -> None:
        super().delete(name)
        # Left by a worker that was killed while saving.
        _unfinished(Path(self.path(name))).unlink(missing_ok=True)

    def signed_url(self, name: str, *, base_url: str, expires_at: datetime) -> str:
        expires = int(expires_at.timestamp())
        query = urlencode({"expires": expires, "signature": _signature(name, expires)})
        return f"{base_url}{reverse('audio_file', kwargs={'key': name})}?{query}"

    def get_address(self, name: str) -> str:
        return self.path(name)


def is_signature_valid(name: str, expires: str, signature: str) -> bool:
    """Whether the signature is ours, even if it has expired."""
    if not (expires.isascii() and expires.isdecimal() and len(expires) <= 12):
        return False
    return constant_time_compare(_signature(name, int(expires)), signature)


def _signature(name: str, expires: int) -> str:
    return salted_hmac(SIGNATURE_SALT, f"{name}\n{expires}", algorithm="sha256").hexdigest()


def _unfinished(path: Path) -> Path:
    """Returns the path while saving. Only one worker ever writes a name, since it contains job and attempt."""
    return path.with_name(f"{path.name}.part")


def _sync_directory(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Where finished audio is kept and how it is handed out.

Owns the names of audio files and their signed URLs. One machine: files under DATA_DIR/audio, behind a signature of our own.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlencode

from django.conf import settings
from django.core.files import File
from django.core.files.storage import Storage, storages
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from tts.audio.formats import FORMATS
from tts.models import Job

SIGNATURE_SALT = "tts.store.audio"


@dataclass(frozen=True, slots=True)
class SignedUrl:
    """A URL that needs no key, until `expires_at`."""

    url: str
    expires_at: datetime


def audio_storage() -> Storage:
    return storages["audio"]


def audio_key(job: Job, attempt: int) -> str:
    """Every attempt has a name of its own, so that a worker given up for dead cannot touch another's audio."""
    return f"{str(job.pk)[:2]}/{job.pk}-{attempt}{FORMATS[job.output_format].file_extension}"


def save_audio(key: str, path: Path) -> None:
    with path.open("rb") as file:
        audio_storage().save(key, File(file))


def open_audio(key: str) -> BinaryIO:
    """Raises FileNotFoundError."""
    file: BinaryIO = audio_storage().open(key)  # type: ignore[assignment]  # a Django File reads and seeks like one
    return file


def delete_audio(job: Job, *, keep: str = "") -> None:
    """The audio of every attempt, but for the one that is kept."""
    for attempt in range(1, job.attempt + 1):
        key = audio_key(job, attempt)
        if key != keep:
            audio_storage().delete(key)


def signed_url(job: Job, *, base_url: str) -> SignedUrl:
    """A fresh URL for the job's audio. `base_url`: scheme and host the caller reached us by."""
    expires_at = timezone.now() + timedelta(seconds=settings.AUDIO_URL_SECONDS)
    expires = int(expires_at.timestamp())
    query = urlencode({"expires": expires, "signature": _signature(job.audio_key, expires)})
    url = f"{base_url}{reverse('audio_file', kwargs={'key': job.audio_key})}?{query}"
    return SignedUrl(url, datetime.fromtimestamp(expires, UTC))


def is_signature_valid(key: str, expires: str, signature: str) -> bool:
    """True for a URL we made, whether its time is over or not."""
    if not (expires.isascii() and expires.isdecimal() and len(expires) <= 12):
        return False
    return constant_time_compare(_signature(key, int(expires)), signature)


def _signature(key: str, expires: int) -> str:
    return salted_hmac(SIGNATURE_SALT, f"{key}\n{expires}", algorithm="sha256").hexdigest()

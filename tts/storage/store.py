"""Stores finished audio and returns signed URLs for it.

Defines the names of audio files, and what happens if there is no space left. The kinds of store, and how each signs its
URLs, are in `tts.storage`; other modules do not know which one is used.
"""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, BinaryIO, cast

from django.conf import settings
from django.core.files import File
from django.core.files.storage import storages
from django.db.models import Sum
from django.utils import timezone

from speech.audio.formats import FORMATS, Encoding
from speech.audio_bound import Extent, break_seconds
from tts.errors import CapacityReached, StoreUnavailable
from tts.models import UNFINISHED, Job
from tts.storage.base import AudioStorage, Readable
from tts.storage.local import LocalAudioStorage, is_signature_valid

__all__ = ["is_signature_valid"]  # for URLs of a local store

# Slower than usual voices: 13 letters a second in English (speech.engines.remote.duration_check), a byte each. A
# Chinese character takes 0.2 s and three bytes, so counting bytes is precise enough for any script.
TEXT_BYTES_PER_SECOND = 12.0
# Digits take six times as long as their bytes suggest: eSpeak needs 0.7 s for one (measured). With this value, ordinary
# English text is still estimated by its bytes.
SECONDS_PER_WORD = 0.45
COPIES = 2  # of the encoded audio: in the spool, and in the store while it is copied there
KEPT_BYTES_PER_SECOND = 30_000  # of speech kept for another attempt, as FLAC at the engine's rate; measured 25,000
MEGABYTE = 1024 * 1024
SPOKEN_FOR_SECONDS = 5.0  # how long a total of reserved space is cached
_spoken_for = (float("-inf"), 0)  # until when it is valid, and how many bytes


@dataclass(frozen=True, slots=True)
class SignedUrl:
    """A URL that needs no key, valid until `expires_at`."""

    url: str
    expires_at: datetime


def audio_storage() -> AudioStorage:
    return cast(AudioStorage, storages["audio"])


def audio_key(job: Job, attempt: int) -> str:
    """Returns the audio's name. Each attempt has its own, so a stalled worker cannot touch another's audio."""
    return f"{str(job.pk)[:2]}/{job.pk}-{attempt}{FORMATS[job.output_format].file_extension}"


def save_audio(key: str, path: Path) -> None:
    """Saves the whole file or nothing. Raises StoreUnavailable."""
    with _full_disk_is_unavailable(), path.open("rb") as file:
        audio_storage().save(key, File(file))


def save_file(key: str, content: IO[bytes]) -> None:
    """Saves an open file from its beginning to its end. Raises StoreUnavailable."""
    content.seek(0)
    with _full_disk_is_unavailable():
        audio_storage().save(key, File(content))


def spool_path(job: Job, attempt: int) -> Path:
    """Returns the file that a worker writes this attempt's audio to, until it is stored."""
    return Path(settings.SPOOL_DIR) / Path(audio_key(job, attempt)).name


def read_audio(key: str, skip_bytes: int) -> Readable:
    """Opens the audio `key` at this position, from any kind of store.

    Raises FileNotFoundError, and StoreUnavailable, also during reads.
    """
    return audio_storage().read_from(key, skip_bytes)


def fetch_audio(key: str, into: IO[bytes]) -> None:
    """Copies the whole audio `key`, from any kind of store. Raises FileNotFoundError, StoreUnavailable."""
    audio_storage().fetch(key, into)


def open_audio(key: str) -> BinaryIO:
    """Opens a file of a local store. Raises FileNotFoundError, also if another kind of store is now in use."""
    storage = audio_storage()
    if not isinstance(storage, LocalAudioStorage):
        raise FileNotFoundError(key)
    file: BinaryIO = storage.open(key)  # type: ignore[assignment]  # a Django File has the same methods
    return file


def delete_audio(job: Job, *, keep: str = "") -> None:
    """Deletes the audio of every attempt except `keep`. Raises StoreUnavailable.

    Also deletes what a killed worker left in the spool of this machine. A worker that holds the job deletes its own.
    """
    has_worker = job.lease_expires_at is not None and job.lease_expires_at > timezone.now()
    for attempt in range(1, job.attempt + 1):
        key = audio_key(job, attempt)
        if key == keep:
            continue
        if not (has_worker and attempt == job.attempt):
            for left in Path(settings.SPOOL_DIR).glob(f"{spool_path(job, attempt).name}*"):
                left.unlink(missing_ok=True)
        audio_storage().delete(key)


def signed_url(key: str, *, base_url: str, lasts: timedelta | None = None) -> SignedUrl:
    """Returns a new URL for the audio `key`, without a request. `base_url` is our own scheme and host."""
    expires_at = timezone.now() + (lasts or timedelta(seconds=settings.AUDIO_URL_SECONDS))
    expires_at = datetime.fromtimestamp(int(expires_at.timestamp()), UTC)
    return SignedUrl(audio_storage().signed_url(key, base_url=base_url, expires_at=expires_at), expires_at)


def expected_bytes(*, text: str, extent: Extent, speed: float, encoding: Encoding, is_streamed: bool = False) -> int:
    """Returns the most disk space that the audio of a text needs at any one time, at a usual speed.

    `extent`: the words of the text, and the pauses that it requests.
    """
    by_bytes = len(text.encode("utf-8", "replace")) / TEXT_BYTES_PER_SECOND
    seconds = max(by_bytes, extent.words * SECONDS_PER_WORD) / speed + break_seconds(extent, speed=speed)
    copies = COPIES + bool(is_streamed and settings.REDIS_URL)  # one more, as parts
    return round(seconds * (encoding.bytes_per_second * copies + KEPT_BYTES_PER_SECOND))


def check_capacity(*, more_bytes: int = 0) -> None:
    """Raises CapacityReached if a disk for audio would have less than MIN_FREE_BYTES left.

    `more_bytes` is what the caller is about to use; see `add_expected_bytes`. The expected needs of all unfinished jobs
    count too, including what they have already written; a total under a megabyte is covered by the reserve. The spool
    is checked if workers run on this machine; a bucket has no limit. Takes a query every few seconds, and a system call
    per disk.
    """
    storage = audio_storage()
    folders = [Path(settings.SPOOL_DIR)]
    if isinstance(storage, LocalAudioStorage):
        folders.append(Path(storage.location))
    elif not folders[0].exists():
        return
    needed_bytes = settings.MIN_FREE_BYTES + (_spoken_for_bytes() + more_bytes) // MEGABYTE * MEGABYTE
    if any(shutil.disk_usage(_existing(folder)).free < needed_bytes for folder in folders):
        raise CapacityReached


def add_expected_bytes(size_bytes: int) -> None:
    """Adds an accepted job's expected bytes to the cached total, so that this process's next checks count them."""
    global _spoken_for
    _spoken_for = _spoken_for[0], _spoken_for[1] + size_bytes


def _spoken_for_bytes() -> int:
    """Returns the expected needs of unfinished jobs, cached for a few seconds."""
    global _spoken_for
    now = time.monotonic()
    if now >= _spoken_for[0]:
        unfinished = Job.objects.filter(status__in=UNFINISHED).aggregate(bytes=Sum("expected_bytes"))
        _spoken_for = now + SPOKEN_FOR_SECONDS, unfinished["bytes"] or 0
    return _spoken_for[1]


def _existing(folder: Path) -> Path:
    """Returns the folder or its nearest existing parent."""
    return next(path for path in (folder, *folder.parents) if path.exists())


@contextmanager
def _full_disk_is_unavailable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreUnavailable from error

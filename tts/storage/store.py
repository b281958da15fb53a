"""Where finished audio is kept and how it is handed out.

Owns the names of audio files, and what happens when there is no room for one more. The kinds of store, and how each
signs its URLs, are in `tts.storage`; nobody else knows which one it is.
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

__all__ = ["is_signature_valid"]  # of URLs that a local store made

# Slower than usual voices: 13 letters a second in English (speech.engines.remote.duration_check), a byte each. A
# Chinese character takes 0.2 s and three bytes, so the bytes say enough in any script.
TEXT_BYTES_PER_SECOND = 12.0
# Lines of digits take six times as long as their bytes say: eSpeak says one in 0.7 s (measured). With this, an ordinary
# text of English is not expected to be longer than by its bytes.
SECONDS_PER_WORD = 0.45
COPIES = 2  # of the encoded audio: in the spool, and in the store while it is copied there
KEPT_BYTES_PER_SECOND = 30_000  # of speech for another attempt, as FLAC at an engine's rate; measured 25,000
MEGABYTE = 1024 * 1024
SPOKEN_FOR_SECONDS = 5.0  # how long one look at what is spoken for lasts
_spoken_for = (float("-inf"), 0)  # until when, and how many bytes


@dataclass(frozen=True, slots=True)
class SignedUrl:
    """A URL that needs no key, until `expires_at`."""

    url: str
    expires_at: datetime


def audio_storage() -> AudioStorage:
    return cast(AudioStorage, storages["audio"])


def audio_key(job: Job, attempt: int) -> str:
    """Every attempt has a name of its own, so that a worker given up for dead cannot touch another's audio."""
    return f"{str(job.pk)[:2]}/{job.pk}-{attempt}{FORMATS[job.output_format].file_extension}"


def save_audio(key: str, path: Path) -> None:
    """The whole file, or nothing under that name. Raises StoreUnavailable."""
    with _full_disk_is_unavailable(), path.open("rb") as file:
        audio_storage().save(key, File(file))


def save_file(key: str, content: IO[bytes]) -> None:
    """The same of an open file, from its beginning to its end."""
    content.seek(0)
    with _full_disk_is_unavailable():
        audio_storage().save(key, File(content))


def spool_path(job: Job, attempt: int) -> Path:
    """The file that a worker writes this attempt's audio into, until it is stored."""
    return Path(settings.SPOOL_DIR) / Path(audio_key(job, attempt)).name


def read_audio(key: str, skip_bytes: int) -> Readable:
    """What is stored as `key`, from there on, of any store. Raises FileNotFoundError, StoreUnavailable, the latter also
    while it is read.
    """
    return audio_storage().read_from(key, skip_bytes)


def fetch_audio(key: str, into: IO[bytes]) -> None:
    """All that is stored as `key`, of any store. Raises FileNotFoundError, StoreUnavailable."""
    audio_storage().fetch(key, into)


def open_audio(key: str) -> BinaryIO:
    """A file of our own store. Raises FileNotFoundError, also when the store is another by now."""
    storage = audio_storage()
    if not isinstance(storage, LocalAudioStorage):
        raise FileNotFoundError(key)
    file: BinaryIO = storage.open(key)  # type: ignore[assignment]  # a Django File reads and seeks like one
    return file


def delete_audio(job: Job, *, keep: str = "") -> None:
    """The audio of every attempt, but for the one that is kept, and what a worker that was killed left of it in the
    spool of this machine. A worker that still holds the job removes its own. Raises StoreUnavailable.
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
    """A fresh URL for what is stored as `key`, made without asking anybody. `base_url`: scheme and host of ours."""
    expires_at = timezone.now() + (lasts or timedelta(seconds=settings.AUDIO_URL_SECONDS))
    expires_at = datetime.fromtimestamp(int(expires_at.timestamp()), UTC)
    return SignedUrl(audio_storage().signed_url(key, base_url=base_url, expires_at=expires_at), expires_at)


def expected_bytes(*, text: str, extent: Extent, speed: float, encoding: Encoding, is_streamed: bool = False) -> int:
    """What the audio of a text needs on our disks, at most at once, if it is spoken at a usual pace.

    `extent`: its words and the pauses that it asks for.
    """
    by_bytes = len(text.encode("utf-8", "replace")) / TEXT_BYTES_PER_SECOND
    seconds = max(by_bytes, extent.words * SECONDS_PER_WORD) / speed + break_seconds(extent, speed=speed)
    copies = COPIES + bool(is_streamed and settings.REDIS_URL)  # one more in parts
    return round(seconds * (encoding.bytes_per_second * copies + KEPT_BYTES_PER_SECOND))


def check_capacity(*, more_bytes: int = 0) -> None:
    """Raises CapacityReached when a disk that audio goes to would have less than MIN_FREE_BYTES left. A query every few
    seconds, and a system call per disk.

    `more_bytes`: what the caller is about to need; see `add_expected_bytes`. What all unfinished jobs are expected to
    need counts too, also what they have written by now; less than a megabyte of it all is within the reserve. The spool
    is looked at where workers run beside the web; a bucket has no end.
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
    """An accepted job needs them: what this process takes next must fit beside it. One that is refused needs none."""
    global _spoken_for
    _spoken_for = _spoken_for[0], _spoken_for[1] + size_bytes


def _spoken_for_bytes() -> int:
    """What unfinished jobs are expected to need, as it was a few seconds ago at most."""
    global _spoken_for
    now = time.monotonic()
    if now >= _spoken_for[0]:
        unfinished = Job.objects.filter(status__in=UNFINISHED).aggregate(bytes=Sum("expected_bytes"))
        _spoken_for = now + SPOKEN_FOR_SECONDS, unfinished["bytes"] or 0
    return _spoken_for[1]


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that has been made."""
    return next(path for path in (folder, *folder.parents) if path.exists())


@contextmanager
def _full_disk_is_unavailable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreUnavailable from error

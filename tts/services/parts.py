"""Stores and deletes finished parts of the audio of running jobs.

Decides the order of row and object, and when parts are deleted. `tts.worker.keep_speech` and
`tts.streaming.relay.parts` produce the content.
"""

import logging
import uuid
from collections.abc import Iterable
from datetime import timedelta
from hashlib import sha256
from typing import IO

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from tts.errors import StoreUnavailable
from tts.models import UNFINISHED, AudioPart, Job, JobStatus, SpeechPart, StreamPart
from tts.selectors import get_held_row
from tts.storage import store

logger = logging.getLogger(__name__)

KINDS: tuple[type[AudioPart], ...] = (SpeechPart, StreamPart)
DELETE_BATCH = 500
# A stalled worker may still write an object whose row is not marked as stored, but no longer than this.
UNSTORED_FOR = timedelta(hours=1)
DIGEST_CHUNK_BYTES = 1024 * 1024


class PartDamaged(Exception):
    """The stored object differs from what was saved."""


def store_part(part: AudioPart, content: IO[bytes]) -> bool:
    """Writes the row, then the object, then marks it as stored. Returns False, and removes both, if the job was lost.

    Raises StoreUnavailable and database errors, which may leave a row without an object.
    """
    job = part.job
    part.sha256 = _compute_sha256(content)
    with transaction.atomic():
        if not get_held_row(job).select_for_update(of=("self",)).exists():
            return False
        part.save(force_insert=True)
    store.save_file(part.key, content)
    with transaction.atomic():
        is_kept = _note_stored(part)
    if not is_kept:
        store.audio_storage().delete(part.key)
        part.delete()
    return is_kept


def _note_stored(part: AudioPart) -> bool:
    kept = {"chars_kept": part.chars} if isinstance(part, SpeechPart) else {}
    row = get_held_row(part.job)
    # The lock keeps a sweeper that ends the job from missing the part.
    if not (row.update(**kept) if kept else row.select_for_update(of=("self",)).exists()):
        return False
    type(part)._default_manager.filter(pk=part.pk).update(is_stored=True)
    return True


def fetch_part(part: AudioPart, into: IO[bytes]) -> None:
    """Copies the whole object, verifies that it is unchanged, and seeks `into` to the start.

    Raises FileNotFoundError, PartDamaged, StoreUnavailable.
    """
    store.fetch_audio(part.key, into)
    if _compute_sha256(into) != part.sha256:
        raise PartDamaged(part.key)
    into.seek(0)


def _compute_sha256(content: IO[bytes]) -> str:
    content.seek(0)
    digest = sha256()
    while chunk := content.read(DIGEST_CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


def delete_parts_if_finished(*, job: Job) -> None:
    """Deletes the parts after an attempt. What the store fails to delete is left to the sweeper."""
    if Job.objects.filter(pk=job.pk).exclude(status__in=UNFINISHED).exists():
        try:
            delete_parts(job_id=job.pk)
        except StoreUnavailable:
            logger.warning("job %s: could not delete the parts of its audio", job.pk, exc_info=True)


def delete_parts(*, job_id: uuid.UUID) -> None:
    """Deletes all parts of a finished job. Raises StoreUnavailable."""
    for kind in KINDS:
        _delete(kind._default_manager.filter(job_id=job_id))


def delete_parts_of_finished_jobs() -> int:
    """Deletes parts that dead workers left, or of jobs that ended without a worker. Returns how many.

    Raises StoreUnavailable.
    """
    is_left = Q(is_stored=True) | Q(created_at__lt=timezone.now() - UNSTORED_FOR)
    finished = [status for status in JobStatus if status not in UNFINISHED]
    deleted = 0
    for kind in KINDS:
        parts = kind._default_manager.filter(is_left, job__status__in=finished)
        deleted += _delete(list(parts[:DELETE_BATCH]))
    return deleted


def _delete(parts: Iterable[AudioPart] | QuerySet[AudioPart]) -> int:
    """Deletes objects first. The row of an unstored one is kept for a while: its worker may still be writing it."""
    long_ago = timezone.now() - UNSTORED_FOR
    deleted = 0
    for part in parts:
        store.audio_storage().delete(part.key)
        is_left = Q(is_stored=True) | Q(created_at__lt=long_ago)
        type(part)._default_manager.filter(is_left, pk=part.pk).delete()
        deleted += 1
    return deleted

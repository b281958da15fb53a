"""Generates a visitor's short text in several voices, for comparison. Free of charge; jobs come first.

The workers of an engine's queue do it, because they have the model in memory: one at a time, and none while a job
waits. Rows hold what is waiting; the sweep wakes the workers, fails what waited too long, and deletes everything after
an hour.
"""

import hashlib
import threading
import time
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from config.task_dispatch import dispatch_task
from speech.engines.registry import get_engine
from tts.models import VoicePreview, VoicePreviewState
from tts.services.lifecycle import due_jobs
from tts.services.samples import make_sound
from tts.stopping import worker_is_stopping
from tts.storage import store
from voices.models import Voice

MAX_TEXT_CHARS = 120
KEPT = timedelta(hours=1)
PATIENCE = timedelta(minutes=2)  # how long a visitor waits at most, since jobs come first
CLAIM = timedelta(seconds=30)  # after that, its worker is presumed dead
TRIES = 2  # per request
FORGET_BATCH = 200

_speaking = threading.Lock()  # at most one slot per worker


def may_be_auditioned(voice: Voice) -> bool:
    """Whether the voice's engine costs the operator nothing, as listed in settings.COMPARE_ENGINES."""
    return voice.provider in settings.COMPARE_ENGINES and voice.provider in settings.SPEECH_ENGINES


def audition_key(voice: Voice, text: str) -> str:
    return hashlib.sha256(f"{voice.voice_id}\n{voice.engine_voice}\n{text}".encode()).hexdigest()


def missing_voices(*, voices: Sequence[Voice], text: str) -> list[Voice]:
    """Returns the voices to generate. Existing and waiting previews are reused, failed ones are tried again.

    Raises CapacityReached if there are any, but no space for them.
    """
    keys = {audition_key(voice, text): voice for voice in voices if may_be_auditioned(voice)}
    there = VoicePreview.objects.filter(key__in=keys).exclude(state=VoicePreviewState.FAILED)
    for key in there.values_list("key", flat=True):
        del keys[key]
    if keys:
        store.check_capacity()
    return list(keys.values())


def request_auditions(*, voices: Collection[Voice], text: str) -> None:
    """Creates a row each, resets the tries of failed ones, and wakes each queue."""
    rows = [
        VoicePreview(
            key=audition_key(voice, text),
            voice=voice,
            queue=get_engine(voice.provider).queue,
            text=text,
            tries_left=TRIES,
        )
        for voice in voices
    ]
    with transaction.atomic():
        failed = VoicePreview.objects.filter(key__in=[row.key for row in rows], state=VoicePreviewState.FAILED)
        # `attempt` is not reset: a late worker of an earlier attempt must not have the same number as the next.
        failed.update(state=VoicePreviewState.WAITING, tries_left=TRIES, claimed_at=None, created_at=timezone.now())
        VoicePreview.objects.bulk_create(rows, ignore_conflicts=True)
    for queue in {row.queue for row in rows}:
        wake(queue)


def wake(queue: str) -> bool:
    return dispatch_task("tts.tasks.speak_auditions", [queue], queue=queue)


def speak_auditions(*, queue: str) -> int:
    """Generates previews as long as no job waits. Returns how many; 0 at once if another thread is doing it."""
    if not _speaking.acquire(blocking=False):
        return 0
    spoken = 0
    try:
        while not worker_is_stopping.is_set() and not due_jobs().filter(queue=queue).exists():
            audition = _claim(queue)
            if audition is None:
                break
            spoken += _speak(audition)
    finally:
        _speaking.release()
    return spoken


def _claim(queue: str) -> VoicePreview | None:
    while True:
        now = timezone.now()
        waiting = _unclaimed(now).filter(queue=queue, tries_left__gt=0)
        audition = waiting.select_related("voice").order_by("created_at").first()
        if audition is None:
            return None
        claimed = waiting.filter(pk=audition.pk, attempt=audition.attempt)
        if claimed.update(claimed_at=now, attempt=F("attempt") + 1, tries_left=F("tries_left") - 1):
            audition.attempt += 1
            audition.tries_left -= 1
            return audition
        # Another worker was faster.


def _speak(audition: VoicePreview) -> bool:
    mine = VoicePreview.objects.filter(pk=audition.pk, state=VoicePreviewState.WAITING, attempt=audition.attempt)
    if not (audition.voice.is_usable and may_be_auditioned(audition.voice)):
        mine.update(state=VoicePreviewState.FAILED)  # it became unavailable meanwhile
        return False
    began = time.monotonic()
    key = audition.get_store_key(audition.attempt)
    sound = make_sound(audition.voice, audition.text, key)
    took_ms = round((time.monotonic() - began) * 1000)
    if sound is None:
        if audition.tries_left:
            mine.update(claimed_at=None)
        else:
            mine.update(state=VoicePreviewState.FAILED)
        return False
    if not mine.update(state=VoicePreviewState.READY, audio_key=key, peaks=sound.peaks, took_ms=took_ms):
        store.audio_storage().delete(key)  # presumed dead, or deleted meanwhile
        return False
    return True


def sweep_auditions() -> int:
    """Fails and deletes old previews, wakes the queues of the others. Returns how many were deleted.

    Raises StoreUnavailable.
    """
    now = timezone.now()
    # Unclaimed for too long, or its workers died and it has no tries left.
    given_up = _unclaimed(now).filter(Q(created_at__lt=now - PATIENCE) | Q(tries_left=0))
    given_up.update(state=VoicePreviewState.FAILED)
    waiting = _unclaimed(now).order_by()
    for queue in list(waiting.values_list("queue", flat=True).distinct()):
        wake(queue)
    forgotten = 0
    for audition in list(VoicePreview.objects.filter(created_at__lt=now - KEPT).defer("text", "peaks")[:FORGET_BATCH]):
        # Files first: a crash in between leaves a row that is swept again, never a file without a row.
        for attempt in range(1, audition.attempt + 1):
            store.audio_storage().delete(audition.get_store_key(attempt))
        forgotten += VoicePreview.objects.filter(pk=audition.pk, attempt=audition.attempt).delete()[0]
    return forgotten


def _unclaimed(now: datetime) -> QuerySet[VoicePreview]:
    """Returns waiting previews that no living worker has claimed."""
    free = Q(claimed_at=None) | Q(claimed_at__lt=now - CLAIM)
    return VoicePreview.objects.filter(free, state=VoicePreviewState.WAITING)

"""A visitor's short text in several voices, to compare them. Nothing is charged, and paying customers come first.

The worker of an engine's queue speaks them, for it has the model in memory: one at a time, and none while a job waits.
The rows say what waits; the sweep wakes for them, gives up what waited too long, and forgets all of it after an hour.
"""

import hashlib
import threading
import time
from collections.abc import Collection, Sequence
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from config.wake_ups import send_wake_up
from tts import store
from tts.engines.registry import get_engine
from tts.lease import worker_is_stopping
from tts.models import Audition, AuditionState
from tts.services.lifecycle import due_jobs
from tts.services.samples import make_sound
from voices.models import Voice

MAX_TEXT_CHARS = 120
KEPT = timedelta(hours=1)
PATIENCE = timedelta(minutes=2)  # of a visitor, while jobs come first
CLAIM = timedelta(seconds=30)  # then its worker is taken for dead
MAX_ATTEMPTS = 2  # a text that kills its worker must not go round

_speaking = threading.Lock()  # in one worker at most one slot is for these


def may_be_auditioned(voice: Voice) -> bool:
    """Engines that cost the operator nothing; settings.COMPARE_ENGINES has the last word."""
    return voice.provider in settings.COMPARE_ENGINES and voice.provider in settings.SPEECH_ENGINES


def audition_key(voice: Voice, text: str) -> str:
    return hashlib.sha256(f"{voice.voice_id}\n{voice.engine_voice}\n{text}".encode()).hexdigest()


def missing_voices(*, voices: Sequence[Voice], text: str) -> list[Voice]:
    """Those that would have to speak: what waits or is there costs nothing, what failed is worth another try."""
    keys = {audition_key(voice, text): voice for voice in voices if may_be_auditioned(voice)}
    there = Audition.objects.filter(key__in=keys).exclude(state=AuditionState.FAILED)
    for key in there.values_list("key", flat=True):
        del keys[key]
    return list(keys.values())


def request_auditions(*, voices: Collection[Voice], text: str) -> None:
    """A row each, and on commit a wake-up for each queue. Raises CapacityReached."""
    store.check_capacity()
    rows = [
        Audition(key=audition_key(voice, text), voice=voice, queue=get_engine(voice.provider).queue, text=text)
        for voice in voices
    ]
    with transaction.atomic():
        failed = Audition.objects.filter(key__in=[row.key for row in rows], state=AuditionState.FAILED)
        # Attempts go on counting, so that no two of them ever write the same file.
        failed.update(state=AuditionState.WAITING, claimed_at=None, created_at=timezone.now())
        Audition.objects.bulk_create(rows, ignore_conflicts=True)
    for queue in {row.queue for row in rows}:
        wake(queue)


def wake(queue: str) -> bool:
    return send_wake_up("tts.tasks.speak_auditions", [queue], queue=queue)


def speak_auditions(*, queue: str) -> int:
    """What waits, as long as no job does. Returns how many were spoken. At once 0 when another thread is at it."""
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


def _claim(queue: str) -> Audition | None:
    while True:
        now = timezone.now()
        waiting = Audition.objects.filter(
            Q(claimed_at=None) | Q(claimed_at__lt=now - CLAIM), queue=queue, state=AuditionState.WAITING
        )
        audition = waiting.select_related("voice").order_by("created_at").first()
        if audition is None:
            return None
        if waiting.filter(pk=audition.pk, attempt=audition.attempt).update(claimed_at=now, attempt=F("attempt") + 1):
            audition.attempt += 1
            return audition
        # Another worker was quicker.


def _speak(audition: Audition) -> bool:
    mine = Audition.objects.filter(pk=audition.pk, state=AuditionState.WAITING, attempt=audition.attempt)
    began = time.monotonic()
    key = _file(audition.key, audition.attempt)
    peaks = make_sound(audition.voice, audition.text, key)
    if peaks is None:
        if audition.attempt >= MAX_ATTEMPTS:
            mine.update(state=AuditionState.FAILED)
        else:
            mine.update(claimed_at=None)
        return False
    took_ms = round((time.monotonic() - began) * 1000)
    if not mine.update(state=AuditionState.READY, audio_key=key, peaks=peaks, took_ms=took_ms):
        store.audio_storage().delete(key)  # given up for dead, or forgotten
        return False
    return True


def sweep_auditions() -> int:
    """Gives up, forgets, and wakes for what waits. Returns how many were forgotten. Raises StoreUnavailable."""
    now = timezone.now()
    waiting = Audition.objects.filter(state=AuditionState.WAITING)
    waiting.filter(created_at__lt=now - PATIENCE).update(state=AuditionState.FAILED)
    # A worker that died at it twice is not given a third.
    dead = waiting.filter(attempt__gte=MAX_ATTEMPTS, claimed_at__lt=now - CLAIM)
    dead.update(state=AuditionState.FAILED)
    for queue in list(waiting.order_by().values_list("queue", flat=True).distinct()):
        wake(queue)
    forgotten = 0
    for key, attempt in list(Audition.objects.filter(created_at__lt=now - KEPT).values_list("key", "attempt")[:200]):
        # Files first: a crash in between leaves a row that is swept again, never a file that nobody knows of.
        for number in range(1, attempt + 1):
            store.audio_storage().delete(_file(key, number))
        forgotten += Audition.objects.filter(key=key, attempt=attempt).delete()[0]
    return forgotten


def _file(key: str, attempt: int) -> str:
    return f"auditions/{key[:2]}/{key}-{attempt}.mp3"

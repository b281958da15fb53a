"""Generates samples for the gallery, once per voice, and keeps them in the audio store.

Workers generate them while no job waits, one at a time. `settings.SAMPLE_ENGINES` lists the providers for which that
happens automatically; samples of voices that cost the operator money take `manage.py make_samples`.
"""

import logging
import re
import threading
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from django.conf import settings

from speech.audio.files import encode_file
from speech.audio.formats import resolve_encoding
from speech.audio.peaks import Peaks
from speech.engines.base import EngineError, Segment
from speech.engines.registry import all_engines, get_engine
from speech.text.silence import has_speech, silence
from tts.errors import StoreUnavailable
from tts.services.lifecycle import due_jobs
from tts.stopping import worker_is_stopping
from tts.storage import store
from voices import services
from voices.models import Sample, Voice
from voices.selectors import samples_to_make

logger = logging.getLogger(__name__)

BITRATE_KBPS = 64  # mp3, mono: good enough for speech, some 50 KB a sample


_busy_queues: set[str] = set()  # queues whose samples a thread of this worker is generating: at most one slot per queue
_busy_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Sound:
    """An audio in the store: its loudness over time, for the waveform, and its length."""

    peaks: bytes
    duration_ms: int


def queues_without_samples() -> list[str]:
    """Returns the queues whose workers have samples to generate, after updating the plan."""
    plan_samples(settings.SAMPLE_ENGINES)
    waiting = samples_to_make(providers=settings.SAMPLE_ENGINES).order_by()
    providers = set(waiting.values_list("voice__provider", flat=True).distinct())
    return list(dict.fromkeys(engine.queue for engine in all_engines() if engine.name in providers))


def plan_samples(providers: Collection[str]) -> None:
    """Plans the samples, and deletes audio that no voice needs any longer."""
    for key in services.plan_samples(providers=providers):
        _delete(key)


def make_samples_when_idle(*, queue: str) -> int:
    """Generates samples one after the other, as long as no job waits in the queue. Returns how many.

    Returns 0 at once if another thread is already doing that.
    """
    with _busy_lock:
        if queue in _busy_queues:
            return 0
        _busy_queues.add(queue)
    providers = [engine.name for engine in all_engines() if engine.queue == queue]
    providers = [name for name in providers if name in settings.SAMPLE_ENGINES]
    made = 0
    try:
        while not worker_is_stopping.is_set() and not due_jobs().filter(queue=queue).exists():
            sample = services.claim_sample(providers=providers)
            if sample is None:
                break
            made += make_sample(sample)
    finally:
        with _busy_lock:
            _busy_queues.remove(queue)
    return made


def make_all_samples(*, providers: Collection[str]) -> tuple[int, int]:
    """Generates all missing samples now. Returns how many were generated and how many failed."""
    plan_samples(providers)
    made = tried = 0
    while (sample := services.claim_sample(providers=providers)) is not None:
        tried += 1
        made += make_sample(sample)
    return made, tried - made


def make_sample(sample: Sample) -> bool:
    """Generates a sample. Returns False, and logs why, if the engine or the store failed."""
    key = _sample_key(sample)
    sound = make_sound(sample.voice, sample.text, key)
    if sound is None:
        services.release_sample(sample=sample, has_failed=not worker_is_stopping.is_set())
        return False
    if not services.keep_sample(sample=sample, key=key, peaks=sound.peaks, duration_ms=sound.duration_ms):
        _delete(key)
        return False
    if sample.key and sample.key != key:
        _delete(sample.key)
    return True


def make_sound(voice: Voice, text: str, key: str) -> Sound | None:
    """Generates a short plain text as mp3 and stores it as `key`.

    Returns None, and logs why, if the engine or the store failed, or the audio is empty.
    """
    spool = settings.SPOOL_DIR / key.replace("/", "-")
    settings.SPOOL_DIR.mkdir(parents=True, exist_ok=True)
    try:
        engine = get_engine(voice.provider)
        rate_hertz = engine.sample_rate_hertz(voice.engine_voice)
        encoding = resolve_encoding(
            output_format="mp3", engine_rate_hertz=rate_hertz, sample_rate_hertz=None, bitrate_kbps=BITRATE_KBPS
        )
        pcm: Iterable[bytes] = (
            chunk
            for piece in engine.split(text, text_format="text", language=voice.language)
            for chunk in engine.speak(
                Segment(text=piece.text, engine_voice=voice.engine_voice, language=voice.language)
            )
        )
        if not has_speech(text):
            pcm = [silence(rate_hertz)]
        peaks = Peaks(rate_hertz)
        audio = encode_file(_watched(pcm, peaks), spool, encoding, input_rate_hertz=rate_hertz)
        if not audio.duration_ms:
            logger.warning("could not generate a sample of %s: the audio is empty", voice.voice_id)
            return None
        store.save_audio(key, spool)
    except (EngineError, StoreUnavailable, OSError) as error:
        logger.warning("could not generate a sample of %s: %s", voice.voice_id, error)
        return None
    finally:
        spool.unlink(missing_ok=True)
    return Sound(peaks.taken(), audio.duration_ms)


def _watched(pcm: Iterable[bytes], peaks: Peaks) -> Iterator[bytes]:
    for chunk in pcm:
        peaks.feed(chunk)
        yield chunk


def _sample_key(sample: Sample) -> str:
    """Returns a name that contains the version, so that other text or other audio gets another name."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", sample.voice.voice_id.partition(":")[2])
    return f"samples/{sample.voice.provider}/{name}-{sample.kind}-{sample.version}.mp3"


def _delete(key: str) -> None:
    """Deletes a sample's audio that nothing refers to. If the store fails, only some 50 KB are wasted."""
    try:
        store.audio_storage().delete(key)
    except StoreUnavailable as error:
        logger.warning("could not delete the sample %s: %s", key, error)

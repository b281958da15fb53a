"""Samples for the gallery: what each voice sounds like, made once by its engine and kept in the audio store.

Made by workers when nobody waits, a voice at a time. Which providers' are made unasked is `settings.SAMPLE_ENGINES`; a
sample of a voice that others are paid for is made by `manage.py make_samples`.
"""

import hashlib
import logging
import re
import time
from collections.abc import Collection, Iterable, Iterator

from django.conf import settings

from speech.audio.files import encode_file
from speech.audio.formats import resolve_encoding
from speech.audio.peaks import Peaks
from speech.engines.base import EngineError, Segment
from speech.engines.registry import all_engines, get_engine
from tts.errors import StoreUnavailable
from tts.services.lifecycle import due_jobs
from tts.stopping import worker_is_stopping
from tts.storage import store
from voices.models import Voice
from voices.selectors import voices_without_sample
from voices.sentences import get_sentence
from voices.services import claim_sample, keep_sample

logger = logging.getLogger(__name__)

BITRATE_KBPS = 64  # mp3, mono: transparent enough for speech, some 30 KB a voice
BATCH_SECONDS = 2.0  # then whoever waits for the worker has his turn


def queues_without_samples() -> list[str]:
    """Queues whose workers have samples to make."""
    providers = set(
        voices_without_sample(providers=settings.SAMPLE_ENGINES).values_list("provider", flat=True).distinct()
    )
    return list(dict.fromkeys(engine.queue for engine in all_engines() if engine.name in providers))


def make_samples_when_idle(*, queue: str) -> int:
    """A few, as long as no job waits in the queue. Returns how many were made."""
    providers = [engine.name for engine in all_engines() if engine.queue == queue]
    providers = [name for name in providers if name in settings.SAMPLE_ENGINES]
    until = time.monotonic() + BATCH_SECONDS
    made = 0
    while time.monotonic() < until and not worker_is_stopping.is_set() and not due_jobs().filter(queue=queue).exists():
        voice = claim_sample(providers=providers)
        if voice is None:
            break
        made += make_sample(voice)
    return made


def make_all_samples(*, providers: Collection[str]) -> tuple[int, int]:
    """What is missing, now. Returns how many were made and how many could not be."""
    made = tried = 0
    while (voice := claim_sample(providers=providers)) is not None:
        tried += 1
        made += make_sample(voice)
    return made, tried - made


def make_sample(voice: Voice) -> bool:
    """False, and a line in the log, when there is none: no sentence in this language, or the engine or store failed."""
    text = get_sentence(voice.language)
    if not text:
        return False
    key = _sample_key(voice, text)
    peaks = make_sound(voice, text, key)
    if peaks is None:
        return False
    keep_sample(voice=voice, key=key, peaks=peaks)
    return True


def make_sound(voice: Voice, text: str, key: str) -> bytes | None:
    """A short plain text as mp3 in the audio store, under that name, and its peaks. None, and a line in the log, when
    there is none: the engine or the store failed, or it says nothing.
    """
    spool = settings.SPOOL_DIR / key.replace("/", "-")
    settings.SPOOL_DIR.mkdir(parents=True, exist_ok=True)
    try:
        engine = get_engine(voice.provider)
        rate_hertz = engine.sample_rate_hertz(voice.engine_voice)
        encoding = resolve_encoding(
            output_format="mp3", engine_rate_hertz=rate_hertz, sample_rate_hertz=None, bitrate_kbps=BITRATE_KBPS
        )
        pcm = (
            chunk
            for piece in engine.split(text, text_format="text", language=voice.language)
            for chunk in engine.speak(
                Segment(text=piece.text, engine_voice=voice.engine_voice, language=voice.language)
            )
        )
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
    return peaks.taken()


def _watched(pcm: Iterable[bytes], peaks: Peaks) -> Iterator[bytes]:
    for chunk in pcm:
        peaks.feed(chunk)
        yield chunk


def _sample_key(voice: Voice, text: str) -> str:
    """Named by what is said, so that another sentence has another name: a name's bytes never change."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", voice.voice_id.partition(":")[2])
    digest = hashlib.sha256(f"{voice.voice_id}\n{voice.engine_voice}\n{text}".encode()).hexdigest()
    return f"samples/{voice.provider}/{name}-{digest[:12]}.mp3"

"""The one road that audio takes: text → segments → engine → PCM → encoder → file → store.

Owns one attempt at one claimed job, from its text to its final state. Which job, and who may ask for it, is decided
elsewhere.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextvars import copy_context
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from django.conf import settings
from django.db import Error as AnyDatabaseError
from django.db import close_old_connections, connection

from tts import store
from tts.audio.encoder import Encoder
from tts.audio.files import AudioFile, AudioTooLong, EncodedFile
from tts.audio.formats import Encoding
from tts.engines.base import Engine, EngineError, PermanentEngineError, Segment, TextFormat
from tts.engines.registry import get_engine
from tts.errors import StoreUnavailable
from tts.models import Job
from tts.services import lifecycle
from voices.models import Voice

logger = logging.getLogger(__name__)

BYTES_PER_SAMPLE = 2  # engines yield s16le mono
HEARTBEAT_SECONDS = 1.0
# A text can ask for hours of silence; what passes max(60 s, 0.5 s per code point ÷ speed) is not speech.
MIN_AUDIO_CAP_SECONDS = 60.0
AUDIO_CAP_SECONDS_PER_CHAR = 0.5

FAILED_MESSAGE = "The voice engine failed. Your credits are back. Try again, or try another voice."
NOTHING_TO_SAY_MESSAGE = "This text has nothing in it that the voice can say. Your credits are back."
NOT_STORED_MESSAGE = "The audio could not be stored. Your credits are back. Try again later."
TOO_MUCH_AUDIO_MESSAGE = "This text makes more audio than a text of its length should. Your credits are back."

worker_is_stopping = threading.Event()


class LeaseLost(Exception):
    """The job is no longer this worker's: cancelled, or given to another."""


class WorkerStopping(Exception):
    """The process was told to stop; the job goes back to the queue."""


class Lease:
    """Keeps a claimed job ours while it is worked on: a thread renews the lease and reports the progress."""

    def __init__(self, job: Job) -> None:
        self.chars_done = 0
        self._job = job
        self._lost = threading.Event()
        self._released = threading.Event()
        self._thread = threading.Thread(
            target=copy_context().run, args=(self._keep,), name=f"lease {job.pk}", daemon=True
        )

    def check(self) -> None:
        """Raises LeaseLost or WorkerStopping."""
        if self._lost.is_set():
            raise LeaseLost
        if worker_is_stopping.is_set():
            raise WorkerStopping

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._released.set()
        self._thread.join()

    def _keep(self) -> None:
        renewed_at, reported = time.monotonic(), 0
        renew_every_seconds = settings.JOB_LEASE_SECONDS / 3
        while not self._released.wait(min(HEARTBEAT_SECONDS, renew_every_seconds)):
            chars_done, now = self.chars_done, time.monotonic()
            if chars_done == reported and now - renewed_at < renew_every_seconds:
                continue
            try:
                is_mine = lifecycle.renew_lease(job=self._job, chars_done=chars_done)
            except AnyDatabaseError:
                # Away for a moment: try again until the lease is over, then somebody else has the job.
                logger.warning("job %s: the lease could not be renewed", self._job.pk, exc_info=True)
                is_mine = now - renewed_at < settings.JOB_LEASE_SECONDS
            else:
                renewed_at, reported = now, chars_done
            finally:
                # A broken connection stays broken until it is closed; a good one is for others between two beats.
                connection.close()
            if not is_mine:
                self._lost.set()
                return


def run_job(job: Job) -> None:
    """One attempt at a claimed job. Whatever happens, the job ends completed, failed and refunded, or waiting again.

    Raises a database error when that could not be written; the sweeper then takes the job once its lease is over.
    """
    key = store.audio_key(job, job.attempt)
    spool = settings.SPOOL_DIR / Path(key).name
    try:
        settings.SPOOL_DIR.mkdir(parents=True, exist_ok=True)
        try:
            with Lease(job) as lease:
                audio = synthesise(job, get_engine(job.provider), lease, spool)
                store.save_audio(key, spool)
        finally:
            spool.unlink(missing_ok=True)
        completed = lifecycle.complete_job(
            job=job, audio_key=key, audio_bytes=audio.size_bytes, duration_ms=audio.duration_ms
        )
        if completed:
            logger.info("job %s completed: %d ms of audio in attempt %d", job.pk, audio.duration_ms, job.attempt)
        store.delete_audio(job, keep=key if completed else "")
    except LeaseLost:
        logger.info("job %s attempt %d: cancelled or taken over", job.pk, job.attempt)
    except WorkerStopping:
        lifecycle.release_job(job=job)
    except PermanentEngineError as error:
        logger.warning("job %s cannot be spoken: %s", job.pk, error)
        lifecycle.fail_job(job=job, message=str(error))
    except AudioTooLong as error:
        lifecycle.fail_job(job=job, message=f"{error.message} Your credits are back.")
    except EngineError as error:
        logger.warning("job %s attempt %d: %s", job.pk, job.attempt, error)
        lifecycle.retry_or_fail_job(job=job, message=FAILED_MESSAGE)
    except (StoreUnavailable, OSError):
        logger.exception("job %s attempt %d: the audio could not be stored", job.pk, job.attempt)
        lifecycle.retry_or_fail_job(job=job, message=NOT_STORED_MESSAGE)
    except Exception:
        logger.exception("job %s attempt %d: unexpected failure", job.pk, job.attempt)
        _drop_stale_connection()
        lifecycle.retry_or_fail_job(job=job, message=FAILED_MESSAGE)


def _drop_stale_connection() -> None:
    """The failure may have been the database's: what we write about it takes a connection that works."""
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()


def synthesise(job: Job, engine: Engine, lease: Lease, path: Path) -> EncodedFile:
    """The job's speech, encoded, in a file at `path`. Memory does not grow with the text.

    Raises an EngineError, AudioTooLong, LeaseLost, WorkerStopping; no file is left then.
    """
    voice = Voice.objects.get(voice_id=job.voice_id)
    encoding = Encoding(job.output_format, job.sample_rate_hertz, job.bitrate_kbps, job.channels)
    rate_hertz = engine.sample_rate_hertz(voice.engine_voice)
    # What follows may take minutes: the connection is for others meanwhile, and a fresh one completes the job.
    close_old_connections()
    with (
        AudioFile(path, encoding) as file,
        Encoder(encoding, input_rate_hertz=rate_hertz, streaming=False) as encoder,
    ):
        for pcm in _speak(job, voice, engine, lease, rate_hertz):
            file.write(encoder.feed(pcm))
        if encoder.samples_in == 0:
            raise PermanentEngineError(NOTHING_TO_SAY_MESSAGE)
        file.write(encoder.close())
        return EncodedFile(duration_ms=round(encoder.duration_seconds * 1000), size_bytes=file.finish())


def _speak(job: Job, voice: Voice, engine: Engine, lease: Lease, rate_hertz: int) -> Iterator[bytes]:
    """PCM of the whole text, in order. Raises PermanentEngineError when it passes the cap on audio per character."""
    cap_seconds = max(MIN_AUDIO_CAP_SECONDS, AUDIO_CAP_SECONDS_PER_CHAR * job.chars_charged / job.speed)
    bytes_left = int(cap_seconds * rate_hertz) * BYTES_PER_SAMPLE
    text_format = cast(TextFormat, job.text_format)  # submit_job let no other through
    for piece in engine.split(job.text, text_format=text_format, language=voice.language):
        lease.check()
        segment = Segment(
            text=piece.text,
            engine_voice=voice.engine_voice,
            language=voice.language,
            speed=job.speed,
            text_format=text_format,
        )
        for pcm in engine.speak(segment):
            lease.check()
            bytes_left -= len(pcm)
            if bytes_left < 0:
                raise PermanentEngineError(TOO_MUCH_AUDIO_MESSAGE)
            yield pcm
        lease.chars_done += piece.source_chars

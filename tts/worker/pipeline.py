"""Generates a job's audio: text → segments → engine → PCM → encoder → file → store, and to listeners at the same time.

Runs one attempt at one claimed job, from its text to its final state. Other modules decide which job is run, and who
may submit it.
"""

import logging
from contextlib import closing, suppress
from pathlib import Path

from django.db import connection

from config.connections import release_connection
from speech.audio.encoder import Encoder
from speech.audio.files import AudioFile, AudioTooLong, EncodedFile
from speech.audio.formats import Encoding
from speech.engines.base import Engine, EngineError, PermanentEngineError, TransientEngineError
from speech.engines.registry import get_engine
from speech.prefetch import prefetch_chunks
from speech.text.silence import has_speech
from tts.errors import StoreUnavailable
from tts.models import Job
from tts.selectors import list_speech_parts
from tts.services import lifecycle
from tts.services.parts import delete_parts_if_finished
from tts.storage import store
from tts.streaming import relay
from tts.worker.job_timer import JobTimer
from tts.worker.keep_speech import SpeechKeeper
from tts.worker.lease import Lease, LeaseLost, WorkerStopping
from tts.worker.synthesis import say_nothing, speak_text
from voices.models import Voice

logger = logging.getLogger(__name__)

FAILED_MESSAGE = "The voice engine failed. Try again, or try another voice."
NOTHING_TO_SAY_MESSAGE = "The text contains nothing that this voice can speak."
STORE_PAUSE_SECONDS = 60.0
NOT_STORED_MESSAGE = "The audio could not be stored. Try again later."


def run_job(job: Job) -> None:
    """Runs one attempt at a claimed job, which is then completed, failed and refunded, or pending again.

    Raises a database error if that could not be saved; the sweeper then takes the job when its lease has expired.
    """
    key = store.audio_key(job, job.attempt)
    spool = store.spool_path(job, job.attempt)
    writer = relay.writer_for(job)
    timer = JobTimer()
    keeper = SpeechKeeper(job)
    try:
        spool.parent.mkdir(parents=True, exist_ok=True)
        try:
            with Lease(job) as lease:
                is_said = has_speech(job.text, job.text_format, is_dialogue=bool(job.speakers))
                engine = get_engine(job.provider) if is_said else None
                audio = synthesise(job, engine, lease, spool, writer, timer, keeper=keeper)
                lease.is_storing = True
                with timer.storing():
                    store.save_audio(key, spool)
        finally:
            if not job.is_streamed:  # otherwise it is removed at the end
                with suppress(OSError):
                    spool.unlink()
        completed = lifecycle.complete_job(
            job=job,
            audio_key=key,
            audio_bytes=audio.size_bytes,
            duration_ms=audio.duration_ms,
            made=timer.result(),
            says_nothing=not is_said,
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
        lifecycle.fail_job(job=job, message=error.message)
    except EngineError as error:
        logger.warning("job %s attempt %d: %s", job.pk, job.attempt, error)
        pause_seconds = error.pause_seconds if isinstance(error, TransientEngineError) else 0.0
        lifecycle.retry_or_fail_job(job=job, message=FAILED_MESSAGE, pause_seconds=pause_seconds)
    except (StoreUnavailable, OSError):
        logger.exception("job %s attempt %d: the audio could not be stored", job.pk, job.attempt)
        # An attempt that only reads stored parts would be back at once; the store needs time.
        pause_seconds = STORE_PAUSE_SECONDS if keeper.has_parts or job.chars_kept else 0.0
        lifecycle.retry_or_fail_job(job=job, message=NOT_STORED_MESSAGE, pause_seconds=pause_seconds)
    except Exception:
        logger.exception("job %s attempt %d: unexpected failure", job.pk, job.attempt)
        _drop_stale_connection()
        lifecycle.retry_or_fail_job(job=job, message=FAILED_MESSAGE)
    finally:
        # Last, once the job's row has its final state: this tells listeners to check it.
        with suppress(OSError):
            spool.unlink()
        writer.end()
        if writer.has_parts or keeper.has_parts or job.chars_kept:
            delete_parts_if_finished(job=job)


def _drop_stale_connection() -> None:
    """Closes a broken connection: the failure may have been the database's, and the result must be saved."""
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()


def synthesise(
    job: Job,
    engine: Engine | None,
    lease: Lease,
    path: Path,
    writer: relay.Writer,
    timer: JobTimer,
    *,
    keeper: SpeechKeeper | None = None,
) -> EncodedFile:
    """Synthesizes the job's text, encodes it, and writes it to a file at `path` and, at the same time, to `writer`.

    Without an engine, because the text contains nothing to say, it writes a moment of silence.

    Both get the same bytes, except for the header, which in the file has the length. Memory does not grow with the
    text.

    Raises an EngineError, AudioTooLong, LeaseLost, WorkerStopping, StoreUnavailable; the file is then removed, and
    `keeper` has stored what another attempt need not synthesize again.
    """
    with keeper or SpeechKeeper(job) as keeper:
        try:
            return _encode_speech(job, engine, lease, path, writer, timer, keeper)
        except (LeaseLost, PermanentEngineError, AudioTooLong):
            raise
        except Exception:
            keeper.save()
            raise


def _encode_speech(
    job: Job,
    engine: Engine | None,
    lease: Lease,
    path: Path,
    writer: relay.Writer,
    timer: JobTimer,
    keeper: SpeechKeeper,
) -> EncodedFile:
    encoding = Encoding(job.output_format, job.sample_rate_hertz, job.bitrate_kbps, job.channels)
    if engine is None:
        rate_hertz, speech = encoding.sample_rate_hertz, say_nothing(encoding.sample_rate_hertz)
    else:
        voice = Voice.objects.get(voice_id=job.voice_id)
        keeper.rate_hertz = rate_hertz = engine.sample_rate_hertz(voice.engine_voice)
        keeper.sound_version = voice.sound_version
        parts = list_speech_parts(job) if job.chars_kept else []
        speech = speak_text(job, voice, engine, lease, keeper=keeper, parts=parts)
    release_connection()
    with (
        closing(prefetch_chunks(speech, check=lease.check)) as spoken,
        AudioFile(path, encoding, is_followed=job.is_streamed) as file,
        Encoder(encoding, input_rate_hertz=rate_hertz, streaming=job.is_streamed) as encoder,
    ):

        def write(encoded: bytes, chars: int) -> None:
            if encoded:
                writer.write(encoded, chars=chars)  # first, so that no byte is in the file before it is counted
                file.write(encoded)

        for chunk in timer.watch(spoken, rate_hertz=rate_hertz):
            write(encoder.feed(chunk.pcm), chunk.chars)
        if encoder.samples_in == 0:
            raise PermanentEngineError(NOTHING_TO_SAY_MESSAGE)
        write(encoder.close(), lease.chars_done)
        return EncodedFile(round(encoder.decoded_seconds * 1000), file.finish(encoder.header))

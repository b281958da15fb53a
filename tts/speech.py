"""A job's text as samples: cut into pieces, spoken one after the other, no longer than a text of its length can be.

Owns the order of the pieces, the progress and the cap. What becomes of the samples is `tts.pipeline`.
"""

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from typing import cast

from tts.ahead import speak_ahead
from tts.engines.base import Engine, PermanentEngineError, Segment, TextFormat
from tts.lease import Lease
from tts.models import Job
from tts.segments import Piece
from voices.models import Voice

BYTES_PER_SAMPLE = 2  # engines yield s16le mono
# A text can ask for hours of silence; what passes max(60 s, 0.5 s per code point ÷ speed) is not speech.
MIN_AUDIO_CAP_SECONDS = 60.0
AUDIO_CAP_SECONDS_PER_CHAR = 0.5
TOO_MUCH_AUDIO_MESSAGE = "This text makes more audio than a text of its length should. Your credits are back."


def speak_text(job: Job, voice: Voice, engine: Engine, lease: Lease) -> Generator[bytes, None, None]:
    """PCM of the whole text, in order: mono, s16le, at the engine's rate for this voice.

    Raises an EngineError (permanent when the cap on audio per character is passed), LeaseLost, WorkerStopping.
    """
    rate_hertz = engine.sample_rate_hertz(voice.engine_voice)
    cap_seconds = max(MIN_AUDIO_CAP_SECONDS, AUDIO_CAP_SECONDS_PER_CHAR * job.chars_charged / job.speed)
    bytes_left = int(cap_seconds * rate_hertz) * BYTES_PER_SAMPLE
    text_format = cast(TextFormat, job.text_format)  # submit_job let no other through
    if voice.supports_prompt and text_format == "text":
        # A direction, and a dialogue, are for the whole; such a voice takes no more than fits into one request.
        pieces: Iterable[Piece] = [Piece(job.text, len(job.text))]
    else:
        pieces = engine.split(job.text, text_format=text_format, language=voice.language)
    counted = deque[int]()  # code points of the segments under way

    def segments() -> Iterator[Segment]:
        for piece in pieces:
            counted.append(piece.source_chars)
            yield Segment(
                text=piece.text,
                engine_voice=voice.engine_voice,
                language=voice.language,
                speed=job.speed,
                text_format=text_format,
                model=job.model,
                prompt=job.prompt,
                speakers=tuple(job.speakers or ()),
            )

    # Closed whatever happens, and at once: nothing is spoken that nobody will hear.
    with closing(_spoken(engine, segments(), lease)) as spoken:
        for samples in spoken:
            for pcm in samples:
                lease.check()
                bytes_left -= len(pcm)
                if bytes_left < 0:
                    raise PermanentEngineError(TOO_MUCH_AUDIO_MESSAGE)
                yield pcm
            lease.chars_done += counted.popleft()


def _spoken(engine: Engine, segments: Iterator[Segment], lease: Lease) -> Generator[Iterator[bytes], None, None]:
    """The samples of each segment, in order."""
    if engine.segments_ahead > 1:
        with closing(speak_ahead(engine.speak, segments, ahead=engine.segments_ahead, check=lease.check)) as spoken:
            yield from spoken
        return
    for segment in segments:
        lease.check()
        yield engine.speak(segment)

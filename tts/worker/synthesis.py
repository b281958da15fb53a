"""A job's text as samples: cut into pieces, spoken one after the other, no longer than a text of its length can be.

Owns the order of the pieces, the cap, and how many characters any sample stands for. What becomes of the samples is
`tts.worker.pipeline`.
"""

import math
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from typing import NamedTuple, cast

from speech.audio_bound import longest_seconds, measure_extent
from speech.engines.base import Engine, PermanentEngineError, Segment, TextFormat
from speech.engines.remote.duration_check import least_seconds, least_seconds_of_ssml
from speech.prefetch import prefetch_segments
from speech.segments import Piece
from tts.models import Job
from tts.worker.lease import Lease
from voices.models import Voice

BYTES_PER_SAMPLE = 2  # engines yield s16le mono
TOO_MUCH_AUDIO_MESSAGE = "The generated audio is too long for this text."
# A natural voice takes about 1.7 times as long as the fastest one: 13 letters a second in English, not 22
# (speech.engines.remote.duration_check). A little less, so that the count inside a segment is rounded up.
TYPICAL_TO_LEAST_SECONDS = 1.5


class Spoken(NamedTuple):
    """A chunk of PCM. `chars`: how many of the charged code points have been spoken once this chunk has."""

    pcm: bytes
    chars: int


def speak_text(job: Job, voice: Voice, engine: Engine, lease: Lease) -> Generator[Spoken, None, None]:
    """PCM of the whole text, in order: mono, s16le, at the engine's rate for this voice.

    `lease.chars_done` is exact after each segment. Inside one, whose length nobody knows before its end, it grows with
    each second of audio begun.

    Raises an EngineError (permanent when the audio runs away, see `speech.audio_bound`), LeaseLost, WorkerStopping.
    """
    rate_hertz = engine.sample_rate_hertz(voice.engine_voice)
    text_format = cast(TextFormat, job.text_format)  # submit_job let no other through
    extent = measure_extent(job.text, text_format=text_format)
    bytes_left = int(longest_seconds(extent, speed=job.speed) * rate_hertz) * BYTES_PER_SAMPLE
    if voice.supports_prompt and text_format == "text":
        # A direction, and a dialogue, are for the whole; such a voice takes no more than fits into one request.
        pieces: Iterable[Piece] = [Piece(job.text, len(job.text))]
    else:
        pieces = engine.split(job.text, text_format=text_format, language=voice.language)
    under_way = deque[tuple[Segment, int]]()  # with the code points that are charged for each

    def segments() -> Iterator[Segment]:
        prompt_chars = len(job.prompt)  # charged with the text, and spoken with its beginning
        for piece in pieces:
            segment = Segment(
                text=piece.text,
                engine_voice=voice.engine_voice,
                language=voice.language,
                speed=job.speed,
                text_format=text_format,
                model=job.model,
                prompt=job.prompt,
                speakers=tuple(job.speakers or ()),
            )
            under_way.append((segment, piece.source_chars + prompt_chars))
            prompt_chars = 0
            yield segment

    # Closed whatever happens, and at once: nothing is spoken that nobody will hear.
    bytes_before = 0
    with closing(_spoken(engine, segments(), lease)) as spoken:
        for samples in spoken:
            segment, segment_chars = under_way.popleft()
            chars_before, segment_bytes, chars_per_second = lease.chars_done, 0, 0.0
            # Short words, or a fast voice: what this job has shown so far counts, if it is faster than the typical.
            pace_so_far = chars_before / (bytes_before / BYTES_PER_SAMPLE / rate_hertz) if bytes_before else 0.0
            for pcm in samples:
                lease.check()
                bytes_left -= len(pcm)
                if bytes_left < 0:
                    raise PermanentEngineError(TOO_MUCH_AUDIO_MESSAGE)
                segment_bytes += len(pcm)
                lease.audio_ms_done = (bytes_before + segment_bytes) * 1000 // BYTES_PER_SAMPLE // rate_hertz
                seconds_begun = math.ceil(segment_bytes / BYTES_PER_SAMPLE / rate_hertz)
                chars_per_second = chars_per_second or max(pace_so_far, segment_chars / _typical_seconds(segment))
                lease.chars_done = chars_before + min(segment_chars, math.ceil(seconds_begun * chars_per_second))
                yield Spoken(pcm, lease.chars_done)
            lease.chars_done = chars_before + segment_chars
            bytes_before += segment_bytes


def _typical_seconds(segment: Segment) -> float:
    """How long a segment takes to say, roughly; never 0."""
    least = least_seconds_of_ssml if segment.text_format == "ssml" else least_seconds
    return max(0.1, TYPICAL_TO_LEAST_SECONDS * least(segment.text, segment.language) / segment.speed)


def _spoken(engine: Engine, segments: Iterator[Segment], lease: Lease) -> Generator[Iterator[bytes], None, None]:
    """The samples of each segment, in order."""
    if engine.segments_ahead > 1:
        with closing(
            prefetch_segments(engine.speak, segments, ahead=engine.segments_ahead, check=lease.check)
        ) as spoken:
            yield from spoken
        return
    for segment in segments:
        lease.check()
        yield engine.speak(segment)

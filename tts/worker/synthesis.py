"""Synthesizes a job's text: in segments, one after the other, no longer than a text of its length can take.

Decides the order of the segments, the maximum duration, and how many characters each sample represents.
`tts.worker.pipeline` encodes and stores the samples.
"""

import math
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import chain
from typing import NamedTuple, cast

from speech.audio_bound import longest_seconds, measure_extent
from speech.engines.base import Engine, PermanentEngineError, Segment, TextFormat
from speech.engines.remote.duration_check import least_seconds, least_seconds_of_ssml
from speech.prefetch import prefetch_segments
from speech.segments import Piece
from speech.text.silence import silence
from tts.models import Job, SpeechPart
from tts.worker.keep_speech import SpeechKeeper
from tts.worker.lease import Lease
from tts.worker.resume_speech import KeptLines, Line, match_kept, read_kept
from voices.models import Voice

BYTES_PER_SAMPLE = 2  # engines yield s16le mono
TOO_MUCH_AUDIO_MESSAGE = "The generated audio is too long for this text."
# A natural voice takes about 1.7 times as long as the fastest one: 13 letters a second in English, not 22
# (speech.engines.remote.duration_check). A little less, so that the count inside a segment is rounded up.
TYPICAL_TO_LEAST_SECONDS = 1.5


class Spoken(NamedTuple):
    """A chunk of PCM. `chars` is how many of the charged code points have been spoken by its end."""

    pcm: bytes
    chars: int


def speak_text(
    job: Job,
    voice: Voice,
    engine: Engine,
    lease: Lease,
    *,
    keeper: SpeechKeeper | None = None,
    parts: Sequence[SpeechPart] = (),
) -> Generator[Spoken, None, None]:
    """Yields the PCM of the whole text, in order: mono, s16le, at the engine's rate for this voice.

    What earlier attempts stored in `parts` is not synthesized again; the rest also goes to `keeper`. `lease.chars_done`
    is exact after each segment. Within a segment, whose duration is unknown before its end, it grows with each started
    second of audio.

    Raises an EngineError (permanent for runaway audio, see `speech.audio_bound`), LeaseLost, WorkerStopping,
    StoreUnavailable (a part cannot be fetched now).
    """
    rate_hertz = engine.sample_rate_hertz(voice.engine_voice)
    extent = measure_extent(job.text, text_format=job.text_format)
    bytes_left = int(longest_seconds(extent, speed=job.speed) * rate_hertz) * BYTES_PER_SAMPLE
    kept, lines = match_kept(
        parts, _lines(job, voice, engine), rate_hertz=rate_hertz, sound_version=voice.sound_version
    )
    lease.chars_done = kept[-1].part.chars if kept else 0
    chars_before = bytes_before = 0
    is_new = not kept

    # Closed immediately in any case, so that no audio is generated that is not used.
    with closing(_spoken(engine, kept, lines, lease)) as spoken:
        for line, samples, is_kept in spoken:
            if not is_kept and not is_new:
                is_new, lease.chars_done = True, chars_before
                lease.begin_pace()
            segment_bytes, chars_per_second = 0, 0.0
            # For short words or a fast voice: uses this job's speed so far, if it is higher than the typical one.
            pace_so_far = chars_before / (bytes_before / BYTES_PER_SAMPLE / rate_hertz) if bytes_before else 0.0
            for pcm in samples:
                lease.check()
                bytes_left -= len(pcm)
                if bytes_left < 0:
                    raise PermanentEngineError(TOO_MUCH_AUDIO_MESSAGE)
                segment_bytes += len(pcm)
                seconds_begun = math.ceil(segment_bytes / BYTES_PER_SAMPLE / rate_hertz)
                chars_per_second = chars_per_second or max(pace_so_far, line.chars / _typical_seconds(line.segment))
                chars = chars_before + min(line.chars, math.ceil(seconds_begun * chars_per_second))
                lease.chars_done = max(lease.chars_done, chars)
                lease.audio_ms_done = (bytes_before + segment_bytes) * 1000 // BYTES_PER_SAMPLE // rate_hertz
                if keeper is not None and not is_kept:
                    keeper.feed(pcm)
                yield Spoken(pcm, chars)
            chars_before += line.chars
            bytes_before += segment_bytes
            lease.chars_done = max(lease.chars_done, chars_before)
            if keeper is not None:
                if is_kept:
                    keeper.skip_segment()
                else:
                    keeper.end_segment(line.segment, chars=chars_before)


def say_nothing(rate_hertz: int) -> Generator[Spoken, None, None]:
    """Yields the silence for a text with nothing to say. No character counts as spoken."""
    yield Spoken(silence(rate_hertz), 0)


def _lines(job: Job, voice: Voice, engine: Engine) -> Iterator[Line]:
    """Yields the segments that the engine speaks one by one."""
    text_format = cast(TextFormat, job.text_format)  # validated by submit_job
    if voice.supports_prompt and text_format == "text":
        # Prompts and dialogues apply to the whole text; such a voice accepts no more than fits into one request.
        pieces: Iterable[Piece] = [Piece(job.text, len(job.text))]
    else:
        pieces = engine.split(job.text, text_format=text_format, language=voice.language)
    prompt_chars = len(job.prompt)  # charged with the text, and counted with its first segment
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
        yield Line(segment, piece.source_chars + prompt_chars)
        prompt_chars = 0


def _typical_seconds(segment: Segment) -> float:
    """Returns roughly how long a segment takes to speak; never 0."""
    least = least_seconds_of_ssml if segment.text_format == "ssml" else least_seconds
    return max(0.1, TYPICAL_TO_LEAST_SECONDS * least(segment.text, segment.language) / segment.speed)


def _spoken(
    engine: Engine, kept: Sequence[KeptLines], lines: Iterator[Line], lease: Lease
) -> Generator[tuple[Line, Iterator[bytes], bool], None, None]:
    """Yields each line, its samples, and whether they were stored. Read the samples before the next line."""
    for place, (part, spoken_lines) in enumerate(kept):
        lease.check()
        samples = read_kept(part)
        if samples is None:  # it is synthesized again, with everything after it
            lines = chain(*(later.lines for later in kept[place:]), lines)
            break
        for line, chunks in zip(spoken_lines, samples, strict=True):
            yield line, chunks, True
    under_way = deque[Line]()

    def segments() -> Iterator[Segment]:
        for line in lines:
            under_way.append(line)
            yield line.segment

    with closing(_speak(engine, segments(), lease)) as spoken:
        for chunks in spoken:
            yield under_way.popleft(), chunks, False


def _speak(engine: Engine, segments: Iterator[Segment], lease: Lease) -> Generator[Iterator[bytes], None, None]:
    """Yields the samples of each segment, in order."""
    if engine.segments_ahead > 1:
        with closing(
            prefetch_segments(engine.speak, segments, ahead=engine.segments_ahead, check=lease.check)
        ) as spoken:
            yield from spoken
        return
    for segment in segments:
        lease.check()
        yield engine.speak(segment)

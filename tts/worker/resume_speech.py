"""Going on where an earlier attempt was: what it kept of the speech is not spoken again.

Owns which parts still fit the text, and their way back to samples. Which are put away is `tts.worker.keep_speech`.
"""

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import chain, islice
from tempfile import TemporaryFile
from typing import IO, NamedTuple

from django.conf import settings

from speech.audio.lossless import NotFlac, unpack_pcm
from speech.audio.wav import BYTES_PER_SAMPLE
from speech.engines.base import Segment
from tts.models import SpeechPart
from tts.services.parts import PartDamaged, fetch_part

logger = logging.getLogger(__name__)

CHUNK_BYTES = 16 * 1024  # of what is read back: a third of a second


class Line(NamedTuple):
    """A segment of a job's text, and the code points that are charged for it."""

    segment: Segment
    chars: int


class KeptLines(NamedTuple):
    """A part in the store, and the lines that it is the speech of."""

    part: SpeechPart
    lines: list[Line]


def match_kept(
    parts: Sequence[SpeechPart], lines: Iterator[Line], *, rate_hertz: int, sound_version: str
) -> tuple[list[KeptLines], Iterator[Line]]:
    """The parts that follow one another from the beginning of the text on, and the lines behind them.

    A part fits when it was asked for in the same words, of the same voice, which sounds the same: another version of
    this program may cut the text in other places, and another model says it differently. `parts`: stored ones of any
    attempt, in the order of their beginnings.
    """
    kept: list[KeptLines] = []
    segments = 0
    for part in parts:
        if part.begins != segments:
            continue
        spoken = list(islice(lines, part.ends - part.begins))
        segments_of_part = (line.segment for line in spoken)
        if fingerprint(segments_of_part, rate_hertz=rate_hertz, sound_version=sound_version) == part.fingerprint:
            kept.append(KeptLines(part, spoken))
            segments = part.ends
        else:
            lines = chain(spoken, lines)
    return kept, lines


def read_kept(part: SpeechPart) -> Iterator[Iterator[bytes]] | None:
    """The samples of each segment, which must be read before those of the next. None: the part is gone or damaged.

    Raises StoreUnavailable.
    """
    pcm = TemporaryFile(dir=settings.SPOOL_DIR)  # noqa: SIM115 - closed by whoever reads to the end
    try:
        with TemporaryFile(dir=settings.SPOOL_DIR) as flac:
            fetch_part(part, flac)
            for samples in unpack_pcm(flac):
                pcm.write(samples)
        if pcm.tell() != sum(part.segment_samples) * BYTES_PER_SAMPLE:
            raise NotFlac("too short")
    except (FileNotFoundError, PartDamaged, NotFlac) as error:
        logger.warning("%s cannot be used: %s", part.key, type(error).__name__)
        pcm.close()
        return None
    except BaseException:
        pcm.close()
        raise
    pcm.seek(0)
    return _segments(pcm, part.segment_samples)


def _segments(pcm: IO[bytes], segment_samples: Sequence[int]) -> Iterator[Iterator[bytes]]:
    with pcm:
        for samples in segment_samples:
            yield _chunks(pcm, samples * BYTES_PER_SAMPLE)


def _chunks(pcm: IO[bytes], size_bytes: int) -> Iterator[bytes]:
    while size_bytes:
        chunk = pcm.read(min(CHUNK_BYTES, size_bytes))
        size_bytes -= len(chunk)
        yield chunk


def fingerprint(segments: Iterable[Segment], *, rate_hertz: int, sound_version: str) -> str:
    """Of what an engine was asked to speak, one after the other, and how it sounds. The same in every version that asks
    the same. `sound_version`: see `speech.catalogue.VoiceEntry`.
    """
    digest = sha256(f"{rate_hertz} {sound_version}\n".encode())
    for segment in segments:
        asked = (
            segment.text,
            segment.engine_voice,
            segment.language,
            segment.speed,
            segment.text_format,
            segment.model,
            segment.prompt,
            segment.speakers,
        )
        digest.update(json.dumps(asked).encode())
    return digest.hexdigest()

"""Continues after an earlier attempt: speech that it stored is not synthesized again.

Decides which parts still match the text, and reads their samples. `tts.worker.keep_speech` stores them.
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

CHUNK_BYTES = 16 * 1024  # per chunk that is read: a third of a second


class Line(NamedTuple):
    """A segment of a job's text, and its charged code points."""

    segment: Segment
    chars: int


class KeptLines(NamedTuple):
    """A stored part, and the lines that it contains."""

    part: SpeechPart
    lines: list[Line]


def match_kept(
    parts: Sequence[SpeechPart], lines: Iterator[Line], *, rate_hertz: int, sound_version: str
) -> tuple[list[KeptLines], Iterator[Line]]:
    """Returns the consecutive parts from the beginning of the text, and the lines after them.

    A part matches if its segments have the same text, voice, options and sound version: another version of this program
    may split the text differently, and another model sounds different. `parts` are stored ones of any attempt, ordered
    by their start.
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
    """Returns the samples of each segment, to be read in order. None if the part is missing or damaged.

    Raises StoreUnavailable.
    """
    pcm = TemporaryFile(dir=settings.SPOOL_DIR)  # noqa: SIM115 - closed at the end of the reads
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
    """Returns a hash of consecutive requests to an engine, and of how it sounds (`VoiceEntry.sound_version`).

    It is the same in every version of this program that makes the same requests.
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

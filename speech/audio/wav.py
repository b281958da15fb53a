"""Writes the 44-byte header of a PCM WAV file, and reads WAV files from elsewhere.

libav's own header contains a LIST chunk and cannot be patched in place.
"""

import struct
from dataclasses import dataclass
from typing import Final

from speech.audio.formats import Encoding

WAV_HEADER_BYTES: Final = 44
BYTES_PER_SAMPLE: Final = 2

# The header's sizes have 32 bits, so a file ends at 4 GiB - 1.
WAV_FILE_BYTES_MAX: Final = 2**32 - 1

# The conventional value of both sizes while the length is unknown; players then read until the data ends.
_UNKNOWN_SIZE: Final = 0xFFFFFFFF


def wav_header(encoding: Encoding, *, data_bytes: int | None) -> bytes:
    """Returns the 44 bytes before `data_bytes` bytes of s16le samples. None stands for a stream of unknown length."""
    frame_bytes = encoding.channels * BYTES_PER_SAMPLE
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        _UNKNOWN_SIZE if data_bytes is None else WAV_HEADER_BYTES - 8 + data_bytes,
        b"WAVE",
        b"fmt ",
        16,  # bytes in the fmt chunk
        1,  # PCM
        encoding.channels,
        encoding.sample_rate_hertz,
        encoding.sample_rate_hertz * frame_bytes,
        frame_bytes,
        8 * BYTES_PER_SAMPLE,
        b"data",
        _UNKNOWN_SIZE if data_bytes is None else data_bytes,
    )


class NotWav(ValueError):
    """The bytes are not a PCM WAV file, or are truncated."""


@dataclass(frozen=True, slots=True)
class Wav:
    """The content of a PCM WAV file. The samples are little-endian, as in the file."""

    sample_rate_hertz: int
    channels: int
    bits_per_sample: int
    samples: bytes


def read_wav(content: bytes) -> Wav:
    """Parses a WAV file chunk by chunk, because the samples do not always start at byte 44. Raises NotWav.

    An unknown size, as in a stream's header, means the rest of the file; a truncated chunk is an error.
    """
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise NotWav("no RIFF header")
    offset, form = 12, None
    while offset + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, offset)
        offset += 8
        if name == b"data" and size == _UNKNOWN_SIZE:
            size = len(content) - offset
        if offset + size > len(content):
            raise NotWav("truncated")
        if name == b"fmt ":
            if size < 16:
                raise NotWav("invalid format chunk")
            form = struct.unpack_from("<HHIIHH", content, offset)
        elif name == b"data":
            if form is None or form[0] != 1:
                raise NotWav("not PCM")
            return Wav(form[2], form[1], form[5], content[offset : offset + size])
        offset += size + size % 2  # chunks start at even offsets
    raise NotWav("no data chunk")

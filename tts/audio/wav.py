"""The 44-byte header of a PCM WAV file, and how much a WAV file can hold.

Written here rather than by libav, whose header carries a LIST chunk and cannot be patched in place.
"""

import struct
from typing import Final

from tts.audio.formats import Encoding

WAV_HEADER_BYTES: Final = 44
BYTES_PER_SAMPLE: Final = 2

# The sizes in the header have 32 bits, so a file ends at 4 GiB - 1.
WAV_FILE_BYTES_MAX: Final = 2**32 - 1

# The customary value of both sizes while the end is not known; players then read on until the data ends.
_UNKNOWN_SIZE: Final = 0xFFFFFFFF


def wav_header(encoding: Encoding, *, data_bytes: int | None) -> bytes:
    """The 44 bytes before `data_bytes` bytes of s16le samples; None makes the header of a stream, whose
    length is not known yet."""
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

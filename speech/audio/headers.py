"""Builds the headers of MP3 and FLAC files: with the length left open for a stream, and with the true length after it.

Both have the same size, so the second one replaces the first in a file without moving any other byte. Uses no codec.
WAV's header is in `speech.audio.wav`.
"""

import struct
from typing import Final

FLAC_HEADER_BYTES: Final = 42  # the signature and STREAMINFO, which is always the first block (RFC 9639, section 8.2)

# Samples that are added before the first one: 576 by LAME, and 529 by every decoder, which the tag does not count.
MP3_ENCODER_DELAY: Final = 576
MP3_DECODER_DELAY: Final = 529

_KBPS: Final = {  # by the index in a frame's header, from 1: MPEG-1 (True), or MPEG-2 and 2.5 (layer III)
    True: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES_HERTZ: Final = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_HAS_FRAMES_BYTES_TOC_QUALITY: Final = 0x0F
_QUALITY: Final = 57  # of 100, as LAME writes for its default settings at a constant bitrate
_CONSTANT_BITRATE: Final = 0x01


def mp3_info_frame(first_frame: bytes, *, samples: int | None = None, frames: int = 0, audio_bytes: int = 0) -> bytes:
    """Returns the frame to write before a mono MP3: silence with LAME's tag, which says what players skip at both ends.

    `samples` is the number of samples that were encoded, `frames` and `audio_bytes` the number and total size of the
    frames. Without `samples`, as in a stream, the tag only covers the beginning. The size of the frame depends only on
    the sample rate and bitrate of `first_frame`.
    """
    header = int.from_bytes(first_frame[:4], "big")
    version = header >> 19 & 3
    rate_hertz = _RATES_HERTZ[version][header >> 10 & 3]
    side_bytes, frame_samples = (17, 1152) if version == 3 else (9, 576)
    # At the bitrate of the other frames, or the lowest higher one with enough space for the tag.
    needed_bytes = 4 + side_bytes + 120 + 36
    for index in range(header >> 12 & 15, 15):
        size_bytes = frame_samples // 8 * _KBPS[version == 3][index - 1] * 1000 // rate_hertz
        if size_bytes >= needed_bytes:
            break
    kbps = _KBPS[version == 3][(header >> 12 & 15) - 1]
    header = header & ~(0xF << 12 | 1 << 9) | index << 12  # no padding byte
    tag = b"Info"
    padding = 0
    if samples is None:
        tag += struct.pack(">I", 0)
    else:
        padding = max(0, frames * frame_samples - MP3_ENCODER_DELAY - samples)
        places = bytes(round(256 * percent / 100) for percent in range(100))  # linear: the bitrate is constant
        counts = struct.pack(">III", _HAS_FRAMES_BYTES_TOC_QUALITY, frames, size_bytes + audio_bytes)
        tag += counts + places + struct.pack(">I", _QUALITY)
    # Written here and not by LAME, although its library made the frames: readers trust the delays only after this name.
    tag += b"LAME3.100" + bytes([_CONSTANT_BITRATE]) + bytes(10) + bytes([min(kbps, 255)])
    tag += (MP3_ENCODER_DELAY << 12 | padding).to_bytes(3, "big")
    music_bytes = 0 if samples is None else size_bytes + audio_bytes
    tag += bytes(4) + struct.pack(">IH", music_bytes, 0)
    frame = header.to_bytes(4, "big") + bytes(side_bytes) + tag
    return (frame + struct.pack(">H", _crc16(frame))).ljust(size_bytes, b"\0")


def flac_header(
    stream_info: bytes, *, samples: int, md5: bytes, smallest_frame_bytes: int, largest_frame_bytes: int
) -> bytes:
    """Returns the header of a complete FLAC file. `stream_info` is the STREAMINFO block that the encoder began with."""
    sizes = smallest_frame_bytes.to_bytes(3, "big") + largest_frame_bytes.to_bytes(3, "big")
    # Rate, channels and sample size, then the number of samples in 36 bits; 0 means unknown.
    fixed = int.from_bytes(stream_info[10:18], "big") >> 36 << 36
    total = samples if samples < 1 << 36 else 0
    return b"fLaC\0\0\0\x22" + stream_info[:4] + sizes + (fixed | total).to_bytes(8, "big") + md5


def _crc16(data: bytes) -> int:
    """Computes CRC-16/ARC, the checksum at the end of LAME's tag."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc

"""Sounds to encode, and ways to look at encoded audio independently of the code under test.

Decoding is libav's; MP3 and ADTS frames and Ogg pages are parsed here, by their specifications.
"""

import io
import math
import struct
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float64]

SILENCE_DBFS = -50.0
SILENCE_WINDOW_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class AudioMeasure:
    """What a listener would notice. `longest_silence_seconds` is the longest run of 10 ms windows, each
    quieter than -50 dBFS (RMS); digital silence alone measures -inf dBFS."""

    sample_rate_hertz: int
    channels: int
    duration_seconds: float
    peak_dbfs: float
    rms_dbfs: float
    longest_silence_seconds: float


def speech_like_pcm(seconds: float, rate_hertz: int) -> bytes:
    """s16le mono: the overtones of a low voice up to 3.4 kHz, each weaker than the one below, swelling four
    times a second. It peaks at -3 dBFS and is never silent."""
    time = np.arange(round(seconds * rate_hertz)) / rate_hertz
    voice = sum((np.sin(2 * np.pi * 120 * k * time + k * k) / k for k in range(1, 25)), np.zeros_like(time))
    swelling = voice * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * time))
    return _to_s16le(0.7 * swelling / np.abs(swelling).max())


def tone_pcm(seconds: float, rate_hertz: int, *, frequency_hertz: float) -> bytes:
    """s16le mono: a steady sine of -3 dBFS."""
    time = np.arange(round(seconds * rate_hertz)) / rate_hertz
    return _to_s16le(0.7 * np.sin(2 * np.pi * frequency_hertz * time))


def silence_pcm(seconds: float, rate_hertz: int) -> bytes:
    """s16le mono digital silence."""
    return bytes(2 * round(seconds * rate_hertz))


def pcm_rms_dbfs(pcm: bytes) -> float:
    """RMS level of s16le samples."""
    return rms_dbfs(np.frombuffer(pcm, "<i2") / 32768.0)


def rms_dbfs(samples: Samples) -> float:
    """RMS level of samples whose full scale is 1.0; -inf for silence."""
    return _dbfs(float(np.sqrt(np.mean(samples**2))) if samples.size else 0.0)


def decode_audio(audio: bytes | Path) -> tuple[int, Samples]:
    """The sample rate that the decoder reports, and the samples as (channels, n), full scale being 1.0."""
    with av.open(io.BytesIO(audio) if isinstance(audio, bytes) else str(audio), "r") as container:
        stream = container.streams.audio[0]
        to_float = av.AudioResampler(format="fltp")
        frames = [frame for decoded in container.decode(stream) for frame in to_float.resample(decoded)]
        parts = [frame.to_ndarray() for frame in frames]
        samples = np.concatenate(parts, axis=1) if parts else np.zeros((stream.channels, 0))
        return stream.rate, samples.astype(np.float64)


def measure_audio(audio: bytes | Path) -> AudioMeasure:
    """Decode encoded audio (any container) and measure it; several channels are measured together."""
    rate_hertz, samples = decode_audio(audio)
    channels, count = samples.shape
    return AudioMeasure(
        sample_rate_hertz=rate_hertz,
        channels=channels,
        duration_seconds=count / rate_hertz,
        peak_dbfs=_dbfs(float(np.abs(samples).max(initial=0.0))),
        rms_dbfs=rms_dbfs(samples),
        longest_silence_seconds=_longest_silence_seconds(samples, rate_hertz),
    )


def without_header(audio: bytes) -> bytes:
    """Returns the bytes that are equal in a stream and in the stored file: everything after the header."""
    if audio.startswith(b"RIFF"):
        return audio[44:]
    if audio.startswith(b"fLaC"):
        return audio[42:]
    if b"LAME3.100" in audio[:200]:
        return audio[mp3_frames(audio)[0].size_bytes :]
    return audio


@dataclass(frozen=True, slots=True)
class Mp3Frame:
    kbps: int
    rate_hertz: int
    channels: int
    size_bytes: int = field(compare=False, default=0)


_MPEG1_KBPS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG2_KBPS = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES_HERTZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def mp3_frames(data: bytes) -> list[Mp3Frame]:
    """Every frame of an MP3 that consists of layer III frames and nothing else; ValueError otherwise."""
    frames, offset = [], 0
    while offset < len(data):
        header = int.from_bytes(data[offset : offset + 4], "big")
        version = (header >> 19) & 3
        if header >> 21 != 0x7FF or (header >> 17) & 3 != 1 or version == 1:
            raise ValueError(f"No MP3 frame at byte {offset}.")
        kbps = (_MPEG1_KBPS if version == 3 else _MPEG2_KBPS)[(header >> 12) & 15]
        rate_hertz = _RATES_HERTZ[version][(header >> 10) & 3]
        size_bytes = (144 if version == 3 else 72) * kbps * 1000 // rate_hertz + ((header >> 9) & 1)
        frames.append(Mp3Frame(kbps, rate_hertz, channels=1 if (header >> 6) & 3 == 3 else 2, size_bytes=size_bytes))
        offset += size_bytes
    if offset != len(data):
        raise ValueError("The last MP3 frame is cut off.")
    return frames


@dataclass(frozen=True, slots=True)
class AdtsFrame:
    rate_hertz: int
    channels: int
    size_bytes: int


_ADTS_RATES_HERTZ = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)


def adts_frames(data: bytes) -> list[AdtsFrame]:
    """Every frame of an AAC-LC stream in ADTS (ISO/IEC 13818-7, section 6.2) and nothing else; ValueError otherwise."""
    frames, offset = [], 0
    while offset < len(data):
        header = int.from_bytes(data[offset : offset + 7], "big")
        size_bytes = (header >> 13) & 0x1FFF
        if header >> 44 != 0xFFF or (header >> 38) & 3 != 1 or size_bytes < 7:
            raise ValueError(f"No ADTS frame of AAC-LC at byte {offset}.")
        frames.append(AdtsFrame(_ADTS_RATES_HERTZ[(header >> 34) & 15], (header >> 30) & 7, size_bytes))
        offset += size_bytes
    if offset != len(data):
        raise ValueError("The last ADTS frame is cut off.")
    return frames


@dataclass(frozen=True, slots=True)
class OggPage:
    serial: int
    granule_position: int
    packets: tuple[int, ...]
    """Sizes in bytes of the packets that end on this page."""


def ogg_pages(data: bytes) -> list[OggPage]:
    """Every page of an Ogg stream (RFC 3533, section 6); ValueError when something else is in between."""
    pages, offset = [], 0
    while offset < len(data):
        magic, _version, _flags, granule, serial, _number, _crc, segments = struct.unpack_from(
            "<4sBBqIIIB", data, offset
        )
        if magic != b"OggS":
            raise ValueError(f"No Ogg page at byte {offset}.")
        lacing = data[offset + 27 : offset + 27 + segments]
        packets, size = [], 0
        for value in lacing:
            size += value
            if value < 255:
                packets.append(size)
                size = 0
        pages.append(OggPage(serial, granule, tuple(packets)))
        offset += 27 + segments + sum(lacing)
    if offset != len(data):
        raise ValueError("The last Ogg page is cut off.")
    return pages


def _longest_silence_seconds(samples: Samples, rate_hertz: int) -> float:
    window = round(rate_hertz * SILENCE_WINDOW_SECONDS)
    whole = samples.shape[1] // window
    windows = samples[:, : whole * window].reshape(samples.shape[0], whole, window)
    quiet = np.sqrt((windows**2).mean(axis=(0, 2))) < 10 ** (SILENCE_DBFS / 20)
    longest = run = 0
    for is_quiet in quiet:
        run = run + 1 if is_quiet else 0
        longest = max(longest, run)
    return longest * window / rate_hertz


def _dbfs(amplitude: float) -> float:
    return 20 * math.log10(amplitude) if amplitude > 0 else -math.inf


def _to_s16le(samples: Samples) -> bytes:
    return np.round(samples * 32767).astype("<i2").tobytes()

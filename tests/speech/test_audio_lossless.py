"""PCM that is put away comes back bit for bit, or is known to be damaged."""

import io
from contextlib import suppress

import pytest

from speech.audio.lossless import NotFlac, pack_pcm, unpack_pcm
from tests.support.audio import silence_pcm, speech_like_pcm


def pack(pcm: bytes, *, rate_hertz: int, size_bytes: int | None = None) -> bytes:
    flac = io.BytesIO()
    pack_pcm(io.BytesIO(pcm), flac, size_bytes=len(pcm) if size_bytes is None else size_bytes, rate_hertz=rate_hertz)
    return flac.getvalue()


def unpack(flac: bytes) -> bytes:
    return b"".join(unpack_pcm(io.BytesIO(flac)))


@pytest.mark.parametrize("rate_hertz", [8_000, 16_000, 22_050, 24_000, 48_000])  # of the engines
def test_every_sample_comes_back(rate_hertz: int):
    pcm = speech_like_pcm(3.3, rate_hertz) + silence_pcm(0.1, rate_hertz) + b"\xff\x7f\x00\x80" * 77
    flac = pack(pcm, rate_hertz=rate_hertz)
    assert unpack(flac) == pcm
    assert len(flac) < 0.8 * len(pcm)


def test_only_so_many_bytes_are_packed():
    pcm = speech_like_pcm(1.0, 24_000)
    assert unpack(pack(pcm, rate_hertz=24_000, size_bytes=30_002)) == pcm[:30_002]


@pytest.mark.parametrize("samples", [0, 1])
def test_next_to_nothing_comes_back_too(samples: int):
    assert unpack(pack(b"\x01\x02" * samples, rate_hertz=24_000)) == b"\x01\x02" * samples


def test_what_is_cut_or_no_flac_is_never_taken_for_all_of_it():
    pcm = speech_like_pcm(2.0, 24_000)
    flac = pack(pcm, rate_hertz=24_000)
    for damaged in (b"", b"RIFF" * 20, flac[:20], flac[:100], flac[: len(flac) // 2], flac[:-1]):
        with suppress(NotFlac):
            assert len(unpack(damaged)) < len(pcm)

"""Time-stretching changes the length of speech, nothing else, and does so as a stream."""

import math
from collections.abc import Iterator

import numpy as np
import pytest

from speech.audio.tempo import stretch
from tests.support.engines import level_db, median_pitch_hertz

RATE_HERTZ = 22_050
TEMPOS = [0.25, 0.3125, 0.49, 0.5, 0.75, 0.99, 1.01, 1.5, 2.0, 2.01, 3.5, 4.0, 9.0]


def tone(seconds: float, pitch_hertz: float = 180.0, rate_hertz: int = RATE_HERTZ) -> bytes:
    times = np.arange(int(seconds * rate_hertz)) / rate_hertz
    wave = sum(np.sin(2 * np.pi * pitch_hertz * harmonic * times) / harmonic for harmonic in range(1, 6))
    return (np.asarray(wave) * 6_000).astype("<i2").tobytes()


def pieces(pcm: bytes, size: int) -> Iterator[bytes]:
    return (pcm[start : start + size] for start in range(0, len(pcm), size))


@pytest.mark.parametrize("tempo", TEMPOS)
def test_length_changes_and_pitch_and_level_stay(tempo: float) -> None:
    pcm = tone(6)
    stretched = b"".join(stretch(pieces(pcm, 8_822), rate_hertz=RATE_HERTZ, tempo=tempo))
    assert len(stretched) == pytest.approx(len(pcm) / tempo, rel=0.01, abs=RATE_HERTZ * 2 * 0.02)
    assert median_pitch_hertz(stretched) == pytest.approx(180, rel=0.02)
    assert level_db(stretched) == pytest.approx(level_db(pcm), abs=1)


@pytest.mark.parametrize("rate_hertz", [8_000, 24_000, 48_000])
def test_other_rates_work_alike(rate_hertz: int) -> None:
    pcm = tone(4, rate_hertz=rate_hertz)
    stretched = b"".join(stretch([pcm], rate_hertz=rate_hertz, tempo=0.5))
    assert len(stretched) == pytest.approx(2 * len(pcm), rel=0.01)
    assert median_pitch_hertz(stretched, rate_hertz) == pytest.approx(180, rel=0.03)


def test_a_tempo_of_one_passes_chunks_through_untouched() -> None:
    chunks = [b"abc", b"", b"d" * 50_000]
    assert list(stretch(iter(chunks), rate_hertz=RATE_HERTZ, tempo=1.0)) == chunks


@pytest.mark.parametrize("size", [1, 3, 1_001, 1_000_000])
def test_the_cut_of_the_chunks_does_not_matter(size: int) -> None:
    pcm = tone(0.5 if size < 10 else 3)
    whole = b"".join(stretch([pcm], rate_hertz=RATE_HERTZ, tempo=1.5))
    assert b"".join(stretch(pieces(pcm, size), rate_hertz=RATE_HERTZ, tempo=1.5)) == whole


def test_no_sound_gives_no_sound_and_a_syllable_stays_one() -> None:
    assert b"".join(stretch([], rate_hertz=RATE_HERTZ, tempo=2.0)) == b""
    assert b"".join(stretch([b""], rate_hertz=RATE_HERTZ, tempo=2.0)) == b""
    syllable = tone(0.1)
    stretched = b"".join(stretch([syllable], rate_hertz=RATE_HERTZ, tempo=2.0))
    assert len(stretched) == pytest.approx(len(syllable) / 2, rel=0.2)


@pytest.mark.parametrize("tempo", [0.3, 3.5])
def test_output_follows_input_within_half_a_second(tempo: float) -> None:
    taken_samples = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken_samples
        chunk = tone(0.1)
        while True:
            taken_samples += len(chunk) // 2
            yield chunk

    given_samples = 0
    with_end = stretch(endless(), rate_hertz=RATE_HERTZ, tempo=tempo)
    while given_samples < 20 * RATE_HERTZ:
        given_samples += len(next(with_end)) // 2
        assert taken_samples - given_samples * tempo < RATE_HERTZ // 2
    with_end.close()


@pytest.mark.parametrize("tempo", [0.0, -1.0, math.nan, math.inf])
def test_a_tempo_that_is_no_positive_number_is_refused(tempo: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        next(stretch([tone(1)], rate_hertz=RATE_HERTZ, tempo=tempo))

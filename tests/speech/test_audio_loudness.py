"""Loudness is measured as the standard defines it, and all speech is brought to one loudness without clipping."""

import av
import numpy as np
import pytest
from av.filter import Graph

from speech.audio.loudness import MAX_PEAK, SILENCE_LUFS, level, limit, measure_lufs

RATE_HERTZ = 24_000


def bursts(*, crest: float = 1.0) -> np.ndarray:
    """Returns noise that rises and falls like syllables. `crest` is how much higher some single waves are."""
    random = np.random.default_rng(5)
    seconds = np.arange(4 * RATE_HERTZ) / RATE_HERTZ
    noise = np.convolve(random.normal(0.0, 0.05, seconds.size), np.ones(8) / 3, "same")
    noise[:: RATE_HERTZ // 3] *= crest
    return (noise * (0.5 + 0.5 * np.sin(2 * np.pi * 3 * seconds)) * (seconds < 3.2)).astype(np.float32)


def ebur128_lufs(samples: np.ndarray) -> float:
    """Returns the loudness that ffmpeg's filter measures."""
    graph = Graph()
    source = graph.add_abuffer(sample_rate=RATE_HERTZ, format="flt", layout="mono")
    graph.link_nodes(source, graph.add("ebur128", "metadata=1"), graph.add("abuffersink")).configure()
    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1).astype("<f4"), format="flt", layout="mono")
    frame.sample_rate = RATE_HERTZ
    graph.push(frame)
    graph.push(None)
    found = float("-inf")
    while True:
        try:
            found = float(graph.pull().metadata["lavfi.r128.I"])
        except (EOFError, BlockingIOError):
            return found


def test_the_sine_of_the_standard_has_its_loudness():
    seconds = np.arange(2 * 48_000) / 48_000
    assert measure_lufs(np.sin(2 * np.pi * 997 * seconds), 48_000) == pytest.approx(-3.01, abs=0.02)


@pytest.mark.parametrize("gain", [1.0, 0.1])
def test_loudness_is_what_ffmpeg_measures(gain: float):
    samples = bursts() * np.float32(gain)
    assert measure_lufs(samples, RATE_HERTZ) == pytest.approx(ebur128_lufs(samples), abs=0.1)


def test_silence_and_what_is_shorter_than_a_block_have_a_loudness():
    assert measure_lufs(np.zeros(RATE_HERTZ), RATE_HERTZ) == measure_lufs(np.zeros(0), RATE_HERTZ) == SILENCE_LUFS
    assert measure_lufs(bursts()[:2400], RATE_HERTZ) > -40


@pytest.mark.parametrize("crest", [1.0, 12.0])
def test_a_piece_gets_its_loudness_and_no_peak_above_the_highest(crest: float):
    samples = bursts(crest=crest)
    levelled = level(samples, RATE_HERTZ, target_lufs=-18.0, measured=slice(None))
    assert measure_lufs(levelled, RATE_HERTZ) == pytest.approx(-18.0, abs=0.3)
    assert np.abs(levelled).max() <= MAX_PEAK + 1e-6
    assert (level(samples, RATE_HERTZ, target_lufs=-18.0, measured=slice(None)) == levelled).all()


def test_the_limiter_leaves_quiet_sound_alone_and_bends_no_wave():
    quiet = bursts()
    assert limit(quiet, RATE_HERTZ) is quiet
    seconds = np.arange(RATE_HERTZ) / RATE_HERTZ
    tone = 1.5 * np.sin(2 * np.pi * 110 * seconds)
    limited = limit(tone, RATE_HERTZ)
    spectrum = np.abs(np.fft.rfft(limited[2400:-2400]))
    loudest = int(spectrum.argmax())
    assert np.abs(limited).max() <= MAX_PEAK + 1e-9
    assert np.delete(spectrum, slice(loudest - 3, loudest + 4)).max() < spectrum.max() / 300

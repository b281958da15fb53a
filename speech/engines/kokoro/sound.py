"""Shapes the samples of a run of SSML: the volume of each word, and the length of every silence."""

import importlib
from collections.abc import Iterator
from typing import Any, Final

from speech.audio.loudness import level, limit
from speech.engines.kokoro.markup import Run
from speech.engines.kokoro.network import SAMPLES_PER_FRAME
from speech.engines.kokoro.pauses import AFTER_MS, SILENCE, count_marks, faded, measured, set_pauses
from speech.engines.kokoro.voices import RATE_HERTZ

EARLY_SAMPLES: Final = 90 * RATE_HERTZ // 1000  # a phoneme sounds so much before its frames (measured: 85 to 95 ms)
RAMP_SAMPLES: Final = 10 * RATE_HERTZ // 1000  # in which the volume changes
MARGIN_SAMPLES: Final = AFTER_MS * RATE_HERTZ // 1000
SEARCHED_MS: Final = 120  # before and after a mark for its silence


def build_controls(run: Run, own_speed: float) -> tuple[Any, Any]:
    """Returns the network's two inputs: the lengths of (1, phonemes) and the melody of (1, 2, phonemes), with pads.

    `own_speed` is what the network gets as its speed.
    """
    np: Any = importlib.import_module("numpy")
    lengths = [1.0, *(own_speed / effect.rate for effect in run.effects), 1.0]
    pitches = [1.0, *(effect.pitch for effect in run.effects), 1.0]
    ranges = [0.0, *(effect.range - 1.0 for effect in run.effects), 0.0]
    return np.array([lengths], dtype=np.float32), np.array([[pitches, ranges]], dtype=np.float32)


def shape(samples: Any, frames: Any, run: Run, *, target_lufs: float, speed: float) -> Any:
    """Returns the samples at this loudness, with the volumes and the silences that the run asks for.

    `frames` has the length of each phoneme and of the pads. `speed` is what silences are divided by.
    """
    np: Any = importlib.import_module("numpy")
    ends = np.cumsum(np.asarray(frames, dtype=np.int64)) * SAMPLES_PER_FRAME - EARLY_SAMPLES
    samples = level(samples, RATE_HERTZ, target_lufs=target_lufs, measured=measured(samples, RATE_HERTZ))
    gains = _gains(np, ends, run, len(samples))
    parts = []
    for start, end, first, last, after_ms in _stretches(np, samples, ends, run):
        said, gain = samples[start:end], gains[start:end]
        if len(said) < len(samples):  # a cut may leave too little of the silence that stays around speech
            said, gain = (
                np.pad(faded(np, said, RATE_HERTZ), MARGIN_SAMPLES),
                np.pad(gain, MARGIN_SAMPLES, mode="edge"),
            )
        marks = count_marks(run.phonemes[first:last])
        parts.append(set_pauses(said, RATE_HERTZ, marks=marks, after_ms=after_ms, speed=speed, gains=gain))
    return limit(np.concatenate(parts), RATE_HERTZ)


def _stretches(np: Any, samples: Any, ends: Any, run: Run) -> Iterator[tuple[int, int, int, int, int]]:
    """Yields the samples and the phonemes between breaks, and the pause after them."""
    start = first = 0
    for at, break_ms in run.breaks:
        cut = _quietest(np, samples, int(ends[at]), int(ends[min(at + 2, len(ends) - 1)]))
        if cut > start:
            yield start, cut, first, at + 1, break_ms
            start, first = cut, at + 1
    yield start, len(samples), first, len(run.phonemes), run.after_ms


def _quietest(np: Any, samples: Any, start: int, end: int) -> int:
    """Returns the middle of the longest silence around a mark, or of its quietest ten milliseconds."""
    around = SEARCHED_MS * RATE_HERTZ // 1000
    start, end = max(start - around, 0), min(max(end, start) + around, len(samples))
    window = np.abs(samples[start:end])
    loud = np.flatnonzero(np.concatenate([[1.0], window, [1.0]]) > SILENCE)
    gaps = np.diff(loud)
    longest = int(gaps.argmax())
    if gaps[longest] > RAMP_SAMPLES:
        return start + int(loud[longest] + gaps[longest] // 2)
    sums = np.convolve(window, np.ones(RAMP_SAMPLES), mode="valid")
    return start + int(sums.argmin()) + RAMP_SAMPLES // 2 if len(sums) else start


def _gains(np: Any, ends: Any, run: Run, count: int) -> Any:
    """Returns the volume of each sample."""
    volumes = np.array([effect.volume for effect in run.effects])
    gains = np.full(count, volumes[-1], dtype=np.float32)
    starts = [0, *ends[1:-2]]  # of the phonemes: the first includes the pad before it
    for start, end, volume in zip(starts, ends[1:-1], volumes, strict=True):
        gains[max(int(start), 0) : max(int(end), 0)] = volume
    if volumes.min() == volumes.max():
        return gains
    padded = np.pad(gains, RAMP_SAMPLES // 2, mode="edge").astype(np.float64)
    sums = np.concatenate([[0.0], np.cumsum(padded)])
    return ((sums[RAMP_SAMPLES:] - sums[:-RAMP_SAMPLES]) / RAMP_SAMPLES)[:count].astype(np.float32)

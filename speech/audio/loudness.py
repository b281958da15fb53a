"""Measures the loudness of speech (ITU-R BS.1770-5), and brings it to a target with a gain and a limiter.

Works on a whole segment in memory. The same samples always give the same result.
"""

import importlib
import math
from typing import Any, Final

BLOCK_SECONDS: Final = 0.4
STEP_SECONDS: Final = 0.1
SILENCE_LUFS: Final = -70.0  # quieter blocks do not count, nor do those RELATIVE_GATE_LU below the mean of the others
RELATIVE_GATE_LU: Final = -10.0
FULL_SCALE_SINE_LUFS: Final = -0.691

MAX_PEAK: Final = 10 ** (-1.5 / 20)  # −1.5 dBFS: leaves room for what a codec adds
LIMITER_BLOCK_SECONDS: Final = 0.005
# The gain is smoothed over so many blocks before and after. That is longer than a pitch period of any voice, so it does
# not follow single waves.
LIMITER_BLOCKS: Final = 10
MAX_GAIN_DB: Final = 20.0
ROUNDS: Final = 2  # the limiter lowers the loudness; a second round makes up for it


def measure_lufs(samples: Any, rate_hertz: int) -> float:
    """Returns the integrated loudness of mono samples at full scale 1.0; SILENCE_LUFS for silence.

    Audio shorter than a block counts as one block.
    """
    np: Any = importlib.import_module("numpy")
    block, step = round(BLOCK_SECONDS * rate_hertz), round(STEP_SECONDS * rate_hertz)
    weighted = _k_weighted(samples, rate_hertz)
    sums = np.concatenate([[0.0], np.cumsum(np.square(weighted))])
    starts = np.arange(0, max(len(weighted) - block, 0) + 1, step)
    ends = np.minimum(starts + block, len(weighted))
    powers = (sums[ends] - sums[starts]) / np.maximum(ends - starts, 1)
    loud = powers[powers > _power(SILENCE_LUFS)]
    if not len(loud):
        return SILENCE_LUFS
    counted = loud[loud > loud.mean() * 10 ** (RELATIVE_GATE_LU / 10)]
    return FULL_SCALE_SINE_LUFS + 10 * math.log10(counted.mean())


def level(samples: Any, rate_hertz: int, *, target_lufs: float, measured: slice) -> Any:
    """Brings samples to a loudness, with no peak above MAX_PEAK. `measured` is the part whose loudness counts."""
    gain_db, levelled = 0.0, samples
    for _ in range(ROUNDS):
        missing_db = target_lufs - measure_lufs(levelled[measured], rate_hertz)
        gain_db = min(gain_db + missing_db, MAX_GAIN_DB)
        levelled = limit(samples * 10 ** (gain_db / 20), rate_hertz)
    return levelled


def limit(samples: Any, rate_hertz: int) -> Any:
    """Limits peaks to MAX_PEAK. The gain falls and rises smoothly around those that are higher."""
    np: Any = importlib.import_module("numpy")
    block = round(LIMITER_BLOCK_SECONDS * rate_hertz)
    blocks = -(-len(samples) // block)
    peaks = np.abs(np.pad(samples, (0, blocks * block - len(samples)))).reshape(blocks, block).max(axis=1)
    if peaks.max(initial=0.0) <= MAX_PEAK:
        return samples
    gains = np.minimum(1.0, MAX_PEAK / np.maximum(peaks, MAX_PEAK))
    window = 2 * LIMITER_BLOCKS + 1
    lowest = _windows(np, gains, window).min(axis=1)
    smooth = _windows(np, lowest, window).mean(axis=1)  # never above the gain that a block needs
    # Linear between the borders of blocks. A border has the lower gain of its two blocks.
    borders = np.minimum(np.append(smooth, smooth[-1]), np.insert(smooth, 0, smooth[0]))
    curve = np.interp(np.arange(len(samples)), np.arange(blocks + 1) * block, borders)
    return (samples * curve).astype(samples.dtype)


def _windows(np: Any, values: Any, window: int) -> Any:
    """Returns a window around each value. The first and the last value are repeated beyond the ends."""
    padded = np.pad(values, window // 2, mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, window)


def _power(lufs: float) -> float:
    return float(10 ** ((lufs - FULL_SCALE_SINE_LUFS) / 10))


def _k_weighted(samples: Any, rate_hertz: int) -> Any:
    """Applies the two filters of the standard by their frequency response, because numpy has no recursive filters."""
    np: Any = importlib.import_module("numpy")
    size = 1 << max(len(samples) + rate_hertz // 4, 1).bit_length()  # room for the filters' ringing
    z = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)  # one sample of delay
    spectrum = np.fft.rfft(samples, size)
    for b, a in (_shelf(rate_hertz), _high_pass(rate_hertz)):
        spectrum = spectrum * (b[0] + b[1] * z + b[2] * z * z) / (a[0] + a[1] * z + a[2] * z * z)
    return np.fft.irfft(spectrum, size)[: len(samples)]


Coefficients = tuple[float, float, float]


def _shelf(rate_hertz: int) -> tuple[Coefficients, Coefficients]:
    """Returns the coefficients of the first filter, which models the head: +4 dB above 1.7 kHz.

    The standard has numbers for 48 kHz; these formulas are equivalent at any rate (De Man, "Evaluation of
    implementations of the EBU R128 loudness measurement", 2018).
    """
    k = math.tan(math.pi * 1681.974450955533 / rate_hertz)
    q, high = 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    middle = high**0.4996667741545416
    b = (high + middle * k / q + k * k, 2 * (k * k - high), high - middle * k / q + k * k)
    return b, (1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k)


def _high_pass(rate_hertz: int) -> tuple[Coefficients, Coefficients]:
    k, q = math.tan(math.pi * 38.13547087602444 / rate_hertz), 0.5003270373238773
    norm = 1 + k / q + k * k
    return (1.0, -2.0, 1.0), (1.0, 2 * (k * k - 1) / norm, (1 - k / q + k * k) / norm)

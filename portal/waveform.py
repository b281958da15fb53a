"""Draws a waveform: bars for the peaks of an audio, as an SVG path."""

from dataclasses import dataclass

BARS = 120
HEIGHT = 56
_STEP, _BAR_WIDTH, _LEAST_HEIGHT, _MARGIN = 3, 1.6, 2, 4


@dataclass(frozen=True, slots=True)
class Wave:
    """The path of the bars, each starting with an M, and the width and height of their box."""

    path: str
    width: float
    height: int = HEIGHT


def draw_wave(peaks: bytes, *, most: int = BARS) -> Wave | None:
    """Returns the waveform, or None without peaks. The loudest bar has full height: it shows shape, not volume."""
    if not peaks:
        return None
    count = min(most, len(peaks))
    bars = [max(peaks[i * len(peaks) // count : (i + 1) * len(peaks) // count]) for i in range(count)]
    scale = (HEIGHT - _MARGIN) / max(1, *bars)
    path = "".join(_bar(number * _STEP, max(_LEAST_HEIGHT, bar * scale)) for number, bar in enumerate(bars))
    return Wave(path, width=round((count - 1) * _STEP + _BAR_WIDTH, 1))


def _bar(x: int, height: float) -> str:
    return f"M{x} {(HEIGHT - height) / 2:.1f}h{_BAR_WIDTH}v{height:.1f}h-{_BAR_WIDTH}z"

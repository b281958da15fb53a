"""Draws bars per day as the path of a stretched SVG. The labels beside it are HTML."""

from collections.abc import Sequence
from dataclasses import dataclass

HEIGHT = 100
STEP = 10
_BAR_WIDTH = 7


@dataclass(frozen=True, slots=True)
class Chart:
    """The paths and labels of a chart.

    `bars` is the path for the completed days, `today` for the current one. `top` and `half` are the axis labels.
    """

    width: int
    bars: str
    today: str
    top: str
    half: str


def draw_chart(values: Sequence[int]) -> Chart:
    """Draws the last value as today. The axis ends at a round number of at least 2, whose half is round, too."""
    top = _round_up(max(2, *values))
    paths = [_bar(number, value / top) for number, value in enumerate(values)]
    return Chart(
        width=STEP * len(values), bars="".join(paths[:-1]), today=paths[-1], top=_short(top), half=_short(top // 2)
    )


def _bar(number: int, share: float) -> str:
    height = round(HEIGHT * share, 1)
    if not height:
        return ""
    return f"M{number * STEP + 1.5:g} {HEIGHT - height:g}h{_BAR_WIDTH}V{HEIGHT}h-{_BAR_WIDTH}z"


def _round_up(value: int) -> int:
    """Rounds up to 2, 4, 6, 8 or 10 of the value's leading power of ten."""
    power = int(10 ** (len(str(value)) - 1))
    leading = -(-value // power)
    return max(2, (leading + leading % 2) * power)


def _short(value: int) -> str:
    """Formats 140,000 as "140k"."""
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return str(value)

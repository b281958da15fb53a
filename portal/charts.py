"""Bars over days, as the path of an SVG whose box is stretched; the labels beside it are HTML."""

from collections.abc import Sequence
from dataclasses import dataclass

HEIGHT = 100
STEP = 10
_BAR_WIDTH = 7


@dataclass(frozen=True, slots=True)
class Chart:
    """`bars`: of the days that are over; `today`: of the one that is not. `top` and `half`: labels of the axis."""

    width: int
    bars: str
    today: str
    top: str
    half: str


def draw_chart(values: Sequence[int]) -> Chart:
    """The axis ends at a round number, at least 2, so that half of it is one, too."""
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
    """To 2, 4, 6, 8 or 10 of its leading power of ten."""
    power = int(10 ** (len(str(value)) - 1))
    leading = -(-value // power)
    return max(2, (leading + leading % 2) * power)


def _short(value: int) -> str:
    """140,000 → "140k"."""
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return str(value)

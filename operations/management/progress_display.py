"""Shows an installation's progress: a bar on a terminal, elsewhere one line per tenth."""

from collections.abc import Callable
from typing import Final, TextIO

from speech.engines.kokoro.progress import Progress

BAR_CHARS: Final = 24
LINE_PERCENT: Final = 10
LINE_CHARS: Final = 100  # of a terminal's line, so that a longer previous one is overwritten
MAX_LEFT_SECONDS: Final = 6 * 3600.0  # beyond that, the connection is about to fail and the time is not shown


def show_progress(stream: TextIO) -> Callable[[Progress], None]:
    """Returns a function that writes each report to `stream`. The report of 100 % ends the bar's line."""
    draw = _draw_bar if stream.isatty() else _write_line
    next_percent = 0

    def show(progress: Progress) -> None:
        nonlocal next_percent
        next_percent = draw(stream, progress, next_percent)

    return show


def describe(progress: Progress) -> str:
    """Returns a line such as "43 %, 52 of 120 MB, 8.1 MB/s, 8 s left: downloading voices with npm"."""
    done_mb, total_mb = progress.bytes_done / 1e6, progress.bytes_total / 1e6
    parts = [f"{progress.percent} %", f"{done_mb:,.0f} of {total_mb:,.0f} MB"]
    if progress.seconds_left is not None and progress.seconds_left < MAX_LEFT_SECONDS and progress.percent < 100:
        parts += [f"{progress.bytes_per_second / 1e6:,.1f} MB/s", f"{_in_words(progress.seconds_left)} left"]
    return ", ".join(parts) + (f": {progress.step}" if progress.step else "")


def _draw_bar(stream: TextIO, progress: Progress, next_percent: int) -> int:
    filled = BAR_CHARS * progress.percent // 100
    line = f"[{'#' * filled}{'.' * (BAR_CHARS - filled)}] {describe(progress)}"
    is_done = progress.percent == 100
    stream.write(f"\r{line[:LINE_CHARS]:<{LINE_CHARS}}" + ("\n" if is_done and next_percent <= 100 else ""))
    stream.flush()
    return 101 if is_done else next_percent


def _write_line(stream: TextIO, progress: Progress, next_percent: int) -> int:
    if progress.percent < next_percent:
        return next_percent
    stream.write(f"{describe(progress)}\n")
    stream.flush()
    return progress.percent // LINE_PERCENT * LINE_PERCENT + LINE_PERCENT


def _in_words(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"

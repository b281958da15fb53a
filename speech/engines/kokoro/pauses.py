"""Sets the pauses in Kokoro's speech.

The model begins and ends every segment with 300 to 500 ms of silence, and its pauses at commas grow as speech slows
down. So silence is cut first and then added, as the text requires. A segment sounds the same wherever it occurs.
"""

import importlib
import re
from typing import Any, Final

SILENCE: Final = 0.01  # of full scale; what follows the last louder sample is breath at most
BEFORE_MS: Final = 30  # kept before the first sound
AFTER_MS: Final = 60  # kept after the last sound
FADE_MS: Final = 5
MEASURED_AROUND_MS: Final = 150
# Longer silence inside a segment is cut to this: at punctuation, and between words.
LONGEST_AT_MARK_MS: Final = 240
LONGEST_AT_WORD_MS: Final = 150

# From the last sound of a segment to the first of the next one, in milliseconds at normal speed.
PARAGRAPH_MS: Final = 750
ELLIPSIS_MS: Final = 400
LINE_MS: Final = 300
SENTENCE_MS: Final = 380
CLAUSE_MS: Final = 190
PHRASE_MS: Final = 40  # a cut where a speaker would not pause

CLOSING_MARKS: Final = '"”’»）」』)]'
SENTENCE_MARKS: Final = tuple(".!?。！？｡।॥")
CLAUSE_MARKS: Final = tuple(",;:—–、，；：-")
INNER_MARKS: Final = re.compile(r"[,;:—.!?…()“”]+")  # in phonemes
TAIL_CHARS: Final = 64  # the end of a segment, which decides


def pause_ms(text: str) -> int:
    """Returns the pause after a segment, from the way it ends.

    The white space at the end of a text is a separate segment (`chunks.split`). So a segment without any is the last
    one, or its language has none between sentences.
    """
    tail = text[-TAIL_CHARS:]
    words = tail.rstrip()
    breaks = tail.count("\n", len(words))
    if breaks > 1:
        return PARAGRAPH_MS
    end = words[len(words.rstrip(f"{CLOSING_MARKS}.… \t\n")) :]
    if "…" in end or "..." in end:
        return ELLIPSIS_MS
    if words.rstrip(CLOSING_MARKS).endswith(SENTENCE_MARKS):
        return SENTENCE_MS
    if breaks:
        return LINE_MS
    if words.rstrip(CLOSING_MARKS).endswith(CLAUSE_MARKS):
        return CLAUSE_MS
    return PHRASE_MS if tail != words else SENTENCE_MS


def count_marks(phonemes: str) -> int:
    """Counts the places inside a segment where a speaker may pause."""
    last_sound = max((at for at, symbol in enumerate(phonemes) if symbol.isalnum()), default=0)
    return len(INNER_MARKS.findall(phonemes[:last_sound]))


def measured(samples: Any, rate_hertz: int) -> slice:
    """Returns the part of a segment whose loudness counts: its sound, and a little silence around it.

    With that silence, a single word is not made as loud as a whole sentence.
    """
    np: Any = importlib.import_module("numpy")
    loud = np.flatnonzero(np.abs(samples) > SILENCE)
    if not len(loud):
        return slice(0, len(samples))
    around = MEASURED_AROUND_MS * rate_hertz // 1000
    return slice(max(int(loud[0]) - around, 0), int(loud[-1]) + around)


def set_pauses(samples: Any, rate_hertz: int, *, marks: int, after_ms: float, speed: float, gains: Any = None) -> Any:
    """Cuts the silence around speech and long silences inside, and adds silence at the end.

    `after_ms` is the time from the last sound to the first of the next segment. `marks` of the silences inside may be
    as long as at punctuation. All pauses are at normal speed and are divided by `speed`.
    """
    np: Any = importlib.import_module("numpy")
    ranges = spoken_ranges(samples, rate_hertz, marks=marks, speed=speed)
    samples = samples if gains is None else samples * gains  # silences are found in what is not yet soft or silent
    parts = [faded(np, samples[start:end], rate_hertz) for start, end in ranges]
    kept = AFTER_MS * rate_hertz // 1000 - max(ranges[-1][1] - len(samples), 0)
    # The next segment has its own silence at the start.
    missing = round((after_ms / speed - BEFORE_MS) * rate_hertz / 1000) - kept
    if missing >= 0:
        return np.concatenate([*parts, np.zeros(missing, samples.dtype)])
    return np.concatenate([*parts[:-1], faded(np, parts[-1][:missing], rate_hertz)])


def spoken_ranges(samples: Any, rate_hertz: int, *, marks: int, speed: float) -> list[tuple[int, int]]:
    """Returns the ranges of samples to keep. The last one may end after the last sample."""
    np: Any = importlib.import_module("numpy")
    before, after = BEFORE_MS * rate_hertz // 1000, AFTER_MS * rate_hertz // 1000
    loud = np.flatnonzero(np.abs(samples) > SILENCE)
    if not len(loud):
        return [(0, len(samples) + after)]
    at_mark, at_word = (
        round(longest_ms / speed * rate_hertz / 1000) for longest_ms in (LONGEST_AT_MARK_MS, LONGEST_AT_WORD_MS)
    )
    silences = np.diff(loud)
    long = np.flatnonzero(silences > at_word)
    at_marks = set(long[np.argsort(-silences[long], kind="stable")][:marks].tolist())
    ranges, start = list[tuple[int, int]](), max(int(loud[0]) - before, 0)
    for gap in long.tolist():
        kept = min(int(silences[gap]), at_mark if gap in at_marks else at_word)
        ranges.append((start, int(loud[gap]) + kept - kept // 3))
        start = int(loud[gap + 1]) - kept // 3
    return [*ranges, (start, int(loud[-1]) + 1 + after)]


def faded(np: Any, samples: Any, rate_hertz: int) -> Any:
    """Fades both ends, so that a cut does not click."""
    size = min(FADE_MS * rate_hertz // 1000, len(samples) // 2)
    if not size:
        return samples
    faded, ramp = samples.copy(), np.linspace(0.0, 1.0, size, dtype=samples.dtype)
    faded[:size] *= ramp
    faded[-size:] *= ramp[::-1]
    return faded

"""Bounds how long the audio of a text may get before it counts as runaway. Not an estimate of its length.

The rule is in `count_spoken_words`. `tts.requests` rejects texts by it, `tts.worker.synthesis` stops jobs.
"""

import re
import unicodedata
from collections import Counter
from typing import NamedTuple

from speech.engines.base import MIN_SPEED
from speech.ssml import SPELLED, break_ms, rate_factor, read_ssml
from speech.text.silence import SPOKEN_MARKS

SPARE_SECONDS = 60.0
SECONDS_PER_WORD = 1.5  # a spelled letter or a digit takes half of it with the slowest of eSpeak's voices (measured)
LETTERS_PER_WORD = 8
WIDE_LETTERS_PER_WORD = 2
# Pauses that engines insert after these elements. eSpeak's are the longest.
PAUSE_SECONDS = {"p": 0.75, "s": 0.3}
SLICE_CHARS = 16_384  # counted in one step
# Half of the words in the longest names of symbols, by Unicode category. Half, because a digit counts twice its length.
NAME_WORDS = {"So": 4.0, "Sm": 2.0}  # "hand with index finger and thumb crossed", "is at most"
# Scripts without spaces between words (Thai, Lao, Tibetan, Burmese, Khmer), those whose letters are syllables, and rare
# ones, whose letters are read by name ("runic letter uruz").
WIDE = "\u0e00-\u1cff\u2e80-\ud7ff\uf900-\uffef\U00010000-\U0003ffff"
LETTER_RUN = re.compile(rf"[^\W\d_{WIDE}]+")
SPELLED_RUN = re.compile(r"[b-df-hj-np-tv-xz]+", re.IGNORECASE)  # without a vowel


class Extent(NamedTuple):
    """The spoken words of a text, and the seconds of pauses that it requests. Both at normal speed."""

    words: float
    break_seconds: float


def measure_extent(text: str, *, text_format: str) -> Extent:
    """Measures a text. `text_format` is `text`, `ssml` or `markup`. Raises SsmlError."""
    if text_format == "ssml":
        return _measure_ssml(text)
    return Extent(count_spoken_words(text), 0.0)


def count_spoken_words(text: str) -> float:
    """Returns how many words a plain text can be when it is read aloud: an upper estimate.

    A run of letters is a word; every eighth letter of a long one starts another, as if it were read in parts. A run
    without a vowel is spelled ("BBC"), so every letter is a word. In scripts without spaces, in those whose letters are
    syllables, and in rare ones, two characters are a word. Every digit is a word ("777" takes four), and so is every
    symbol with a short name: %, €. An emoji counts as four. White space and other punctuation count nothing.
    """
    # In Python steps by run and by slice, so that other threads can run in between.
    words = float(sum(_count_words_in_run(run[0]) for run in LETTER_RUN.finditer(text)))
    chars = Counter[str]()
    for start in range(0, len(text), SLICE_CHARS):
        chars.update(text[start : start + SLICE_CHARS])
    return words + sum(count * _words_in(char) for char, count in chars.items())


def longest_seconds(extent: Extent, *, speed: float) -> float:
    """Returns the maximum duration: 60 s, 1.5 s per spoken word at `speed`, and the breaks that the text requests."""
    return longest_break_seconds(extent, speed=speed) + break_seconds(extent, speed=speed)


def longest_break_seconds(extent: Extent, *, speed: float) -> float:
    """Returns the maximum total of breaks: 60 s, and as long again as the words may take."""
    return SPARE_SECONDS + SECONDS_PER_WORD * extent.words / speed


def break_seconds(extent: Extent, *, speed: float) -> float:
    """Returns the total of breaks. A higher speed is ignored: not every engine shortens them."""
    return extent.break_seconds / min(speed, 1.0)


def _count_words_in_run(run: str) -> int:
    return len(run) if SPELLED_RUN.fullmatch(run) else -(-len(run) // LETTERS_PER_WORD)


def _words_in(char: str) -> float:
    """Returns how many words a character is when it does not belong to a run of letters."""
    category = unicodedata.category(char)
    if category[0] in "NS" or char in SPOKEN_MARKS:
        return NAME_WORDS.get(category, 1.0)
    is_wide = category[0] == "L" and not LETTER_RUN.match(char)
    return 1 / WIDE_LETTERS_PER_WORD if is_wide else 0.0


def _measure_ssml(text: str) -> Extent:
    words = pauses = 0.0
    slowness = [1.0]  # one entry per open `prosody` element: how much longer it makes a word
    is_spelled = is_replaced = False
    for token in read_ssml(text):
        match token.kind, token.value:
            case "text", said:
                if not is_replaced:
                    words += slowness[-1] * (_count_spelled(said) if is_spelled else count_spoken_words(said))
            case "open", "break":
                pauses += break_ms(token.attributes) / 1000
            case "open", "prosody":
                factor = slowness[-1] / rate_factor(token.attributes.get("rate", "default"))
                slowness.append(min(max(factor, slowness[-1]), 1 / MIN_SPEED))
            case "close", "prosody":
                slowness.pop()
            case "open" | "close", "say-as":
                is_spelled = token.kind == "open" and token.attributes["interpret-as"] in SPELLED
            case "open", "sub":
                words += slowness[-1] * count_spoken_words(token.attributes["alias"])
                is_replaced = True
            case "close", "sub":
                is_replaced = False
            case "open", "phoneme":
                words += slowness[-1] * len(token.attributes["ph"]) / LETTERS_PER_WORD
            case "close", name:
                pauses += PAUSE_SECONDS.get(name, 0.0)
    return Extent(words, pauses)


def _count_spelled(text: str) -> int:
    """Counts the characters of a spelled text, each of which is a word."""
    return sum(not char.isspace() for char in text)

"""A text as it is said in a language: `normalize("It costs $5.", "en-US").text` is "It costs five dollars."

Owns the table of languages. Each has a module with a function `find_replacements(text) -> list[Replacement]`, which is
imported when it is first needed. Owns the bound on the work of one step, too: no such function sees more than
WINDOW_CHARS at a time.
"""

import unicodedata
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from typing import Final

from speech.text.spans import Replacement, SpokenText, apply

FindReplacements = Callable[[str], list[Replacement]]

MODULES: Final = {  # by the primary language of a BCP 47 tag
    "de": "speech.text.german",
    "en": "speech.text.english",
    "es": "speech.text.spanish",
    "fr": "speech.text.french",
    "hi": "speech.text.hindi",
    "it": "speech.text.italian",
    "ja": "speech.text.japanese",
    "pt": "speech.text.portuguese",
    "zh": "speech.text.chinese",
}
# Varieties that count in other words, such as "nonante", or in another script: their engine reads them better.
OTHER_WORDS: Final = frozenset({"fr-BE", "fr-CH", "pt-PT", "zh-Latn-pinyin"})
WINDOW_CHARS: Final = 1000
MAX_MARKS: Final = 32  # that are joined with one letter; more are a joke, and take the square of their number


def normalize(text: str, language: str) -> SpokenText:
    """What is said for a text. `language` is a BCP 47 tag; where no rules are known, letters and marks are joined only
    (NFC).
    """
    primary = language.partition("-")[0].lower()
    is_known = primary in MODULES and language not in OTHER_WORDS
    find = _finder(primary) if is_known else _find_nothing
    replacements: list[Replacement] = []
    for start, window in _windows(text):
        replacements += (
            Replacement(start + found.start, start + found.end, found.spoken) for found in _find_composed(window, find)
        )
    return apply(text, replacements)


@cache
def _finder(primary: str) -> FindReplacements:
    finder: FindReplacements = import_module(MODULES[primary]).find_replacements
    return finder


def _find_nothing(text: str) -> list[Replacement]:
    return []


def _windows(text: str) -> Iterator[tuple[int, str]]:
    """Parts of a text with the place where each begins, cut at a line's end, else behind a word."""
    start = 0
    while len(text) - start > WINDOW_CHARS:
        end = start + WINDOW_CHARS
        cut = next((at + 1 for mark in "\n " if (at := text.rfind(mark, start + WINDOW_CHARS // 2, end)) >= 0), end)
        yield start, text[start:cut]
        start = cut
    yield start, text[start:]


def _find_composed(text: str, find: FindReplacements) -> list[Replacement]:
    """The replacements of a text whose letters are joined with their marks first."""
    if text.isascii() or unicodedata.is_normalized("NFC", text):
        return find(text)
    joined = list(_join_marks(text))
    composed = apply(text, joined)
    found = [Replacement(*composed.source_span(said.start, said.end), said.spoken) for said in find(composed.text)]
    merged: list[Replacement] = []
    # What is said comes first where it begins with a joined letter.
    for replacement in sorted([*found, *joined], key=lambda replacement: (replacement.start, -replacement.end)):
        if not merged or replacement.start >= merged[-1].end:
            merged.append(replacement)
    return merged


def _join_marks(text: str) -> Iterator[Replacement]:
    """Each letter with the marks on it, where they are one character together."""
    start = 0
    while start < len(text):
        end = start + 1
        while end < len(text) and end - start <= MAX_MARKS and _continues(text[end]):
            end += 1
        joined = unicodedata.normalize("NFC", text[start:end])
        if joined != text[start:end]:
            yield Replacement(start, end, joined)
        start = end


def _continues(char: str) -> bool:
    """Whether it can be joined with the letter before it: a mark, or a vowel or a final consonant in Hangul."""
    return unicodedata.category(char)[0] == "M" or "\u1160" <= char <= "\u11ff"

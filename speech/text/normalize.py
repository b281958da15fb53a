"""Normalizes a text in a language: `normalize("It costs $5.", "en-US").text` is "It costs five dollars."

Each language has a module with a function `find_replacements(text) -> list[Replacement]`, which is imported on first
use. It never gets more than WINDOW_CHARS at a time, which bounds the work of one step.
"""

from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from typing import Final

from speech.text.composition import find_composed
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
# Varieties with their own rules: dates with the day first.
VARIETIES: Final = dict.fromkeys(("en-AU", "en-GB", "en-IE", "en-IN", "en-NZ", "en-ZA"), "speech.text.english.british")
# Varieties with other number words, such as "nonante", or another script. Their engine reads them better.
OTHER_WORDS: Final = frozenset({"fr-BE", "fr-CH", "pt-PT", "zh-Latn-pinyin"})
WINDOW_CHARS: Final = 1000


def normalize(text: str, language: str) -> SpokenText:
    """Returns the spoken form of a text in a language (BCP 47). Without rules for it, the text is only composed."""
    primary = language.partition("-")[0].lower()
    is_known = primary in MODULES and language not in OTHER_WORDS
    find = _finder(VARIETIES.get("-".join(language.split("-")[:2])) or MODULES[primary]) if is_known else _find_nothing
    replacements: list[Replacement] = []
    for start, window in _windows(text):
        replacements += (
            Replacement(start + found.start, start + found.end, found.spoken)
            for found in _find_in_composed(window, find)
        )
    return apply(text, replacements)


@cache
def _finder(module: str) -> FindReplacements:
    finder: FindReplacements = import_module(module).find_replacements
    return finder


def _find_nothing(text: str) -> list[Replacement]:
    return []


def _windows(text: str) -> Iterator[tuple[int, str]]:
    """Yields parts of a text with their positions, cut after a line, else after a word."""
    start = 0
    while len(text) - start > WINDOW_CHARS:
        end = start + WINDOW_CHARS
        cut = next((at + 1 for mark in "\n " if (at := text.rfind(mark, start + WINDOW_CHARS // 2, end)) >= 0), end)
        yield start, text[start:cut]
        start = cut
    yield start, text[start:]


def _find_in_composed(text: str, find: FindReplacements) -> list[Replacement]:
    """Returns the replacements for a text, after its letters were composed with their marks."""
    joined = [] if text.isascii() else list(find_composed(text))
    if not joined:
        return find(text)
    composed = apply(text, joined)
    found = [Replacement(*composed.source_span(said.start, said.end), said.spoken) for said in find(composed.text)]
    merged: list[Replacement] = []
    # A spoken form precedes the composed letter that it starts with.
    for replacement in sorted([*found, *joined], key=lambda replacement: (replacement.start, -replacement.end)):
        if not merged or replacement.start >= merged[-1].end:
            merged.append(replacement)
    return merged

"""Normalizes a text in a language: `normalize("It costs $5.", "en-US").text` is "It costs five dollars."

Each language has a module with a function `find_replacements(text) -> list[Replacement]`, which is imported on first
use.
"""

from collections.abc import Callable
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


def normalize(text: str, language: str) -> SpokenText:
    """Returns the spoken form of a text. `language` is a BCP 47 tag; without rules for it, the text is unchanged."""
    primary = language.partition("-")[0].lower()
    if primary not in MODULES:
        return apply(text, ())
    return apply(text, _finder(primary)(text))


@cache
def _finder(primary: str) -> FindReplacements:
    finder: FindReplacements = import_module(MODULES[primary]).find_replacements
    return finder

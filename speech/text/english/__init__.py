"""Normalizes English text: `find_replacements`.

Decides the order of the rules. An earlier rule takes its span, so specific rules come before general ones.
"""

from typing import Final

from speech.text import markdown
from speech.text.english import (
    codes,
    dates,
    emoji,
    figures,
    marks,
    measures,
    money,
    numerals,
    places,
    signs,
    sums,
    times,
    verses,
    web,
    words,
)
from speech.text.scan import Rule, find
from speech.text.spans import Replacement

RULES: Final[tuple[Rule, ...]] = (
    *markdown.RULES,
    *signs.FIRST_RULES,
    *emoji.RULES,
    *web.RULES,
    *signs.EARLY_RULES,
    *words.EARLY_RULES,
    *verses.RULES,
    *figures.EARLY_RULES,
    *marks.RULES,
    *places.RULES,
    *dates.RULES,
    *times.RULES,
    *money.RULES,
    *codes.RULES,
    *measures.RULES,
    *sums.RULES,
    *figures.FRACTION_RULES,
    *dates.YEAR_RULES,
    *sums.RATIO_RULES,
    *numerals.RULES,
    *figures.RULES,
    *words.RULES,
    *signs.LAST_RULES,
)


def find_replacements(text: str) -> list[Replacement]:
    """Returns the replacements for an English text."""
    return find(text, RULES)

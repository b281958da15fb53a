"""Decides whether an amount describes the noun after it, as in "a $20 bill" and "the 5 kg bag".

Its unit is then singular.
"""

import re
from typing import Final

from speech.text.english.tables import word_set

_ARTICLE: Final = re.compile(
    r"(?:^|(?<![\w'’]))(?P<article>[Aa]n?|[Tt]he|[Ee]very|[Ee]ach|[Aa]nother)"
    r"(?: (?:new|single|small|large|big|standard|second|whopping|massive|typical))? $"
)
_NOUN: Final = re.compile(r"[ -](?P<noun>[A-Za-z][A-Za-z-]{0,20})(?![\w'’])")
# Words after an amount that it does not describe.
NOT_NOUNS: Final = word_set(
    """about above across after again ago all along always an and are around as at away back be because been before
    behind below between beyond but by can could did do does down during each early even ever every extra for from had
    has have he her here his how i if in into is it its just last late left less long may me might more most must my
    near next no not now of off on once only onto or our out over past per plus she short should since so some still
    such tall than that the their them then there these they this those through till to today together tomorrow too
    under until up us via was we were what when where which while who wide will with within without worth would year
    yesterday yet you your"""
)


def is_attribute(text: str, start: int, end: int) -> bool:
    """Whether an article precedes `text[start:end]` and a noun follows it."""
    article = _ARTICLE.search(text[max(start - 24, 0) : start])
    noun = _NOUN.match(text[end : end + 24])
    if not article or not noun or noun["noun"].lower() in NOT_NOUNS:
        return False
    is_one = article["article"].lower() in ("a", "an")
    return is_one or not re.search("(?:ed|ing|ly)$", noun["noun"])

"""Normalizes English text where the day comes before the month: "03/04/2024" is "the third of April"."""

import re
from typing import Final

from speech.text.english import RULES
from speech.text.english.dates import MONTHS
from speech.text.english.numbers import cardinal, ordinal, two_digits, year
from speech.text.scan import Rule, find
from speech.text.spans import Replacement

_DAY = r"(?P<day>0?[1-9]|[12][0-9]|3[01])"
_NUMERIC: Final = re.compile(
    rf"(?<![\w.,/:-]){_DAY}(?P<mark>[-/.])(?P<month>0?[1-9]|1[0-2])(?P=mark)"
    rf"(?P<year>1[0-9]{{3}}|20[0-9]{{2}}|[0-9]{{2}})"
    rf"(?![\w/]|[-.,:][0-9])"
)
_SHORT: Final = re.compile(
    rf"\b(?i:on|until|since|due|dated) (?P<said>{_DAY}/(?P<month>0?[1-9]|1[0-2]))"
    r"(?![\w/%-]|[.,][0-9]| (?:of|cups?|inch|inches|miles?|an?|the)\b)"
)
_COMMON_FRACTIONS: Final = frozenset({"1/2", "1/3", "2/3", "1/4", "3/4", "1/5", "1/8", "1/10", "9/10"})
_PENCE: Final = re.compile(r"(?<![\w.,$€£¥₹/-])(?P<number>[1-9][0-9]?)p(?!\w)")


def _say_numeric(match: re.Match[str]) -> str | None:
    digits = match["year"]
    if len(digits) == 2 and match["mark"] == "." and len(match["day"]) + len(match["month"]) < 4:
        return None  # a version
    return f"{_say_day(match)} {year(digits) if len(digits) == 4 else two_digits(digits)}"


def _say_short(match: re.Match[str]) -> str | None:
    is_fraction = match["said"] in _COMMON_FRACTIONS and match[0][:3].lower() == "on "
    return None if is_fraction else _say_day(match)


def _say_day(match: re.Match[str]) -> str:
    return f"the {ordinal(match['day'].lstrip('0'))} of {MONTHS[int(match['month']) - 1]}"


BRITISH_RULES: Final = (
    Rule(_NUMERIC, _say_numeric),
    Rule(_SHORT, _say_short),
    Rule(_PENCE, lambda match: f"{cardinal(match['number'])} {'penny' if match['number'] == '1' else 'pence'}"),
    *RULES,
)


def find_replacements(text: str) -> list[Replacement]:
    """Returns the replacements for a text in British English, or in another English with its dates."""
    return find(text, BRITISH_RULES)

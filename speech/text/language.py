"""Defines what the shared rules need to know about a language, and how it reads its numbers."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from speech.text.rules import SPACES, split_number

Forms = tuple[str, ...]

NEXT_WORD: Final = re.compile(rf"[{SPACES}]([^\W\d_]+)")


def no_gender(_word: str, *, is_one: bool) -> str:
    return ""


def of_nothing(_scale: str, many: str) -> str:
    return many


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """The words of a language. A gender is "m", "f", "n", or "" for numbers without a noun."""

    cardinal: Callable[[int, str], str]
    decimals: Callable[[str, str], str]  # reads the digits after the decimal mark, before a noun of a gender
    digits: Forms
    # minus plus to comma point times divided is; percent and the like are units
    words: Mapping[str, str]
    scales: tuple[str, ...]  # words for large numbers after a number, as patterns
    scale_letters: Mapping[str, Forms]  # k, M and bn after an amount of money → singular, plural
    currencies: Mapping[str, Forms]  # symbol → singular, plural, gender, and singular and plural of the hundredth
    units: Mapping[str, Forms]  # symbol → singular, plural, gender
    fraction: Callable[[int, int], str | None]
    date: Callable[[int, int, int | None], str]
    signs: Mapping[str, str] = field(default_factory=dict)  # in addresses, such as "@"
    gender: Callable[..., str] = no_gender  # of the noun that a number counts: (word, is_one)
    of_scale: Callable[[str, str], str] = of_nothing  # "millones", "euros" → "de euros"
    cents: str = " "  # between euros and cents
    halves: Mapping[str, str] = field(default_factory=dict)  # half of a unit, by its gender
    of_unit: str = " "  # between half and its unit
    and_fraction: str = " "  # between one and a half
    decimal_mark: str = ","
    ones_gender: str = ""  # of the one in 1 1/2
    scale_gender: str = "m"  # of million and the like
    thousand: str = ""  # a scale that takes the gender of what it counts: "doscientas mil personas"
    date_words: str = ""  # words before a date without a year, such as 24/12, as a pattern
    has_english_money: bool = False  # whether $27,500 is thousands, as in America
    per: tuple[str, ...] = ()  # what may follow the slash of "5 €/mes", after the word for "per"
    letters: Mapping[str, str] = field(default_factory=dict)  # names of Latin letters, in another script
    spells_handles: bool = True  # whether @name is read letter by letter
    has_short_dates: bool = False  # whether 17.06 is a date
    # Read the country code and the rest of a phone number; None: digit by digit.
    say_country: Callable[[str], str] | None = None
    say_phone: Callable[[str], str] | None = None


def say_number(language: Language, written: str, gender: str = "") -> str:
    whole, mark, fraction = split_number(written, decimal_mark=language.decimal_mark)
    if not mark:
        return language.cardinal(whole, gender)
    name = language.words["comma" if mark == "," else "point"]
    return f"{language.cardinal(whole, '')} {name} {language.decimals(fraction, gender)}"


def is_one(language: Language, written: str) -> bool:
    return split_number(written, decimal_mark=language.decimal_mark)[0::2] == (1, "")


def find_gender(language: Language, match: re.Match[str], number: str) -> str:
    word = NEXT_WORD.match(match.string, match.end())
    return language.gender(word[1], is_one=is_one(language, number)) if word else ""


def dot_word(language: Language) -> str:
    """Returns the word for the dot of an address or a version, which may differ from that of a number."""
    return language.words.get("dot", language.words["point"])

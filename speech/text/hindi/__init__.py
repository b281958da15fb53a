"""Normalizes Hindi text."""

import re
from typing import Final

from speech.text.hindi.words import (
    ABBREVIATIONS,
    BEFORE_NUMBERS,
    CURRENCIES,
    ENGLISH_ORDINALS,
    LETTERS,
    MONTH_NAMES,
    MONTHS,
    ORDINALS,
    SCALES,
    SIGNS,
    SMALL,
    STATES,
    STREETS,
    UNITS,
    WORDS,
)
from speech.text.language import Language
from speech.text.languages import build_rules
from speech.text.rules import Rule, alternatives, apply_rules, build_abbreviation_rule, spell_digits
from speech.text.spans import Replacement

_DIGITS: Final = tuple(SMALL[:10])
_END: Final = r"(?![\w\u0900-\u0963\u0966-\u097f])"  # of a word, whose vowel signs do not count as letters; not a danda
_HALVES: Final = {1: "डेढ़", 2: "ढाई"}


def cardinal(number: int, _gender: str = "") -> str:
    if number >= 10**19:
        return " ".join(SMALL[int(digit)] for digit in str(number))
    if number < 100:
        return SMALL[number]
    words: list[str] = []
    rest, below = divmod(number, 10_000_000)
    for place, scale in enumerate(SCALES):
        rest, part = divmod(rest, 100) if place < len(SCALES) - 1 else (0, rest)
        if part:
            words.insert(0, f"{cardinal(part)} {scale}")
    for size, scale in ((100_000, "लाख"), (1000, "हज़ार"), (100, "सौ")):
        part, below = divmod(below, size)
        if part:
            words.append(f"{SMALL[part]} {scale}")
    if below:
        words.append(SMALL[below])
    return " ".join(words)


def _year(year: int) -> str:
    if 1100 <= year < 2000 or 2100 <= year < 2200:
        return f"{SMALL[year // 100]} सौ {SMALL[year % 100] if year % 100 else ''}".strip()
    return cardinal(year)


def _with_half(number: int) -> str:
    return _HALVES.get(number) or f"साढ़े {cardinal(number)}"


def _fraction(above: int, below: int) -> str:
    return f"{cardinal(above)} बटा {cardinal(below)}"


def _date(day: int, month: int, year: int | None) -> str:
    said = f"{cardinal(day)} {MONTHS[month - 1]}"
    return f"{said} {_year(year)}" if year else said


def _say_american_date(match: re.Match[str]) -> str | None:
    month, day = int(match["m"]), int(match["d"])
    if not (month <= 12 < day <= 31):
        return None
    return f"{MONTHS[month - 1]} {cardinal(day)} {_year(int(match['y']))}"


def _say_short_date(match: re.Match[str]) -> str | None:
    day, month = int(match["d"]), int(match["m"])
    return _date(day, month, None) if 1 <= day <= 31 and 1 <= month <= 12 else None


def _say_month(match: re.Match[str]) -> str | None:
    month = int(match["m"])
    return f"{MONTHS[month - 1]} {_year(int(match['y']))}" if 1 <= month <= 12 else None


def _say_years(match: re.Match[str]) -> str:
    last = match["b"]
    return f"{_year(int(match['a']))} से {_year(int(last)) if len(last) == 4 else cardinal(int(last))}"


def _say_time(match: re.Match[str]) -> str | None:
    hour, minute, second = int(match["h"]), int(match["m"]), int(match["s"] or 0)
    if hour > 24 or minute > 59 or second > 59:
        return None
    clock = match["clock"] or " बजे"
    if not minute and not second:
        return f"{cardinal(hour)}{clock}"
    if second or minute not in {15, 30, 45} or not 1 <= hour <= 12:
        said = f"{cardinal(hour)} बजकर {cardinal(minute)} मिनट"
        return f"{said} {cardinal(second)} सेकंड" if second else said
    if minute == 30:
        return f"{_with_half(hour)}{clock}"
    return f"सवा {cardinal(hour)}{clock}" if minute == 15 else f"पौने {cardinal(hour % 12 + 1)}{clock}"


def _say_ordinal(match: re.Match[str]) -> str:
    number, suffix = int(match["n"]), match["suffix"]
    stem = ORDINALS.get(number)
    return f"{stem}{suffix[1:]}" if stem and suffix[0] not in "व" else f"{cardinal(number)}{suffix}"


def _say_english_ordinal(match: re.Match[str]) -> str:
    number = int(match["n"])
    return ENGLISH_ORDINALS.get(number) or f"{cardinal(number)}वां"


def _spell(match: re.Match[str]) -> str:
    return spell_digits(match[0], _DIGITS)


def _say_house(match: re.Match[str]) -> str:
    """Reads a house number: digits, a letter, and the sign between two numbers."""
    names = {"-": "हाइफ़न", "/": "बटा"}
    return " ".join(
        _DIGITS[int(character)] if character.isdecimal() else names.get(character) or LETTERS[character.lower()]
        for character in match[0]
    )


def _own_rules() -> list[Rule]:
    months = alternatives(MONTH_NAMES)
    day, month = r"(?P<d>\d{1,2})", r"(?P<m>\d{1,2})"
    start = r"(?<![\w.,/-])"
    after_year = rf"(?= (?:में|का|के|की|तक|से|को|ई|ईस्वी|ईसवी){_END})"
    return [
        build_abbreviation_rule(ABBREVIATIONS),
        Rule(rf"{start}{month}-{day}-(?P<y>\d{{4}})(?![\w-])", _say_american_date),
        Rule(rf"{start}(?=\d\d-[0०]|[0०]\d-){day}-{month}(?![\w/-])", _say_short_date),
        Rule(rf"{start}{month}-(?P<y>[12१२]\d{{3}})(?![\w-])", _say_month),
        Rule(
            rf"(?P<d>(?<!\d)\d{{1,2}}) (?P<m>{months}),? (?P<y>\d{{4}})(?!\d)",
            lambda match: f"{cardinal(int(match['d']))} {match['m']} {_year(int(match['y']))}",
        ),
        Rule(rf"{start}(?P<a>[12१२]\d{{3}})[-–](?P<b>\d{{4}}|\d{{2}})(?![\w-])", _say_years),
        Rule(rf"{start}[1१]\d{{3}}{after_year}", lambda match: _year(int(match[0]))),
        Rule(
            r"(?P<word>सन्?|वर्ष|साल) (?P<y>[1१]\d{3})(?![\d,.])",
            lambda match: f"{match['word']} {_year(int(match['y']))}",
        ),
        Rule(r"(?<![\w.,:])(?P<h>\d{1,2}):(?P<m>\d{2})(?::(?P<s>\d{2}))?(?P<clock>\s?बजे)?(?![\w:])", _say_time),
        Rule(r"(?<![\w.,])(?P<n>\d{1,9})(?P<suffix>ल[ाीे]|र[ाीे]|थ[ाीे]|ठ[ाीे]|व(?:ां|ीं|ें|ाँ|ा|ी|े))" + _END, _say_ordinal),
        Rule(r"(?<![\w.,])(?P<n>\d{1,3})(?:st|nd|rd|th)(?!\w)", _say_english_ordinal, re.IGNORECASE),
        Rule(
            r"(?<![\w.,/])(?P<n>\d{1,4}) [1१]/[2२](?![\w/])",
            lambda match: _with_half(int(match["n"])),
        ),
        Rule(r"(?<![\w.,])(?P<n>\d{1,4})\.[5५] ?yrs?(?!\w)", lambda match: f"{_with_half(int(match['n']))} साल"),
        Rule(r"(?<!\w)[248]K(?!\w)", lambda match: f"{cardinal(int(match[0][0]))} के"),
        Rule(r"\Aले\.(?= )|(?<![\u0900-\u0963])ले\.(?= (?:जनरल|कर्नल|कमांडर))", lambda _match: "लेफ्टिनेंट", of_digits=False),
        Rule(rf"{start}{day}/{month}(?= को{_END})", _say_short_date),
        Rule(r"(?<=पिन कोड )\d{6}|(?<=\bपिन )\d{6}", _spell),
        Rule(rf"(?:(?<={')|(?<='.join(f'{state} ' for state in STATES)}))\d{{6}}(?!\d)", _spell),
        Rule(r"(?<![\w.,+])(?<!\d )[6-9६-९]\d{4}[ -]?\d{5}(?![\d.,]\d|\d)", _spell),
    ]


_HINDI: Final = Language(
    cardinal=cardinal,
    decimals=lambda digits, _gender: spell_digits(digits, _DIGITS),
    digits=_DIGITS,
    words=WORDS,
    scales=("सौ", "हज़ार", "हजार", "लाख", "करोड़", "अरब", "खरब", "मिलियन", "बिलियन"),
    scale_letters={"k": ("हज़ार",), "m": ("मिलियन",), "b": ("बिलियन",), "cr": ("करोड़",)},
    currencies=CURRENCIES,
    units=UNITS,
    fraction=_fraction,
    date=_date,
    and_fraction=" और ",
    decimal_mark=".",
    signs=SIGNS,
    letters=LETTERS,
)
_RULES: Final = build_rules(_HINDI, _own_rules())

_STREET: Final = rf"(?:{'|'.join(STREETS)})(?! (?:पर|में|से|के|की|का|को|ने){_END}){_END}"
_ADDRESS: Final = re.compile(
    rf"^(?:\d{{1,5}}[A-Z]?(?:[-/]\d{{1,5}})?,? |\d{{1,2}}(?:st|nd|rd|th) )(?:\S{{1,30}} ){{0,6}}{_STREET}"
    rf"|(?:{'|'.join(BEFORE_NUMBERS)}) \d"
)
_ADDRESS_RULES: Final = [rule for rule in _RULES if rule.speak in {_say_ordinal, _say_english_ordinal}] + [
    Rule(r"(?<![\w.])\d{1,6}(?:[-/]\d{1,5})?[A-Za-z]?(?!\w)", _say_house),
    Rule(r"(?<=[^\s\d])-(?=[^\s\d])", lambda _match: " हाइफ़न ", of_digits=False),
]


def find_replacements(text: str) -> list[Replacement]:
    is_address = len(text) < 300 and _ADDRESS.search(text)
    return apply_rules(text, [*_ADDRESS_RULES, *_RULES] if is_address else _RULES)

"""Rules for numeric dates, calculations, versions, and the numbers that no other rule matched."""

import re
from collections.abc import Iterable
from functools import partial
from typing import Final

from speech.text.amounts import amount_pattern, say_amount, say_sign
from speech.text.fractions import say_fraction, say_vulgar_fraction
from speech.text.language import Language, dot_word, find_gender, say_number
from speech.text.rules import DASH, MINUS, NUMBER, SPACES, TAKEN, Rule, spell_digits

OPERATORS: Final = {
    "+": "plus",
    "-": "minus",
    "\u2212": "minus",
    "=": "is",
    "×": "times",
    "x": "by",
    "*": "times",
    "÷": "divided",
}
MIN_SPELLED_DIGITS: Final = 16  # a number of this length without groups is that of a card or an account


def build_date_rules(language: Language) -> Iterable[Rule]:
    say = partial(_say_date, language)
    yield Rule(r"(?<![\w.,/-])(?P<d>\d{1,2})([/.-])(?P<m>\d{1,2})\2(?P<y>\d{4}|\d{2})(?![\w/]|[.,-]\d)", say)
    yield Rule(r"(?<![\w.,/-])(?P<y>[12]\d{3})([/.-])(?P<m>\d{1,2})\2(?P<d>\d{1,2})(?![\w/]|[.,-]\d)", say)
    if language.has_short_dates:
        yield Rule(r"(?<![\w.,/-])(?P<d>\d{2})\.(?P<m>0\d|1[0-2])(?![\w/]|[.,-]\d)", say)


def build_short_date_rules(language: Language) -> Iterable[Rule]:
    """Builds the rules for a day and a month, such as 24/12 after an article, or 8/05."""

    def say(match: re.Match[str]) -> str | None:
        day, month = int(match["d"]), int(match["m"])
        return language.date(day, month, None) if 1 <= day <= 31 and 1 <= month <= 12 else None

    end = r"(?![\w/]|[.,-]\d)"
    yield Rule(rf"(?<![\w.,/-])(?P<d>\d{{1,2}})/(?P<m>0[1-9]){end}", say)
    if language.date_words:
        yield Rule(
            rf"(?<!\w)(?P<word>{language.date_words})(?!24/7|16/9|4/3)(?P<d>\d{{1,2}})/(?P<m>\d{{1,2}}){end}(?! d)",
            lambda match: f"{match['word']}{said}" if (said := say(match)) else None,
            re.IGNORECASE,
        )


def build_sign_rules(language: Language) -> Iterable[Rule]:
    """Builds the rules for signs between what other rules took: 9:00-18:00, 2 x 3 m, 5 €/mes."""
    words = language.words
    taken = rf"(?<={TAKEN})"
    yield Rule(rf"{taken}{DASH}(?={TAKEN})", lambda _match: f" {words['to']} ")
    yield Rule(rf"{taken} ?[x×] ?(?={TAKEN})", lambda _match: f" {words.get('by', words['times'])} ")
    if "slash" in words:
        yield Rule(rf"{taken}/(?={TAKEN})", lambda _match: f" {words['slash']} ")
    if language.per:
        word, *units = language.per
        yield Rule(rf"{taken}/(?=(?:{'|'.join(units)})(?!\w))", lambda _match: f" {word}")


def _say_date(language: Language, match: re.Match[str]) -> str | None:
    parts = match.groupdict()
    day, month, year = int(parts["d"]), int(parts["m"]), parts.get("y")
    if day <= 12 < month:
        day, month = month, day
    if not (1 <= day <= 31 and 1 <= month <= 12):
        return None
    return language.date(day, month, full_year(year) if year else None)


def full_year(written: str) -> int:
    year = int(written)
    return year if len(written) > 2 else year + (1900 if year >= 50 else 2000)


def build_number_rules(language: Language) -> Iterable[Rule]:
    yield Rule(r"(?<![\w/])24/7(?![\w/])", lambda _: f"{language.cardinal(24, '')} {language.cardinal(7, '')}")
    signs = "".join(re.escape(sign) for sign in OPERATORS)
    operator = rf"[{SPACES}]?[{signs}][{SPACES}]?"
    yield Rule(rf"(?<![^\W\d]){NUMBER}(?:{operator}{NUMBER}){{1,30}}(?!\w)", partial(_say_calculation, language))
    yield Rule(
        rf"(?P<sign>{MINUS})?(?<![\w/])(?<!\d[.,])(?:(?P<ones>\d{{1,9}})[{SPACES}])?(?P<n>\d{{1,20}})/(?P<d>\d{{1,20}}(?:\.\d{{3}})*)"
        rf"(?![\w/])",
        partial(say_fraction, language),
    )
    yield Rule(r"(?:(?P<ones>\d{1,4}) ?)?(?P<part>[¼-¾⅐-⅞])", partial(say_vulgar_fraction, language))
    yield Rule(r"(?<![\w.,])\d{1,4}(?:\.\d{1,4}){2,9}(?![\d])", partial(_say_version, language))
    yield Rule(r"(?<![\w-])\d{1,6}(?:-\d{1,6}){2,9}(?![\w-])", lambda match: spell_digits(match[0], language.digits))
    yield Rule(r"(?<![\w:.,])(?P<a>\d{1,3}):(?P<b>\d{1,3})(?![\w:]|[.,]\d)", partial(_say_score, language))
    yield Rule(rf"(?<![^\W\d]){amount_pattern(language)}", partial(_say_plain, language), re.IGNORECASE)
    yield Rule(r"(?<!\w)\d+", lambda match: spell_digits(match[0], language.digits))


def _say_calculation(language: Language, match: re.Match[str]) -> str | None:
    if not re.search(r"[+×÷=*x]", match[0]):
        return None
    parts = re.split(rf"[{SPACES}]?([{re.escape(''.join(OPERATORS))}])[{SPACES}]?", match[0])
    return " ".join(
        _operator(language, part) if number % 2 else say_number(language, part) for number, part in enumerate(parts)
    )


def _say_score(language: Language, match: re.Match[str]) -> str:
    between = language.words.get("score", language.words["to"])
    return f"{language.cardinal(int(match['a']), '')} {between} {language.cardinal(int(match['b']), '')}"


def _operator(language: Language, sign: str) -> str:
    words = language.words
    return words.get(OPERATORS[sign]) or words["times"]


def _say_version(language: Language, match: re.Match[str]) -> str | None:
    if re.fullmatch(r"\d{1,3}(?:\.\d{3})+", match[0]):
        return None
    numbers = match[0].split(".")
    is_address = len(numbers) == 4 and all(int(number) < 256 for number in numbers)
    point = f" {dot_word(language)} "
    if is_address:
        return point.join(spell_digits(number, language.digits) for number in numbers)
    return point.join(language.cardinal(int(number), "") for number in numbers)


def _say_plain(language: Language, match: re.Match[str]) -> str:
    parts = match.groupdict()
    number = parts["number"]
    has_zeros = len(number) > 1 and number.isdecimal() and int(number[0]) == 0
    if (has_zeros or re.fullmatch(rf"\d{{{MIN_SPELLED_DIGITS},}}", number)) and not parts["upper"]:
        sign = say_sign(language, parts["sign"])
        return f"{sign} {spell_digits(number, language.digits)}".strip()
    return say_amount(language, match, find_gender(language, match, number))

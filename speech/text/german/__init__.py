"""Normalizes German text."""

import re
from typing import Final

from speech.text.german.endings import date_ending, ending, is_feminine
from speech.text.german.words import (
    ABBREVIATIONS,
    COUNTED,
    CURRENCIES,
    ENDINGS,
    MONTH_NUMBERS,
    MONTHS,
    NAMES,
    SIGNS,
    UNITS,
    WORDS,
    YEAR_VERBS,
    YEAR_WORDS,
)
from speech.text.language import Language
from speech.text.languages import build_rules
from speech.text.rules import (
    DASH,
    ROMAN,
    TAKEN,
    Rule,
    alternatives,
    apply_rules,
    build_abbreviation_rule,
    roman_value,
    spell_digits,
    split_words,
)
from speech.text.spans import Replacement

_SMALL: Final = split_words(
    """
    null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn
    achtzehn neunzehn
    """
)
_DIGITS: Final = tuple(_SMALL[:10])
_TENS: Final = split_words(". . zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig")
_SCALES: Final = (
    ("Million", "Millionen"),
    ("Milliarde", "Milliarden"),
    ("Billion", "Billionen"),
    ("Billiarde", "Billiarden"),
    ("Trillion", "Trillionen"),
    ("Trilliarde", "Trilliarden"),
)
_ORDINALS: Final = {1: "erste", 3: "dritte", 7: "siebte", 8: "achte"}
_HALF: Final = {
    **dict.fromkeys(("Stunde", "Tasse", "Dose", "Packung"), "eine halbe"),
    **dict.fromkeys(("Pfund", "Kilo", "Glas", "Jahr"), "ein halbes"),
}
_I: Final = re.IGNORECASE


def cardinal(number: int, gender: str = "") -> str:
    """Reads a number in words. `gender`: "m", "n" ("ein") and "f" ("eine") before a noun, "" without one ("eins").

    Separate words, because eSpeak then stresses them like its own numbers; it mispronounces "undvierzig" in one word.
    """
    if number >= 10**24:
        return " ".join(_SMALL[int(digit)] for digit in str(number))
    if number == 0:
        return _SMALL[0]
    millions, rest = divmod(number, 1_000_000)
    words = [_thousands(rest, gender)] if rest else []
    for one, many in _SCALES:
        millions, part = divmod(millions, 1000)
        if part:
            words.append(f"eine {one}" if part == 1 else f"{_hundreds(part, 'f')} {many}")
    return " ".join(reversed(words))


def _thousands(number: int, gender: str) -> str:
    thousands, rest = divmod(number, 1000)
    words = [f"{_hundreds(thousands, 'm')} tausend"] if thousands else []
    return " ".join([*words, *([_hundreds(rest, gender)] if rest else [])])


def _hundreds(number: int, gender: str) -> str:
    hundreds, rest = divmod(number, 100)
    words = [f"{_stem(hundreds)} hundert"] if hundreds else []
    if rest == 1:
        words.append({"": "eins", "f": "eine"}.get(gender, "ein"))
    elif rest >= 20:
        ones = f"{_stem(rest % 10)} und " if rest % 10 else ""
        words.append(f"{ones}{_TENS[rest // 10]}")
    elif rest:
        words.append(_SMALL[rest])
    return " ".join(words)


def _stem(digit: int) -> str:
    return "ein" if digit == 1 else _SMALL[digit]


def _year(year: int) -> str:
    if 1100 <= year < 2000:
        return f"{cardinal(year // 100)} hundert {cardinal(year % 100) if year % 100 else ''}".rstrip()
    return cardinal(year)


def ordinal(number: int, ending: str = "r") -> str:
    """Reads an ordinal with an `ending`: "", "r", "n", "s"."""
    last = number % 100
    if last in _ORDINALS:
        before = cardinal(number - last) if number > last else ""
        return f"{before} {_ORDINALS[last]}{ending}".strip()
    return f"{cardinal(number)}{'te' if 0 < last < 20 else 'ste'}{ending}"


def _fraction(above: int, below: int) -> str | None:
    if below == 2:
        return "ein halb" if above == 1 else f"{cardinal(above)} halbe"
    if below == 1:
        return f"{cardinal(above)} eintel"
    name = "nulltel" if below == 0 else f"{ordinal(below, '')}l"
    return f"{cardinal(above, 'n')} {name}"


def _say_date(match: re.Match[str]) -> str | None:
    day, month, year = int(match["d"]), match["m"].lower(), match.groupdict().get("y")
    number = int(month) if month.isdecimal() else MONTH_NUMBERS[month]
    if not (1 <= day <= 31 and 1 <= number <= 12):
        return None
    said = f"{ordinal(day, date_ending(match.string, match.start()))} {MONTHS[number - 1]}"
    if not year:
        return f"{said}." if match[0].endswith(".") and match.end() == len(match.string) else said
    return f"{said} {_year(int(year) if len(year) == 4 else int(year) + (1900 if int(year) >= 50 else 2000))}"


def _date(day: int, month: int, year: int | None) -> str:
    said = f"{ordinal(day)} {MONTHS[month - 1]}"
    return f"{said} {_year(year)}" if year else said


def _say_time(match: re.Match[str]) -> str | None:
    hour, minute, second = int(match["h"]), int(match["m"]), match.groupdict().get("s")
    if hour > 24 or minute > 59 or int(second or 0) > 59:
        return None
    said = f"{cardinal(hour, 'm')} Uhr"
    if second:
        minutes = f"{cardinal(minute, 'f')} Minute{'n' if minute != 1 else ''}"
        return f"{said} {minutes} {cardinal(int(second), 'f')} Sekunde{'n' if int(second) != 1 else ''}"
    return f"{said} {cardinal(minute)}" if minute else said


def _say_ordinal(match: re.Match[str]) -> str | None:
    number = int(match["n"])
    return ordinal(number, ending(match.string, match.start())) if number else None


def _say_first_day(match: re.Match[str]) -> str:
    return f"{ordinal(int(match['n']), date_ending(match.string, match.start()))} bis"


def _say_roman_ordinal(match: re.Match[str]) -> str | None:
    value = roman_value(match["roman"])
    before = match.string[: match.start()].rsplit(" ", 2)
    if not value or (len(before) > 1 and before[-2][:1].isupper() and before[-2].lower() not in ENDINGS):
        return None
    return ordinal(value, ending(match.string, match.start()))


def _say_king(match: re.Match[str]) -> str | None:
    value = roman_value(match["roman"])
    end = "." if match[0].endswith(".") and not match.string[match.end() :].strip() else ""
    return f"{match['word']} der {ordinal(value, '').capitalize()}{end}" if value else None


def _say_counted(match: re.Match[str]) -> str | None:
    value = roman_value(match["roman"])
    return f"{match['word']} {cardinal(value)}" if value else None


def _say_years(match: re.Match[str]) -> str | None:
    first, last = int(match["a"]), int(match["b"])
    return f"{_year(first)} bis {_year(last)}" if 1100 <= first < last < 2100 else None


def _gender(word: str, *, is_one: bool) -> str:
    if not is_one or not word[0].isupper():
        return ""
    return "f" if is_feminine(word) else "m"


def _own_rules() -> list[Rule]:
    month = alternatives(MONTH_NUMBERS)
    clock = r"(?<![\w.,:])(?P<h>\d{1,2})"
    articles = "|".join(word for article in ENDINGS for word in (article, article.title()))
    roman = rf"(?P<roman>(?=[IVX]){ROMAN})"
    return [
        build_abbreviation_rule(ABBREVIATIONS, ignores_case=False),
        Rule(rf"(?<![\w.])(?P<n>\d{{1,2}})\. ?{DASH} ?(?=\d{{1,2}}\. ?(?:{month}))", _say_first_day, _I),
        Rule(rf"(?<![\w.,/])(?P<d>\d{{1,2}})\. ?(?P<m>{month})(?!\w)(?: (?P<y>\d{{4}})(?!\d))?", _say_date, _I),
        Rule(r"(?<![\w.,/])(?P<d>\d{1,2})\. ?(?P<m>\d{1,2})\. ?(?P<y>\d{4}|\d{2})(?![\w/]|[.,-]\d)", _say_date),
        Rule(r"(?<![\w.,/-])(?P<y>[12]\d{3})-(?P<m>\d{1,2})-(?P<d>\d{1,2})(?![\w/]|[.,-]\d)", _say_date),
        Rule(rf"{clock}[:.](?P<m>\d{{2}})(?::(?P<s>\d{{2}}))? Uhr(?!\w)", _say_time, _I),
        Rule(r"(?<=\b[Uu]m )(?P<h>\d{1,2})\.(?P<m>[0-5]\d)(?!\w|[.,]\d|\.\w| ?[€%]| (?:Euro|Prozent))", _say_time),
        # At the end of a sentence, only after a word that says so: "Version 3.12." is no date.
        Rule(r"(?<![\w.,/])(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?= [a-zäöü(]|[,;:)-])", _say_date),
        Rule(
            r"(?:(?<=\b[Dd]e[rmn] )|(?<=\b[Aa]m )|(?<=\b[Vv]om )|(?<=\b[Zz]um )|(?<=\b[Bb]is )|(?<=\b[Aa]b )|(?<=g, ))"
            r"(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?!\d)",
            _say_date,
        ),
        Rule(
            r"(?<![\w.,/])(?P<d>\d{2})\.(?P<m>0\d|1[0-2])(?![\w/%€]|[.,-]\d| ?[€%°$£]| (?:Euro|Prozent|Uhr|Mio|Mrd))",
            _say_date,
        ),
        Rule(
            r"(?<!\w)(?P<n>\d{1,4})er(?P<end>n|s)?(?!\w)",
            lambda match: f"{(_year if len(match['n']) == 4 else cardinal)(int(match['n']))}er{match['end'] or ''}",
        ),
        Rule(r"(?<!\w)(?P<n>\d{1,2})x(?= [a-zäöü])", lambda match: f"{cardinal(int(match['n']), 'm')} mal"),
        Rule(rf"(?:\A|(?<=[.!?] ))1[1-9]\d{{2}}(?= (?:{YEAR_VERBS})(?!\w))", lambda match: _year(int(match[0]))),
        Rule(r"(?:(?<=, )|(?<=PLZ ))\d{5}(?= [A-ZÄÖÜ])", lambda match: spell_digits(match[0], _DIGITS)),
        Rule(
            r"(?<!\w)(?P<name>[A-ZÄÖÜ][a-zäöüß]{1,30})str\.(?= \d|,)",
            lambda match: f"{match['name']}straße",
            of_digits=False,
        ),
        Rule(
            r"(?<![\w/])(?<!\d )1/2 "
            r"(?P<noun>Liter|Becher|Teelöffel|Esslöffel|Stunde|Tasse|Dose|Packung|Pfund|Kilo|Glas|Jahr)",
            lambda match: f"{_HALF.get(match['noun'], 'ein halber')} {match['noun']}",
        ),
        Rule(r"(?<=\b[Uu]m )(?P<h>\d{1,2}) h(?!\w)", lambda match: f"{cardinal(int(match['h']), 'm')} Uhr"),
        Rule(r"(?<![\w.-])Fr\.(?= [A-ZÄÖÜ][a-zäöü])", lambda _match: "Frau", of_digits=False),
        Rule(r"(?<=[^\W\d_] )1[1-9]\d\d(?=[.,;:!?)](?:\s|\Z)| [a-zäöü]|\s*\Z)", lambda match: _year(int(match[0]))),
        Rule(
            rf"(?<![\w.])(?P<roman>(?=[IVX]{{2}}){ROMAN})\.(?= [A-ZÄÖÜ][a-zäöü])", _say_roman_ordinal, of_digits=False
        ),
        Rule(r"(?<!\w)S\. ?(?=\d)", lambda _match: "Seite"),
        Rule(rf"{clock}[:.](?P<m>\d{{2}})(?::(?P<s>\d{{2}}))? Uhr(?!\w)", _say_time, _I),
        Rule(rf"{clock}:(?P<m>\d{{2}})(?::(?P<s>\d{{2}}))?(?![\w:])", _say_time),
        Rule(r"(?<![\w.,:])1 Uhr(?!\w)", lambda _match: "ein Uhr"),
        Rule(rf"(?<![\w.,])(?P<a>\d{{4}})\s?{DASH}\s?(?P<b>\d{{4}})(?![\w]|[.,]\d)", _say_years),
        Rule(
            rf"(?P<word>(?<!\w)(?:{'|'.join(YEAR_WORDS)})) (?P<y>1[1-9]\d{{2}})(?![\w]|[.,]\d|{DASH})",
            lambda match: f"{match['word']} {_year(int(match['y']))}",
        ),
        Rule(rf"(?<=[^\W\d] )(?<![.!?] )(?P<n>\d{{1,4}})\.(?= [a-zäöüß{TAKEN}])", _say_ordinal),
        Rule(rf"(?P<word>(?<!\w)(?:{articles})) (?P<n>\d{{1,4}})\.(?= (?:[^\W\d_]|{TAKEN}))", _say_after_article),
        Rule(r"(?<=[,;(] )(?P<n>\d{1,3})\.(?= [A-ZÄÖÜ][a-zäöüß])", _say_ordinal),
        Rule(r"\A(?P<n>\d{1,4})\.(?=\Z| [A-ZÄÖÜ][a-zäöüß]+\Z)", _say_ordinal),
        Rule(rf"(?<!\w)(?P<word>{'|'.join(NAMES)}) {roman}\.?(?!\w)", _say_king, of_digits=False),
        Rule(rf"(?<!\w)(?P<word>{'|'.join(COUNTED)}) {roman}(?!\w)", _say_counted, of_digits=False),
    ]


def _say_after_article(match: re.Match[str]) -> str | None:
    said = ordinal(int(match["n"]), ending(match.string, match.start("n")))
    return f"{match['word']} {said}" if int(match["n"]) else None


_GERMAN: Final = Language(
    cardinal=cardinal,
    decimals=lambda digits, _gender: spell_digits(digits, _DIGITS),
    digits=_DIGITS,
    words=WORDS,
    scales=("millionen", "million", "milliarden?", "billionen", "billion", r"mio\.?", r"mrd\.?", r"tsd\.?", "tausend"),
    scale_letters={
        **dict.fromkeys(("mio", "mio."), ("Million", "Millionen")),
        **dict.fromkeys(("mrd", "mrd."), ("Milliarde", "Milliarden")),
        **dict.fromkeys(("tsd", "tsd."), ("Tausend",)),
    },
    currencies=CURRENCIES,
    units=UNITS,
    fraction=_fraction,
    date=_date,
    gender=_gender,
    signs=SIGNS,
    per=("pro", "Monat", "Jahr", "Tag", "Stunde", "Woche", "Nacht", "Person", "Stück", "kg", "Liter"),
    scale_gender="f",
    ones_gender="n",
    has_short_dates=True,
    say_country=lambda code: cardinal(int(code)),
)
_RULES: Final = build_rules(_GERMAN, _own_rules())


def find_replacements(text: str) -> list[Replacement]:
    return apply_rules(text, _RULES)

"""Normalizes Italian text."""

import re
from typing import Final

from speech.text.italian.words import (
    ABBREVIATIONS,
    COUNTED,
    CURRENCIES,
    FEMININE,
    FEMININE_NOUN,
    FUNCTION_WORDS,
    MASCULINE_IN_A,
    MONTH_NUMBERS,
    MONTHS,
    NAMES,
    SIGNS,
    UNITS,
    WORDS,
)
from speech.text.language import Language
from speech.text.languages import build_rules
from speech.text.rules import (
    ROMAN,
    Rule,
    alternatives,
    apply_rules,
    build_abbreviation_rule,
    build_roman_rules,
    roman_value,
    spell_digits,
    split_words,
)
from speech.text.spans import Replacement

_SMALL: Final = split_words(
    """
    zero uno due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici
    diciassette diciotto diciannove
    """
)
_DIGITS: Final = tuple(_SMALL[:10])
_TENS: Final = split_words(". . venti trenta quaranta cinquanta sessanta settanta ottanta novanta")
_SCALES: Final = (
    ("milione", "milioni"),
    ("miliardo", "miliardi"),
    ("bilione", "bilioni"),
    ("biliardo", "biliardi"),
    ("trilione", "trilioni"),
    ("triliardo", "triliardi"),
)
_ORDINALS: Final = split_words(". primo secondo terzo quarto quinto sesto settimo ottavo nono decimo")
_CLOCK: Final = r"(?<![\w.,:])(?P<h>\d{1,2})"
_I: Final = re.IGNORECASE


def cardinal(number: int, gender: str = "") -> str:
    """Reads a number in words.

    `gender`: "m" and "f" before a noun ("un", "una"), "z" before one such as "studente" ("uno"), "e" before a feminine
    one with a vowel ("un'"), "" without one ("uno").
    """
    if number >= 10**24:
        return " ".join(_SMALL[int(digit)] for digit in str(number))
    if number == 0:
        return _SMALL[0]
    if number == 1 and gender:
        return {"f": "una", "z": "uno", "e": "un'"}.get(gender, "un")
    millions, rest = divmod(number, 1_000_000)
    words = [_thousands(rest)] if rest else []
    for one, many in _SCALES:
        millions, part = divmod(millions, 1000)
        if part:
            words.append(f"un {one}" if part == 1 else f"{_hundreds(part)} {many}")
    return " ".join(reversed(words))


def _thousands(number: int) -> str:
    thousands, rest = divmod(number, 1000)
    words = ["mille" if thousands == 1 else f"{_hundreds(thousands)}mila"] if thousands else []
    return " ".join([*words, *([_hundreds(rest)] if rest else [])])


def _hundreds(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    words = ["cento" if hundreds == 1 else f"{_SMALL[hundreds]}cento"] if hundreds else []
    if rest >= 20:
        tens, ones = divmod(rest, 10)
        stem = _TENS[tens][:-1] if ones in {1, 8} else _TENS[tens]
        words.append(f"{stem}{'tré' if ones == 3 else _SMALL[ones] if ones else ''}")
    elif rest:
        words.append(_SMALL[rest])
    return " ".join(words)


def ordinal(number: int, gender: str = "m") -> str:
    if 0 < number <= 10:
        said = _ORDINALS[number]
    else:
        said = cardinal(number).replace(" ", "").replace("é", "e")
        said = f"{said}esimo" if number % 10 in {3, 6} and number % 100 not in {13, 16} else f"{said[:-1]}esimo"
    return f"{said[:-1]}a" if gender == "f" else said


def _decimals(digits: str, _gender: str = "") -> str:
    """Reads leading zeros one by one, then up to three digits as a number; more digits one by one."""
    plain = digits.lstrip("0")
    said = [_SMALL[0]] * (len(digits) - len(plain))
    if len(plain) <= 3:
        return " ".join([*said, *([cardinal(int(plain))] if plain else [])])
    return " ".join([*said, *(_SMALL[int(digit)] for digit in plain)])


def _fraction(above: int, below: int) -> str | None:
    if below < 2:
        return f"{cardinal(above)} su {cardinal(below)}"
    if below == 2:
        return "mezzo" if above == 1 else f"{cardinal(above)} mezzi"
    name = ordinal(below)
    return f"un {name}" if above == 1 else f"{cardinal(above)} {name[:-1]}i"


def _date(day: int, month: int, year: int | None) -> str:
    said = f"{'primo' if day == 1 else cardinal(day)} {MONTHS[month - 1]}"
    return f"{said} {cardinal(year)}" if year else said


def _say_written_date(match: re.Match[str]) -> str | None:
    day, year = int(match["d"]), match["y"]
    month = MONTH_NUMBERS[match["m"].lower()]
    if not 1 <= day <= 31:
        return None
    said = _date(day, month, int(year) if year else None)
    return said.replace("primo", "uno", 1) if match.string[: match.start()].endswith(("'", "’")) else said


def _gender(word: str, *, is_one: bool) -> str:
    word = word.lower()
    if not is_one or word in FUNCTION_WORDS or word in MONTH_NUMBERS:
        return ""
    if FEMININE_NOUN.search(word) and not MASCULINE_IN_A.search(word):
        return "e" if word[0] in "aeiouàèéìòù" else "f"
    return "z" if re.match(r"s[^aeiou]|z|gn|ps|pn|x|y", word) else "m"


def _say_time(match: re.Match[str]) -> str | None:
    hour, minute, second = int(match["h"]), int(match["m"]), int(match["s"] or 0)
    if hour > 24 or minute > 59 or second > 59:
        return None
    said = [cardinal(hour, "f" if hour == 1 else "")]
    if minute:
        said.append(f"{cardinal(minute, 'm')} minut{'o' if minute == 1 else 'i'}")
    if second:
        said.append(f"{cardinal(second, 'm')} second{'o' if second == 1 else 'i'}")
    return " e ".join(said)


def _say_ordinal(match: re.Match[str]) -> str:
    suffix = match["suffix"]
    said = ordinal(int(match["n"]), "f" if suffix in "ªae" or suffix == "ᵃ" else "m")
    return f"{said[:-1]}{suffix}" if suffix in {"i", "e"} else said


def _say_roman(match: re.Match[str]) -> str | None:
    word, value = match["word"], roman_value(match["roman"])
    if not value:
        return None
    return f"{word} {ordinal(value, 'f' if word.lower() in FEMININE or word[-1] == 'a' else 'm')}"


def _say_roman_before(match: re.Match[str]) -> str | None:
    value = roman_value(match["roman"])
    is_feminine = match["word"].lower() in FEMININE or match["word"][-1] == "a"
    return ordinal(value, "f" if is_feminine else "m") if value else None


def _own_rules() -> list[Rule]:
    month = alternatives(MONTH_NUMBERS)
    nouns = [word for noun in [*COUNTED, *FEMININE] for word in (noun, noun.title())]
    after = rf"(?= (?P<word>{'|'.join(nouns)}|[Ee]dizione|[Mm]illennio)(?!\w))"
    return [
        Rule(r"(?<=ll['’])1(?![\w:/]|[.,]\d)", lambda _match: "una"),
        Rule(r"(?<!\w)[Oo]n\.(?= [A-ZÀ-Ö])", lambda _match: "onorevole", of_digits=False),
        Rule(r"(?<![\w.,+])3\d\d[ .-]?\d{6,7}(?!\w|[.,]\d)", lambda match: spell_digits(match[0], _DIGITS)),
        Rule(r"(?<!\w)[248]K(?!\w)", lambda match: f"{cardinal(int(match[0][0]))} kappa"),
        Rule(
            r"(?<![\w,.])(?P<n>\d{1,2})(?P<suffix>[oa])(?= (?:[a-zà-ù]{3}|[A-E](?!\w)))",
            lambda match: ordinal(int(match["n"]), "f" if match["suffix"] == "a" else "m") if int(match["n"]) else None,
        ),
        Rule(
            rf"(?<!\w)(?P<roman>(?=[IVX]){ROMAN}) sec\.",
            lambda match: f"{ordinal(roman_value(match['roman']))} secolo{'.' * (match.end() == len(match.string))}",
            of_digits=False,
        ),
        build_abbreviation_rule(ABBREVIATIONS.replace("    n.|numero\n", "")),
        Rule(r"(?<![\w.])n\. ?(?=\d)", lambda _match: "numero", _I),
        Rule(
            rf"(?<![\w.,/])(?P<d>\d{{1,2}})[º°]? (?P<m>{month})(?!\w)(?: (?P<y>\d{{4}})(?!\d))?", _say_written_date, _I
        ),
        Rule(rf"{_CLOCK}:(?P<m>\d{{2}})(?::(?P<s>\d{{2}}))?(?![\w:])", _say_time),
        Rule(rf"(?:(?<=\bore )|(?<=lle )){_CLOCK}[.,](?P<m>[0-5]\d)(?P<s>)(?![\w%€$]|[.,]\d)", _say_time),
        Rule(r"(?<![\w,.])(?P<n>\d{1,4})(?P<suffix>[ºªᵒᵃ°](?! ?[CFcf](?!\w)))(?!\w)", _say_ordinal),
        *build_roman_rules([*NAMES, *nouns], _say_roman),
        Rule(rf"(?<!\w)(?P<roman>(?=[IVX]){ROMAN}){after}", _say_roman_before, of_digits=False),
    ]


_ITALIAN: Final = Language(
    cardinal=cardinal,
    decimals=_decimals,
    digits=_DIGITS,
    words=WORDS,
    scales=("mila", "mln", "mld", "milion[ei]", "miliard[oi]", "bilion[ei]"),
    scale_letters={
        "k": ("mila",),
        "mln": ("milione", "milioni"),
        "mld": ("miliardo", "miliardi"),
        "m": ("milione", "milioni"),
    },
    currencies=CURRENCIES,
    units=UNITS,
    fraction=_fraction,
    date=_date,
    gender=_gender,
    of_scale=lambda scale, many: many if scale == "mila" else f"di {many}",
    cents=" ",
    halves={"m": "mezzo", "f": "mezza"},
    of_unit=" ",
    and_fraction=" e ",
    signs=SIGNS,
    date_words=r"(?:il |al |del |dal |l['’]|lunedì |martedì |mercoledì |giovedì |venerdì |sabato |domenica )",
    has_english_money=True,
    per=("al", "mese", "giorno", "kg", "litro", "metro", "minuto"),
    say_country=lambda code: cardinal(int(code)),
)
_RULES: Final = build_rules(_ITALIAN, _own_rules())


def find_replacements(text: str) -> list[Replacement]:
    return apply_rules(text, _RULES)

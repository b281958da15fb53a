"""Normalizes French text."""

import re
from typing import Final

from speech.text.french.words import (
    ABBREVIATIONS,
    COUNTED,
    CURRENCIES,
    FEMININE,
    MASCULINE,
    MONTH_NUMBERS,
    MONTHS,
    NAMES,
    SHORT_BEFORE_NUMBERS,
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
    split_words,
)
from speech.text.spans import Replacement

_SMALL: Final = split_words(
    """
    zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept dix-huit
    dix-neuf
    """
)
_DIGITS: Final = tuple(_SMALL[:10])
_TENS: Final = split_words(". . vingt trente quarante cinquante soixante soixante quatre-vingt quatre-vingt")
_SCALES: Final = ("", "", "million", "milliard", "billion", "billiard", "trillion", "trilliard")
_FRACTIONS: Final = {2: "demi", 3: "tiers", 4: "quart"}
_I: Final = re.IGNORECASE


def cardinal(number: int, gender: str = "") -> str:
    """Reads a number in words. `gender` "f": "une", "vingt et une"."""
    if number >= 10**24:
        return " ".join(_SMALL[int(digit)] for digit in str(number))
    if number == 0:
        return _SMALL[0]
    words: list[str] = []
    for power, scale in enumerate(_SCALES):
        number, part = divmod(number, 1000)
        if not part:
            continue
        if power == 1:
            words.append("mille" if part == 1 else f"{_hundreds(part, is_last=False)} mille")
        elif power:
            words.append(f"{_hundreds(part)} {scale}{'s' if part > 1 else ''}")
        else:
            words.append(_hundreds(part, gender))
    return " ".join(reversed(words))


def _hundreds(number: int, gender: str = "", *, is_last: bool = True) -> str:
    hundreds, rest = divmod(number, 100)
    words = []
    if hundreds:
        plural = "s" if hundreds > 1 and not rest and is_last else ""
        words.append("cent" if hundreds == 1 else f"{_SMALL[hundreds]} cent{plural}")
    if rest:
        words.append(_tens(rest, is_last=is_last))
    said = " ".join(words)
    return f"{said}e" if gender == "f" and rest % 10 == 1 and rest not in {11, 71, 91} else said


def _tens(number: int, *, is_last: bool) -> str:
    if number < 20:
        return _SMALL[number]
    tens, ones = divmod(number, 10)
    if tens in {7, 9}:
        ones += 10
    if tens >= 8:
        return f"{_TENS[tens]}-{_SMALL[ones]}" if ones else "quatre-vingts" if is_last else "quatre-vingt"
    if ones in {1, 11}:
        return f"{_TENS[tens]} et {_SMALL[ones]}"
    return f"{_TENS[tens]}-{_SMALL[ones]}" if ones else _TENS[tens]


def ordinal(number: int, gender: str = "m") -> str:
    if number == 1:
        return "première" if gender == "f" else "premier"
    said = cardinal(number)
    if said.endswith(("cents", "vingts", "millions", "milliards")):
        said = said[:-1]
    if said.endswith("neuf"):
        said = f"{said[:-1]}v"
    elif said.endswith("cinq"):
        said += "u"
    return f"{said.removesuffix('e')}ième"


def _decimals(digits: str, _gender: str = "") -> str:
    """Reads leading zeros one by one, then up to three digits as a number; more digits in pairs."""
    plain = digits.lstrip("0")
    noughts = [_SMALL[0]] * (len(digits) - len(plain))
    size = len(plain) if len(plain) <= 3 else 2
    groups = [plain[start : start + size] for start in range(0, len(plain), size or 1)]
    return " ".join([*noughts, *(_group(group) for group in groups)])


def _group(digits: str) -> str:
    """Reads the digits of a phone number or of a decimal as one number: 06 is "zéro six"."""
    plain = digits.lstrip("0")
    return " ".join([*[_SMALL[0]] * (len(digits) - len(plain)), *([cardinal(int(plain))] if plain else [])])


def _say_phone(written: str) -> str:
    """Reads in pairs, as in France; digits that are grouped differently keep their groups."""
    digits = "".join(character for character in written if character.isdecimal())
    if len(digits) % 2 == 0:
        return " ".join(_group(digits[start : start + 2]) for start in range(0, len(digits), 2))
    groups = re.findall(r"\d+", written)
    if any(len(group) > 3 for group in groups):
        groups = [digits[0], *(digits[start : start + 2] for start in range(1, len(digits), 2))]
    return " ".join(_group(group) for group in groups)


def _fraction(above: int, below: int) -> str | None:
    if below == 0:
        return None
    name = _FRACTIONS.get(below) or ordinal(below)
    if below == 1:
        return f"{cardinal(above)} sur un"
    return f"{cardinal(above)} {name}{'s' if above > 1 and not name.endswith('s') else ''}"


def _say_mixed_half(match: re.Match[str]) -> str:
    return f"{cardinal(int(match['ones']))} et demi"


def _date(day: int, month: int, year: int | None) -> str:
    said = f"{_day(day)} {MONTHS[month - 1]}"
    return f"{said} {cardinal(year)}" if year else said


def _day(day: int) -> str:
    return "premier" if day == 1 else cardinal(day)


def _say_written_date(match: re.Match[str]) -> str | None:
    days = [int(day) for day in re.findall(r"\d+", match["days"])]
    if not all(1 <= day <= 31 for day in days):
        return None
    said = f"{' '.join(_day(day) for day in days)} {MONTHS[MONTH_NUMBERS[match['m'].lower()] - 1]}"
    return f"{said} {cardinal(int(match['y']))}" if match["y"] else said


def _say_time(match: re.Match[str]) -> str | None:
    hour, minute, second = int(match["h"]), int(match["m"] or 0), int(match.groupdict().get("s") or 0)
    if hour > 24 or minute > 59 or second > 59:
        return None
    said = f"{cardinal(hour, 'f')} heure{'s' if hour > 1 else ''}"
    if minute or second:
        said += f" {cardinal(minute, 'f')}"
    if second:
        said += f" minute{'s' if minute > 1 else ''} et {cardinal(second, 'f')} seconde{'s' if second > 1 else ''}"
    return said


def _say_ordinal(match: re.Match[str]) -> str:
    number = int(re.sub(r"\D", "", match["n"]))
    suffix = match["suffix"].lower()
    said = ordinal(number, "f" if suffix.startswith(("re", "ère", "ʳᵉ", "nde")) else "m")
    if suffix.startswith(("nd", "ⁿᵈ")) and number == 2:
        said = "seconde" if suffix.startswith("nde") else "second"
    return f"{said}s" if suffix.endswith(("s", "ˢ")) else said


def _say_roman_ordinal(match: re.Match[str]) -> str | None:
    value = roman_value(match["roman"])
    return ordinal(value, "f" if match["suffix"] in {"re", "ère"} else "m") if value else None


def _say_roman(match: re.Match[str]) -> str | None:
    word, value = match["word"], roman_value(match["roman"])
    if not value:
        return None
    is_first_name = value == 1 and word.lower() not in COUNTED
    return f"{word} {'premier' if is_first_name else cardinal(value)}"


def _gender(word: str, *, is_one: bool) -> str:
    word = word.lower()
    is_feminine = FEMININE.search(word) and not MASCULINE.search(word)
    return "f" if word == "fois" or (is_feminine and is_one != word.endswith(("s", "x"))) else ""


def _own_rules() -> list[Rule]:
    month = alternatives(MONTH_NUMBERS)
    clock = r"(?<![\w.,:])(?P<h>\d{1,2})"
    return [
        Rule(
            rf"(?<![\w.,/-])(?P<days>\d{{1,2}}(?:er)?(?:[/-]\d{{1,2}}){{0,4}}) (?P<m>{month})(?!\w)"
            r"(?: (?P<y>\d{4})(?!\d))?",
            _say_written_date,
            _I,
        ),
        Rule(r"(?<!\w)24 ?h/24(?!\w)", lambda _match: "vingt-quatre heures sur vingt-quatre", _I),
        Rule(r"(?<!\w)7 ?j/7(?!\w)", lambda _match: "sept jours sur sept", _I),
        Rule(
            r"(?<!\w)(?P<word>art|chap|env)\.(?= ?(?:\d|[LRD]\.))",
            lambda match: SHORT_BEFORE_NUMBERS[match["word"].lower()],
            _I,
        ),
        Rule(rf"{clock}\s?h(?:\s?(?P<m>\d{{2}}))?(?:\s?min)?(?!\w)", _say_time, _I),
        Rule(rf"{clock}:(?P<m>\d{{2}})(?::(?P<s>\d{{2}}))?(?:\s?h)?(?![\w:])", _say_time, _I),
        Rule(
            r"(?<![\w,.])(?<!\d )(?P<n>\d{1,3}(?:[ \u00a0\u202f.]\d{3}){0,3}|\d{4,9})"
            r"(?P<suffix>ers?|[eè]re?s?|res?|i?[eè]mes?|e[sˢ]?|nde?s?|ᵉʳˢ?|ʳᵉˢ?|ᵉˢ?|ⁿᵈᵉ?"
            r"|°(?! ?(?:[CFcf](?!\w)|\d)))(?!\w)",
            _say_ordinal,
        ),
        Rule(
            rf"(?<!\w)(?P<roman>(?=[IVX]){ROMAN})(?P<suffix>er|re|ère|e|ème|ᵉ|ᵉʳ)(?!\w)",
            _say_roman_ordinal,
            of_digits=False,
        ),
        *build_roman_rules([*NAMES, *COUNTED, *(word.title() for word in COUNTED)], _say_roman),
        Rule(r"(?<![\w.])M\.(?= ?[A-ZÀ-Ö][\w.-]| l(?:e |a |'))", lambda _match: "monsieur", of_digits=False),
        Rule(r"(?<![\w/])(?P<ones>\d{1,4}) 1/2(?![\w/])", _say_mixed_half),
        Rule(r"(?<!\w)Me(?= [A-ZÀ-Ö][a-zà-ÿ])", lambda _match: "maître", of_digits=False),
        build_abbreviation_rule(ABBREVIATIONS, ignores_case=False),
    ]


_FRENCH: Final = Language(
    cardinal=cardinal,
    decimals=_decimals,
    digits=_DIGITS,
    words=WORDS,
    scales=("mille", "millions?", "milliards?", "billions?", "trillions?"),
    scale_letters={
        "k": ("mille",),
        "m": ("million", "millions"),
        "md": ("milliard", "milliards"),
        "mds": ("milliards",),
    },
    currencies=CURRENCIES,
    units=UNITS,
    fraction=_fraction,
    date=_date,
    of_scale=lambda scale, many: many if scale == "mille" else f"d'{many}" if many[0] in "aeiou" else f"de {many}",
    halves={"m": "demi", "f": "demi"},
    of_unit=" de ",
    and_fraction=" et ",
    has_short_dates=True,
    signs=SIGNS,
    gender=_gender,
    date_words=r"(?:le|du|au|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche) ",
    has_english_money=True,
    per=("par", "mois", "an", "jour", "heure", "semaine", "nuit", "personne", "kg", "litre"),
    say_country=lambda code: cardinal(int(code)),
    say_phone=_say_phone,
)
_RULES: Final = build_rules(_FRENCH, _own_rules())


def find_replacements(text: str) -> list[Replacement]:
    return apply_rules(text, _RULES)

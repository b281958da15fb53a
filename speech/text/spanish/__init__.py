"""Normalizes Spanish text."""

import re
from typing import Final

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
)
from speech.text.spanish.numbers import DIGITS, cardinal, decimals, fraction, ordinal
from speech.text.spanish.words import (
    ABBREVIATIONS,
    COUNTED,
    CURRENCIES,
    EVENTS,
    FEMININE,
    FUNCTION_WORDS,
    MASCULINE_IN_A,
    MONTH_NUMBERS,
    MONTHS,
    NAMES,
    QUEENS,
    SIGNS,
    STRESSED_A,
    UNITS,
    WORDS,
)
from speech.text.spans import Replacement

_CLOCK: Final = r"(?<![\w.,:])(?P<h>\d{1,2})"
_HALF: Final = r"(?:\s?(?P<half>[ap])\.?\s?m(?:\.|(?!\w)))"
_ZONE: Final = r"(?:\s?(?P<zone>gmt|utc|est|cst|pst|cet|edt|pdt)(?P<offset>[-+]\d{1,2}(?::\d{2})?)?(?!\w))"
_MONTH: Final = alternatives(MONTH_NUMBERS)
_I: Final = re.IGNORECASE


def _date(day: int, month: int, year: int | None) -> str:
    said = f"{'primero' if day == 1 else cardinal(day)} de {MONTHS[month - 1]}"
    return f"{said} de {cardinal(year)}" if year else said


def _say_written_date(match: re.Match[str]) -> str | None:
    day, month = int(match["d"]), MONTH_NUMBERS[match["m"].lower()]
    if not 1 <= day <= 31 or (len(match["m"]) == 3 and match["m"].lower() == "mar" and not match["dot"]):
        return None
    said = _date(day, month, None)
    if match["y"]:
        return f"{said} {(match['of'] or 'de').strip()} {cardinal(int(match['y']))}"
    # The full stop after the whole name of a month ends the sentence.
    return f"{said}{match['dot']}" if match["m"].lower() in MONTHS or match.end() == len(match.string) else said


def _gender(word: str, *, is_one: bool) -> str:
    word = word.lower()
    if word in FUNCTION_WORDS or word in MONTH_NUMBERS or (is_one == word.endswith("s") and not word.endswith("sis")):
        return ""
    if is_one and word in STRESSED_A:
        return "m"
    return "f" if FEMININE.search(word) and not MASCULINE_IN_A.search(word) else "m"


def _clock(hour: int, minute: int, second: int = 0) -> str:
    said = cardinal(hour, "f")
    if minute:
        said += f" y {({15: 'cuarto', 30: 'media'}).get(minute) or cardinal(minute)}"
    return f"{said} y {cardinal(second)} segundos" if second else said


def _say_time(match: re.Match[str]) -> str | None:
    parts = match.groupdict()
    hour, minute, second = (int(parts.get(name) or 0) for name in ("h", "m", "s"))
    if hour > 24 or minute > 59 or second > 59:
        return None
    said = _clock(hour, minute, second)
    if half := parts.get("half"):
        if half.lower() == "a":
            said += " de la noche" if hour == 12 else " de la mañana"
        elif hour == 12 and not minute:
            said += " del mediodía"
        else:
            said += " de la noche" if 8 <= hour < 12 else " de la tarde"
    if zone := parts.get("zone"):
        said += " " + " ".join(zone.lower())
    if offset := parts.get("offset"):
        numbers = re.findall(r"\d+", offset)
        said += f" {'menos' if offset[0] != '+' else 'más'} {' '.join(cardinal(int(number)) for number in numbers)}"
    return said


def _say_duration(match: re.Match[str]) -> str:
    hours, minutes, seconds = match["h"], match["m"], match["s"]
    if not seconds:
        return _clock(int(hours), int(minutes))
    return (
        f"{cardinal(int(hours), 'f')} hora{'s' if int(hours) != 1 else ''} {cardinal(int(minutes), 'm')} minutos y "
        f"{cardinal(int(seconds), 'm')} segundos"
    )


def _say_ordinal(match: re.Match[str]) -> str:
    number = int(re.sub(r"\D", "", match["n"]))
    suffix = match["suffix"].lower()
    said = ordinal(number, "f" if suffix[-1] in "aªᵃs" and "a" in suffix.replace("ª", "a").replace("ᵃ", "a") else "m")
    if suffix in {"er", "ᵉʳ"}:
        said = ordinal(number, is_short=True)
    return f"{said}s" if suffix in {"os", "as"} else said


def _say_roman(match: re.Match[str]) -> str | None:
    word, numeral = match["word"], match["roman"]
    value = roman_value(numeral)
    if not value:
        return None
    if word.lower() == "s.":
        word = "siglo"
    if match.groupdict().get("era"):
        return f"{word} {cardinal(value)} era común"
    if word.lower() == "el":
        return f"{word} {ordinal(value)}"
    is_name = word[0].isupper() and word.lower() not in COUNTED
    gender = "f" if word in QUEENS else "m"
    return f"{word} {ordinal(value, gender) if is_name and value <= 10 else cardinal(value)}"


def _say_roman_before(match: re.Match[str]) -> str | None:
    value, the = roman_value(match["roman"]), match["the"]
    if not value or not match["roman"].isupper():
        return None
    return f"{the} {ordinal(value, 'f') if the.lower() == 'la' else ordinal(value, is_short=True)}"


def _own_rules() -> list[Rule]:
    return [
        Rule(r"(?<!\w)[Dd]a\.(?= [A-ZÀ-Ö])|\A[Dd]a\.(?= )", lambda _match: "doña", of_digits=False),
        Rule(r"(?<=\d )uds\.", lambda _match: "unidades", _I),
        Rule(r"(?:(?<=\b[Aa] la )|(?<=\b[Ee]s la ))1(?![\w:/]|[.,]\d)", lambda _match: "una"),
        Rule(
            rf"(?<![\w.,/])(?P<d>\d{{1,2}})(?:\.?º)?(?: de)? (?P<m>{_MONTH})(?P<dot>\.?)(?!\w)"
            r"(?:(?P<of> del?)? (?P<y>\d{4})(?!\d))?",
            _say_written_date,
            _I,
        ),
        Rule(
            rf"(?<!\w)(?P<m>{_MONTH})(?P<dot>\.?) (?P<d>\d{{1,2}})(?!\w|[.,:/]\d)"
            r"(?P<of> del?)?(?: (?P<y>\d{4}))?(?!\w)",
            _say_written_date,
            _I,
        ),
        Rule(
            r"(?<![\w.,+])(?<!\d )[6-9]\d\d(?: \d{3}){2}(?<!000)(?![\w.,]\d|\d| \d)",
            lambda match: spell_digits(match[0], DIGITS),
        ),
        Rule(rf"{_CLOCK}\s?h\s?(?P<m>\d{{1,2}})\s?min(?:\s?(?P<s>\d{{1,2}})\s?s(?:eg)?)?(?!\w)", _say_duration, _I),
        Rule(rf"{_CLOCK}:(?P<m>\d{{2}})(?::(?P<s>\d{{2}}))?(?:\s?h(?!\w))?{_HALF}?{_ZONE}?(?![\w:])", _say_time, _I),
        Rule(rf"{_CLOCK}\.(?P<m>\d{{2}})(?:\s?h(?:oras?)?(?!\w)|{_HALF}){_ZONE}?(?!\w)", _say_time, _I),
        Rule(rf"(?<=\blas ){_CLOCK}\.(?P<m>[0-5]\d)(?![\w%€$]|[.,]\d|\s[%€$])", _say_time, _I),
        Rule(rf"{_CLOCK}{_HALF}{_ZONE}?(?!\w)", _say_time, _I),
        Rule(
            r"(?<![\w,])(?<!\d )(?P<n>\d{1,3}(?:[. ]\d{3}){0,3}|\d{4,9})\.?"
            r"(?P<suffix>[ºª°](?! ?[CFcf](?!\w))|ᵉʳ|er|[rnmtv][oa]|[oa]s?|ᵒ|ᵃ)(?!\w)",
            _say_ordinal,
        ),
        Rule(
            r"(?<!\w)(?P<word>siglos?|año|s\.) ?(?!(?:mil|di|mi)(?!\w))(?P<roman>[ivxlcdm]{1,12})(?P<era> ec)?(?!\w)",
            _say_roman,
            _I,
            of_digits=False,
        ),
        Rule(
            rf"(?<!\w)(?P<the>la|el|del|al) (?P<roman>(?=[IVX]){ROMAN})(?= (?:{EVENTS})(?!\w))",
            _say_roman_before,
            _I,
            of_digits=False,
        ),
        *build_roman_rules(["el", *COUNTED, *NAMES], _say_roman),
    ]


_SPANISH: Final = Language(
    cardinal=cardinal,
    decimals=decimals,
    digits=DIGITS,
    words=WORDS,
    scale_letters={"k": ("mil",), "m": ("millón", "millones"), "b": ("mil millones",)},
    scales=("mil millones", "mil", "mill[oó]n", "millones", "bill[oó]n", "billones", "trill[oó]n", "trillones"),
    currencies=CURRENCIES,
    units=UNITS,
    fraction=fraction,
    date=_date,
    gender=_gender,
    of_scale=lambda scale, many: many if scale == "mil" else f"de {many}",
    halves={"m": "medio", "f": "media"},
    of_unit=" de ",
    and_fraction=" y ",
    say_country=lambda code: cardinal(int(code)),
    signs=SIGNS,
    thousand="mil",
    date_words=r"(?:el|al|del|lunes|martes|miércoles|jueves|viernes|sábado|domingo|día),? ",
    has_english_money=True,
    per=("por", "mes", "año", "día", "hora", "semana", "noche", "persona", "unidad", "kg", "litro"),
)

_RULES: Final = build_rules(_SPANISH, [build_abbreviation_rule(ABBREVIATIONS), *_own_rules()])


def find_replacements(text: str) -> list[Replacement]:
    return apply_rules(text, _RULES)

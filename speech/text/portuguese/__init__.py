"""Normalizes Brazilian Portuguese text."""

import re
from typing import Final

from speech.text.language import Language
from speech.text.languages import build_rules
from speech.text.portuguese.words import (
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
    SIGNS,
    UNITS,
    WORDS,
)
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
    zero um dois três quatro cinco seis sete oito nove dez onze doze treze catorze quinze dezesseis dezessete dezoito
    dezenove
    """
)
_DIGITS: Final = tuple(_SMALL[:10])
_TENS: Final = split_words(". . vinte trinta quarenta cinquenta sessenta setenta oitenta noventa")
_HUNDREDS: Final = split_words(
    ". cento duzentos trezentos quatrocentos quinhentos seiscentos setecentos oitocentos novecentos"
)
_SCALES: Final = (
    ("", ""),
    ("mil", "mil"),
    ("milhão", "milhões"),
    ("bilhão", "bilhões"),
    ("trilhão", "trilhões"),
    ("quatrilhão", "quatrilhões"),
    ("quintilhão", "quintilhões"),
    ("sextilhão", "sextilhões"),
)
_ORDINALS: Final = split_words(". primeiro segundo terceiro quarto quinto sexto sétimo oitavo nono")
_ORDINAL_TENS: Final = split_words(
    ". décimo vigésimo trigésimo quadragésimo quinquagésimo sexagésimo septuagésimo octogésimo nonagésimo"
)
_ORDINAL_HUNDREDS: Final = split_words(
    ". centésimo ducentésimo trecentésimo quadringentésimo quingentésimo sexcentésimo septingentésimo octingentésimo "
    "nongentésimo"
)
_I: Final = re.IGNORECASE


def cardinal(number: int, gender: str = "") -> str:
    """Reads a number in words. `gender` "f": "uma", "duas", "duzentas".

    The last group is preceded by "e" if it is one word or below a hundred.
    """
    if number >= 10**24:
        return " ".join(_SMALL[int(digit)] for digit in str(number))
    if number == 0:
        return _SMALL[0]
    groups: list[tuple[int, str]] = []
    rest = number
    for one, many in _SCALES:
        rest, part = divmod(rest, 1000)
        if not part:
            continue
        if one == "mil":
            said = "mil" if part == 1 else f"{_hundreds(part, gender)} mil"
        else:
            said = f"{_hundreds(part, '' if one else gender)} {one if part == 1 else many}".strip()
        groups.append((part, said))
    groups.reverse()
    words = groups[0][1]
    for place, (part, said) in enumerate(groups[1:], 2):
        is_last = place == len(groups)
        words += f" e {said}" if is_last and (part < 100 or part % 100 == 0) and not _is_long(said) else f" {said}"
    return words


def _is_long(group: str) -> bool:
    return group.split(" ")[0] in {"cento"}


def _hundreds(number: int, gender: str) -> str:
    if number == 100:
        return "cem"
    hundreds, rest = divmod(number, 100)
    words = [_HUNDREDS[hundreds]] if hundreds else []
    if gender == "f" and hundreds > 1:
        words = [f"{words[0][:-2]}as"]
    if rest >= 20:
        words.append(_TENS[rest // 10])
        rest %= 10
    if rest:
        words.append({1: "uma", 2: "duas"}.get(rest, _SMALL[rest]) if gender == "f" else _SMALL[rest])
    return " e ".join(words)


def ordinal(number: int, gender: str = "m") -> str:
    if not 0 < number < 1000:
        return "milésimo" if number == 1000 else cardinal(number, gender)
    words = [_ORDINAL_HUNDREDS[number // 100], _ORDINAL_TENS[number // 10 % 10], _ORDINALS[number % 10]]
    said = " ".join(word for word in words if word != ".")
    return re.sub(r"o\b", "a", said) if gender == "f" else said


def _fraction(above: int, below: int) -> str | None:
    if below < 2:
        return f"{cardinal(above)} sobre {cardinal(below)}"
    plural = "s" if above != 1 else ""
    if below in {2, 3}:
        return f"{cardinal(above)} {'meio' if below == 2 else 'terço'}{plural}"
    if below <= 10 or below in {100, 1000}:
        return f"{cardinal(above)} {ordinal(below)}{plural}"
    return f"{cardinal(above)} {cardinal(below)} avos" if below < 100 else f"{cardinal(above)} sobre {cardinal(below)}"


def _date(day: int, month: int, year: int | None) -> str:
    said = f"{'primeiro' if day == 1 else cardinal(day)} de {MONTHS[month - 1]}"
    return f"{said} de {cardinal(year)}" if year else said


def _say_written_date(match: re.Match[str]) -> str | None:
    day, year = int(match["d"]), match["y"]
    month = MONTH_NUMBERS[match["m"].lower()]
    return _date(day, month, int(year) if year else None) if 1 <= day <= 31 else None


def _gender(word: str, *, is_one: bool) -> str:
    word = word.lower()
    if (
        word in FUNCTION_WORDS
        or word in MONTH_NUMBERS
        or (is_one == word.endswith("s") and word not in {"lápis", "ônibus"})
    ):
        return ""
    return "f" if FEMININE.search(word) and not MASCULINE_IN_A.search(word) else "m"


def _say_time(match: re.Match[str]) -> str | None:
    hour, minute, second = int(match["h"]), int(match["m"] or 0), match.groupdict().get("s")
    if hour > 24 or minute > 59 or int(second or 0) > 59:
        return None
    if hour > 12 and not minute and match.string.startswith((" da tarde", " da noite"), match.end()):
        hour -= 12
    said = f"{cardinal(hour, 'f')} hora{'s' if hour != 1 else ''}"
    if second:
        return f"{said} e {cardinal(minute)} minutos e {cardinal(int(second))} segundos"
    return f"{said} e {cardinal(minute)}" if minute else said


def _say_ordinal(match: re.Match[str]) -> str:
    suffix = match["suffix"]
    return ordinal(int(re.sub(r"\D", "", match["n"])), "f" if suffix in "ªᵃa" else "m")


def _say_roman(match: re.Match[str]) -> str | None:
    word, value = match["word"], roman_value(match["roman"])
    if not value:
        return None
    is_name = word[0].isupper() and word.lower() not in COUNTED
    gender = "f" if word[-1] == "a" or word in {"Isabel", "Elizabeth"} else "m"
    return f"{word} {ordinal(value, gender) if is_name and value <= 10 else cardinal(value)}"


def _say_roman_before(match: re.Match[str]) -> str | None:
    value, the = roman_value(match["roman"]), match["the"]
    if not value or not match["roman"].isupper():
        return None
    return f"{the} {ordinal(value, 'f' if the.lower()[-1] in 'aà' else 'm')}"


def _own_rules() -> list[Rule]:
    month = alternatives(MONTH_NUMBERS)
    clock = r"(?<![\w.,:])(?P<h>\d{1,2})"
    return [
        build_abbreviation_rule(ABBREVIATIONS),
        Rule(r"(?<![\w.])\d{3}\.\d{3}\.\d{3}-\d{2}(?!\w)", lambda match: spell_digits(match[0], _DIGITS)),
        Rule(
            rf"(?<![\w.,/])(?P<d>\d{{1,2}})[º°]?(?: de)? (?P<m>{month})(?!\w)(?:(?: de)? (?P<y>\d{{4}})(?!\d))?",
            _say_written_date,
            _I,
        ),
        Rule(rf"{clock}\s?h(?:(?P<m>\d{{2}})(?:min)?)?(?!\w)", _say_time, _I),
        Rule(rf"{clock}:(?P<m>\d{{2}})(?::(?P<s>\d{{2}}))?(?:\s?h)?(?![\w:])", _say_time, _I),
        Rule(rf"(?<=\bàs ){clock}\.(?P<m>[0-5]\d)(?![\w%€$]|[.,]\d)", _say_time, _I),
        Rule(
            r"(?<![\w,.])(?P<n>\d{1,4})\.?(?P<suffix>[ºªᵒᵃ°](?! ?[CFcf](?!\w))|[oa](?= [^\W\d_]))(?!\w)", _say_ordinal
        ),
        Rule(
            rf"(?<!\w)(?P<the>a|da|na|o|do|no|à|ao) (?P<roman>(?=[IVX]){ROMAN})(?= (?:{EVENTS})(?!\w))",
            _say_roman_before,
            _I,
            of_digits=False,
        ),
        Rule(
            rf"(?<![\w.])D\.(?= (?P<name>{'|'.join([*NAMES, 'Maria', 'Ana'])})(?!\w))",
            lambda match: "dona" if match["name"] in {"Maria", "Ana", "Isabel", "Catarina"} else "dom",
            of_digits=False,
        ),
        *build_roman_rules([*NAMES, *COUNTED, *(word.title() for word in COUNTED)], _say_roman),
    ]


_PORTUGUESE: Final = Language(
    cardinal=cardinal,
    decimals=lambda digits, _gender: spell_digits(digits, _DIGITS),
    digits=_DIGITS,
    words=WORDS,
    scales=("mil", "milh(?:ão|ões)", "bilh(?:ão|ões)", "trilh(?:ão|ões)"),
    scale_letters={"k": ("mil",), "mi": ("milhão", "milhões"), "m": ("milhão", "milhões"), "bi": ("bilhão", "bilhões")},
    currencies=CURRENCIES,
    units=UNITS,
    fraction=_fraction,
    date=_date,
    gender=_gender,
    of_scale=lambda scale, many: many if scale == "mil" else f"de {many}",
    cents=" e ",
    spells_handles=False,
    halves={"m": "meio", "f": "meia"},
    of_unit=" de ",
    and_fraction=" e ",
    signs=SIGNS,
    thousand="mil",
    date_words=r"(?:dias?|até|em|desde|segunda|terça|quarta|quinta|sexta|sábado|domingo)(?:-feira)?,? (?:o dia )?",
    has_english_money=True,
    per=("por", "mês", "ano", "dia", "hora", "semana", "noite", "pessoa", "unidade", "kg", "litro"),
)
_RULES: Final = build_rules(_PORTUGUESE, _own_rules())


def find_replacements(text: str) -> list[Replacement]:
    return apply_rules(text, _RULES)

"""Converts numbers to Spanish words."""

import re
from typing import Final

from speech.text.rules import split_words

_SMALL: Final = split_words(
    """
    cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis
    diecisiete dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis
    veintisiete veintiocho veintinueve
    """
)
DIGITS: Final = tuple(_SMALL[:10])
_TENS: Final = split_words(". . . treinta cuarenta cincuenta sesenta setenta ochenta noventa")
_HUNDREDS: Final = split_words(
    """
    . ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos
    """
)
_MILLIONS: Final = (("", ""), ("millón", "millones"), ("billón", "billones"), ("trillón", "trillones"))
_ORDINALS: Final = split_words("cero primero segundo tercero cuarto quinto sexto séptimo octavo noveno décimo")
_ORDINAL_TENS: Final = split_words(
    """
    . décimo vigésimo trigésimo cuadragésimo quincuagésimo sexagésimo septuagésimo octogésimo nonagésimo
    """
)
_ORDINAL_HUNDREDS: Final = split_words(
    """
    . centésimo ducentésimo tricentésimo cuadringentésimo quingentésimo sexcentésimo septingentésimo
    octingentésimo noningentésimo
    """
)


def cardinal(number: int, gender: str = "") -> str:
    """Reads a number in words. `gender`: "m" and "f" before a noun ("un", "una"), "" without one ("uno")."""
    if number >= 10**24:
        return " ".join(_SMALL[int(digit)] for digit in str(number))
    if number == 0:
        return _SMALL[0]
    groups = []
    for one, many in _MILLIONS:
        number, part = divmod(number, 1_000_000)
        if part and one:
            groups.append(f"un {one}" if part == 1 else f"{_thousands(part, 'm')} {many}")
        elif part:
            groups.append(_thousands(part, gender))
    return " ".join(reversed(groups))


def _thousands(number: int, gender: str) -> str:
    thousands, rest = divmod(number, 1000)
    words = []
    if thousands:
        words.append("mil" if thousands == 1 else f"{_hundreds(thousands, gender or 'm')} mil")
    if rest:
        words.append(_hundreds(rest, gender))
    return " ".join(words)


def _hundreds(number: int, gender: str) -> str:
    if number == 100:
        return "cien"
    hundreds, rest = divmod(number, 100)
    words = [_HUNDREDS[hundreds]] if hundreds else []
    if gender == "f" and hundreds > 1:
        words = [f"{_HUNDREDS[hundreds].removesuffix('os')}as"]
    if rest >= 30 and rest % 10:
        words.append(f"{_TENS[rest // 10]} y {_SMALL[rest % 10]}")
    elif rest:
        words.append(_TENS[rest // 10] if rest >= 30 else _SMALL[rest])
    if rest % 10 == 1 and rest != 11 and gender:
        stem = words[-1].removesuffix("uno")
        words[-1] = f"{stem}una" if gender == "f" else f"{stem}ún" if stem == "veinti" else f"{stem}un"
    return " ".join(words)


def ordinal(number: int, gender: str = "m", *, is_short: bool = False) -> str:
    """Reads an ordinal. `is_short`: "primer", "tercer", as before a noun. Above 1,999, reads a cardinal."""
    if not 0 < number < 2000:
        return cardinal(number, gender) if number % 1000 or number > 999_000 else f"{_joined(number // 1000)}milésimo"
    words = ["milésimo"] if number >= 1000 else []
    hundreds, rest = divmod(number % 1000, 100)
    if hundreds:
        words.append(_ORDINAL_HUNDREDS[hundreds])
    if rest in {11, 12}:
        words.append("undécimo" if rest == 11 else "duodécimo")
    elif rest > 10:
        tens, ones = _ORDINAL_TENS[rest // 10], rest % 10
        last = _ORDINALS[ones] if ones else ""
        words += [tens.replace("é", "e") + last] if rest < 30 and ones else [tens, *([last] if last else [])]
    elif rest:
        words.append(_ORDINALS[rest])
    said = " ".join(words)
    said = said.replace("oo", "o")
    if gender == "f":
        return re.sub(r"o\b", "a", said)
    return said.removesuffix("o") if is_short and rest % 10 in {1, 3} and rest not in {11} else said


def _joined(number: int) -> str:
    return cardinal(number, "m").replace(" ", "")


def decimals(digits: str, gender: str = "") -> str:
    """Reads decimals in pairs, like prices: 1,25300 ends in twenty-five, thirty, zero."""
    pairs = [digits[start : start + 2] for start in range(0, len(digits), 2)]
    return " ".join([*(_decimal_pair(pair, "") for pair in pairs[:-1]), _decimal_pair(pairs[-1], gender)])


def _decimal_pair(pair: str, gender: str) -> str:
    if pair[0] == "0" and pair[1:]:
        return f"{_SMALL[0]} {cardinal(int(pair[1]), gender)}"
    return cardinal(int(pair), gender)


def fraction(above: int, below: int) -> str | None:
    name = _fraction_name(below)
    if name is None:
        return f"{cardinal(above)} sobre {cardinal(below)}"
    if below == 2 and above == 1:
        return name
    return f"{cardinal(above, 'm')} {name}{'s' if above != 1 else ''}"


def _fraction_name(below: int) -> str | None:
    if below in {2, 3}:
        return "medio" if below == 2 else "tercio"
    if 4 <= below <= 10 or (100 <= below <= 900 and below % 100 == 0):
        return ordinal(below)
    if 10 < below < 100:
        stem = _joined(below).replace("y", "i")
        return f"{stem if stem.endswith('e') else stem.rstrip('ao')}avo"
    for base, name in ((10**6, "millonésimo"), (1000, "milésimo")):
        if below % base == 0 and below // base in {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 100}:
            return f"{'' if below == base else _joined(below // base)}{name}"
    return None

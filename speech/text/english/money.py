"""Rules for money: "$5.3 billion" is "five point three billion dollars"."""

import re
from typing import Final

from speech.text.english.attributes import is_attribute
from speech.text.english.numbers import cardinal, decimal
from speech.text.english.patterns import DASH, NUMBER, SCALES, SIGNS, is_one, plain
from speech.text.english.tables import read_table
from speech.text.scan import Rule

Names = tuple[str, str, str, str]  # singular, plural, and singular and plural of the hundredth


def read_names(kind: str) -> dict[str, Names]:
    """Reads the names of currencies by symbol or by code."""
    table: dict[str, Names] = {}
    for written, spoken in read_table("currencies")[kind].items():
        one, many, hundredth, hundredths = spoken.split(" / ")
        table[written] = (one, many, hundredth, hundredths)
    return table


# By symbol or code: singular, plural, and singular and plural of the hundredth.
CURRENCIES: Final = read_names("currencies")
COUNTRIES: Final = read_table("currencies")["countries"]
CODES: Final = read_names("codes")
SHORT_SCALES: Final = read_table("currencies")["short_scales"]
PER: Final = read_table("currencies")["per"]

_SYMBOL = "|".join(map(re.escape, sorted(CURRENCIES, key=len, reverse=True)))
_CODE = "|".join(CODES)
_SCALE = rf"(?:[ -]?(?:{SCALES})(?!\w)| ?(?:mln|bln|trn|mil|mn|mm|bn|tn|[kKmMbBtT])(?!\w))"
_PER = "|".join(map(re.escape, sorted(PER, key=len, reverse=True)))
_AMOUNT = rf"(?:(?:[0-9]{{1,12}}|[0-9]{{1,3}}(?:\.[0-9]{{3}}){{1,4}}),[0-9]{{2}}(?![0-9,])(?!\.[0-9])|{NUMBER})"
_SIGN = r"(?P<sign>(?<![\w)$€£¥₹])[-−–+])?"

_BEFORE: Final = re.compile(
    rf"{_SIGN}(?P<country>(?<!\w)(?:US|CA|AU|NZ|HK|NT|[CAS])(?=\$))?(?<![$€£¥₹])"
    rf"(?:(?P<symbol>{_SYMBOL})|(?P<code>(?<!\w)(?:{_CODE})(?= ?[0-9]))) ?(?P<sign2>[-−–](?=[0-9.]))?"
    rf"(?P<number>{_AMOUNT})"
    rf"(?P<scale>{_SCALE})?"
    rf"(?: ?(?:{DASH}|to) ?(?P<symbol2>{_SYMBOL})?(?P<number2>{_AMOUNT})(?P<scale2>{_SCALE})?(?![-\w@]|[.,:][0-9]))?"
    rf"(?:/(?P<per>{_PER})\b)?(?![\w@]|\.[0-9])"
)
_BEHIND: Final = re.compile(
    rf"(?<![\w.,$€£¥₹]){_SIGN}(?:(?P<number0>{_AMOUNT}) ?{DASH} ?)?(?P<number>{_AMOUNT})(?P<scale>{_SCALE})? ?"
    rf"(?:(?P<symbol>(?!R\$){_SYMBOL})(?!\w)|(?P<code>{_CODE})\b)(?:/(?P<per>{_PER})\b)?"
)
_CENTS: Final = re.compile(rf"(?<![\w.,])(?P<number>{NUMBER}) ?¢")


def _say_before(match: re.Match[str]) -> str | None:
    symbol, country = match["symbol"], COUNTRIES.get(match["country"] or "")
    names = _names(match)
    if is_attribute(match.string, match.start(), match.end()):
        names = (names[0], names[0], *names[2:])
    if country:
        names = (f"{country} {names[0]}", f"{country} {names[1]}", *names[2:])
    said = SIGNS[match["sign"] or match["sign2"] or ""]
    number, scale = match["number"], match["scale"]
    if second := match["number2"]:
        scale2 = match["scale2"]
        if match["symbol2"] and match["symbol2"] != symbol:
            return None
        first = _amount(number, scale, names) if match["symbol2"] else _bare(number, scale)
        said += f"{first} to {_amount(second, scale2, names)}"
    else:
        said += _amount(number, scale, names)
    return said + (f" per {PER[match['per']]}" if match["per"] else "")


def _say_behind(match: re.Match[str]) -> str | None:
    names = _names(match)
    if is_attribute(match.string, match.start(), match.end()):
        names = (names[0], names[0], *names[2:])
    said = SIGNS[match["sign"] or ""]
    if match["number0"]:
        said += f"{_bare(match['number0'], None)} to "
    said += _amount(match["number"], match["scale"], names)
    return said + (f" per {PER[match['per']]}" if match["per"] else "")


def _names(match: re.Match[str]) -> Names:
    return CURRENCIES[match["symbol"]] if match["symbol"] else CODES[match["code"]]


def _scale(scale: str) -> str:
    short = scale.strip(" -").lower()
    return SHORT_SCALES.get(short, short)


def _dotted(number: str) -> str:
    """Replaces a decimal comma by a decimal point ("5,99", "1.234,56")."""
    if re.fullmatch(r"[0-9.]+,[0-9]{2}", number):
        return number.replace(".", "").replace(",", ".")
    return plain(number)


def _bare(number: str, scale: str | None) -> str:
    return decimal(_dotted(number)) + (f" {_scale(scale)}" if scale else "")


def _amount(number: str, scale: str | None, names: Names) -> str:
    one, many, cent, cents = names
    number = _dotted(number)
    if scale:
        return f"{decimal(number)} {_scale(scale)} {many}"
    whole, _, hundredths = number.partition(".")
    hundredths = hundredths.rstrip("0").ljust(2, "0") if hundredths.strip("0") else ""
    if len(hundredths) > 2 or (hundredths and not cent):
        return f"{decimal(number)} {many}"
    parts = []
    if int(whole or "0") or not hundredths:
        parts.append(f"{cardinal(whole or '0')} {one if is_one(whole) else many}")
    if hundredths:
        count = int(hundredths)
        parts.append(f"{cardinal(count)} {cent if count == 1 else cents}")
    return " ".join(parts)


def _say_cents(match: re.Match[str]) -> str:
    return f"{decimal(match['number'])} {'cent' if is_one(match['number']) else 'cents'}"


RULES: Final = (Rule(_BEFORE, _say_before), Rule(_BEHIND, _say_behind), Rule(_CENTS, _say_cents))

"""Writes the text inside a `say-as` the way it is read, for engines that do not know the element.

What has no entry here (`unit`, `address`, `currency`, …) is read as it would be without the element.
"""

import importlib
import re
from typing import Any, Final

from speech.ssml.elements import SPELLED

# Marks by name, in English; in other languages an engine's own names are used.
MARKS: Final = {
    "-": "dash", ".": "point", ",": "comma", "@": "at", "/": "slash", "\\": "backslash", "_": "underscore", "#": "hash",
    "+": "plus", "*": "star", "&": "and", ":": "colon", ";": "semicolon", "!": "exclamation mark",
    "?": "question mark", "'": "apostrophe", '"': "quote", "(": "open bracket", ")": "close bracket", "=": "equals",
    "%": "percent", "$": "dollar", "€": "euro", "£": "pound", "<": "less than", ">": "greater than", "|": "bar",
}  # fmt: skip
MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
DATE_ORDERS: Final = ("mdy", "dmy", "ymd", "md", "dm", "ym", "my")
COMPACT_DATE: Final = re.compile(r"(\d{4})(\d\d)(\d\d)")
NUMBER: Final = re.compile(r"\d{1,12}")
FRACTION: Final = re.compile(r"(?:(\d{1,6})\s+)?(\d{1,6})\s*[/⁄]\s*(\d{1,6})")
TELEPHONE_GAP: Final = re.compile(r"[\s().\-–/]+")


def get_words(text: str, interpret_as: str, *, date_format: str, language: str) -> list[str]:
    """Returns what to read, in parts that are read on their own. `language` is a BCP 47 tag."""
    primary = language.partition("-")[0].lower()
    if interpret_as in SPELLED:
        return [_named(char.upper(), primary) for char in text if not char.isspace()]
    if interpret_as == "digits":
        return [_named(char, primary) for char in text if not char.isspace()]
    if interpret_as == "telephone":
        return _telephone(text, primary)
    read = {"cardinal": _cardinal, "number": _cardinal, "ordinal": _ordinal, "fraction": _fraction, "date": _date}.get(
        interpret_as
    )
    return [(read(text.strip(), primary, date_format.lower()) if read else "") or text]


def _named(char: str, primary: str) -> str:
    return MARKS.get(char, char) if primary == "en" else char


def _telephone(text: str, primary: str) -> list[str]:
    """Digit by digit, with a comma after each group."""
    groups = [group for group in TELEPHONE_GAP.split(text) if group]
    words = [[_named(char, primary) for char in group] for group in groups]
    for group in words[:-1]:
        group[-1] += ","
    return [word for group in words for word in group]


def _cardinal(text: str, primary: str, _format: str) -> str:
    return _in_words(int(text), primary, "cardinal") if NUMBER.fullmatch(text) else ""


def _ordinal(text: str, primary: str, _format: str) -> str:
    return _in_words(int(text), primary, "ordinal") if NUMBER.fullmatch(text) else ""


def _fraction(text: str, primary: str, _format: str) -> str:
    found = FRACTION.fullmatch(text)
    if not found or primary != "en":
        return ""
    whole, above, below = found[1], int(found[2]), int(found[3])
    names = {2: "half", 4: "quarter"}
    name = names.get(below) or _in_words(below, primary, "ordinal")
    if not name or not below:
        return ""
    plural = ("halves" if below == 2 else f"{name}s") if above != 1 else name
    return f"{whole} and {above} {plural}" if whole else f"{above} {plural}"


def _date(text: str, primary: str, date_format: str) -> str:
    """In English, with a `format` that gives the order."""
    compact = COMPACT_DATE.fullmatch(text)
    order = "ymd" if compact else date_format
    numbers = list(compact.groups()) if compact else re.findall(r"\d{1,4}", text[:40])
    if primary != "en" or order not in DATE_ORDERS or len(numbers) != len(order):
        return ""
    value = {unit: int(number) for unit, number in zip(order, numbers, strict=True)}
    if not 1 <= value.get("m", 1) <= 12 or not 1 <= value.get("d", 1) <= 31:
        return ""
    day = _in_words(value["d"], primary, "ordinal") if "d" in value else ""
    year = f"{value['y']}" if "y" in value else ""
    date = " ".join(filter(None, (MONTHS[value["m"] - 1], day)))
    return f"{date}, {year}" if day and year else f"{date} {year}".strip()


def _in_words(number: int, primary: str, kind: str) -> str:
    """Returns "" for a language without a rule."""
    num2words: Any = importlib.import_module("num2words")
    try:
        return str(num2words.num2words(number, lang=primary, to=kind))
    except (NotImplementedError, OverflowError):
        return ""

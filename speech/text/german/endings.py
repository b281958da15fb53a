"""Finds the ending of a German ordinal by the words around it: "am 3. Mai", "in der 2. Klasse", "ihr 2. Kind"."""

import re
from typing import Final

from speech.text.german.words import DATIVE, ENDINGS, MASCULINE_IN_E, NEUTER

_FEMININE: Final = re.compile(
    r"(ung|heit|keit|schaft|tion|tät|ik|ur|e|Frau|Person|[Nn]acht|[Ss]tadt|Hand|Tür|[Zz]ahl|[Ww]ahl|[Mm]utter|[Tt]ochter|"
    r"[Ss]chwester|Gabel|Kartoffel|Zwiebel|Nummer|Firma|Pizza|Oma|[Ll]iga|[Ss]aison|Antwort|[Aa]rbeit|[Zz]eit|[Ff]ahrt|Bank|"
    r"Wurst|Nuss|Regel|Insel|Tafel|[rtgd]in)$"
)


def ending(text: str, start: int) -> str:
    """Returns the ending of an ordinal or of a date at a position, by the words around it."""
    before = text[max(0, start - 40) : start]
    words = re.search(r"(?:(?<![^\W\d_])([^\W\d_]{1,12}) )?(?<![^\W\d_])([^\W\d_]{1,12}) $", before)
    if not words:
        return "r"
    second, last = (words[1] or "").lower(), words[2].lower()
    if last in {"und", "oder", "bis", "sowie"}:  # der 1. und 2. Platz
        first = re.search(r"(?<!\w)([^\W\d_]{2,12}) \d{1,2}\. $", before[: words.start(2)])
        return ENDINGS.get(first[1].lower(), "r") if first else "n" if last == "bis" else "r"
    noun = re.match(r"\d{1,4}\. (?:(?:und|oder|bis) \d{1,2}\. )?([A-ZÄÖÜ][\w-]{1,40})", text[start : start + 50])
    if noun and last == "der" and (second in DATIVE or is_feminine(noun[1])):  # in der 2. Klasse
        return "n"
    said = ENDINGS.get(last, "r")
    return "s" if noun and said == "r" and last in ENDINGS and NEUTER.search(noun[1]) else said


def date_ending(text: str, start: int) -> str:
    before = re.search(r"(?<![^\W\d_])(?:ab|seit|bis|vor|nach) $", text[max(0, start - 6) : start], re.IGNORECASE)
    return "n" if before else ending(text, start)


def is_feminine(noun: str) -> bool:
    return _FEMININE.search(noun) is not None and not MASCULINE_IN_E.search(noun)

"""Rules for Roman numerals: "Henry VIII" is "Henry the eighth", and "Chapter IV" is "Chapter four"."""

import re
from typing import Final

from speech.text.english.numbers import cardinal, ordinal, roman
from speech.text.english.tables import word_set
from speech.text.scan import Rule

_NUMERALS = r"[IVXLCDM]{1,9}"
# Words before the numeral of a part, and first names before the numeral of a ruler.
_CHAPTERS: Final = re.compile(
    r"\b(?i:chapter|part|book|act|scene|volume|vol\.|section|article|title|appendix|phase|type|stage|class|level"
    r"|grade|war"
    r"|bowl|episode|season|canto|verse|figure|table|step|round|tier|unit|module|lesson|day|week|group|factor"
    r"|category)"
    rf" (?P<said>{_NUMERALS})(?![\w'’]|\.\w)"
)
# "I" is a numeral only where it is unlikely to be the pronoun: "Part I, ...", "World War I was", "a Type I error".
_NO_PRONOUN: Final = re.compile(
    r" ?[.,;:)\]–—]|\s*$|\n| (?:and|or|of|to|in|is|began|ended|starts|broke)\b"
    r"| (?:diabetes|errors?|trials?|clinical|stud(?:y|ies)|collagen|recalls?|felony|drugs?|devices?|interferons?)\b"
)
_RULERS = (
    "Henry|Louis|Elizabeth|George|Edward|Charles|James|William|Richard|John|Paul|Pius|Benedict|Napoleon|Alexander|Philip"
    "|Catherine|Ferdinand|Frederick|Wilhelm|Leopold|Nicholas|Peter|Ivan|Ramses|Ramesses|Ptolemy|Cleopatra|Leo|Gregory|Clement"
    "|Innocent|Urban|Francis|Mary|Victoria|Anne|Margaret|Margrethe|Gustav|Gustaf|Karl|Carl|Christian|Haakon|Harald|Olav"
    "|Alfonso|Juan|Felipe|Pedro|Manuel|Umberto|Vittorio|Emmanuel|Boniface|Sixtus|Julius|Martin|Nicholas|Constantine|Basil"
    "|Darius|Xerxes|Artaxerxes|Thutmose|Amenhotep|Seti|Mehmed|Murad|Selim|Suleiman|Bayezid|Ahmed|Osman|Mahmud|Abdulhamid"
    "|Robert|David|Malcolm|Kenneth|Otto|Conrad|Rudolf|Maximilian|Joseph|Franz|Albert|Baudouin|Sancho|Theodoric|Hussein"
    "|Abdullah|Rama|Kamehameha|Pope|Stephen|Sigismund|Casimir|Ladislaus|Matthias|Celestine|Honorius|Eugene|Adrian|Hadrian|Urban"
)
_KINGS: Final = re.compile(
    rf"\b(?P<name>{_RULERS})(?P<said> (?P<numeral>[IVX]{{2,6}}|[VX](?!\. +[A-Z])|I(?=[,.;:)]|['’]s\b"
    rf"| (?:of|was|and|is|in)\b|\s*$)))(?!\w|['’](?!s\b)|\.\w)"
)
# What comes before a ruler's name and "I", which is the pronoun elsewhere: "I told Mary I was late."
_REIGN: Final = re.compile(
    r"(?:\b(?:[Kk]ing|[Qq]ueen|[Ee]mperor|[Ee]mpress|[Pp]ope|[Tt]sar|[Cc]zar|[Kk]aiser|[Ss]ultan|[Pp]rince|[Rr]eign of"
    r"|[Cc]ourt of|[Dd]eath of|[Ee]xecution of|[Cc]oronation of|[Dd]aughter of|[Ss]on of) |^\s*)$"
)
_TENTHS: Final = word_set("Alfonso Benedict Boniface Charles Christian Clement Gregory Innocent John Leo Louis Pius")
_DRIP: Final = (
    r"(?! (?:fluids?|drips?|lines?|antibiotics|access|push|bolus|infusions?|therapy|catheters?|contrast|bags?|poles?"
    r"|sites?|doses?|medications?|meds|drugs?|injections?)\b)"
)
_CENTURY: Final = re.compile(
    r"\b(?P<numeral>[IVX]{1,6})(?P<suffix>th|st|nd|rd)?(?= (?:century|centuries|dynasty|amendment"
    r"|arrondissement)\b)|\b(?P<numeral2>[IVX]{1,6})th\b"
)
_NAMED: Final = re.compile(r"\b[A-Z][a-z]{2,20} (?P<said>[IVX]{2,6})(?![\w'’]|\.\w)" + _DRIP)


def _say_chapter(match: re.Match[str]) -> str | None:
    value = roman(match["said"])
    if not value or (match["said"] in "CDLM" and value >= 50):
        return None
    if match["said"] == "I" and not _is_first(match):
        return None
    return cardinal(value)


def _is_first(match: re.Match[str]) -> bool:
    """Whether "I" is the numeral, judging by what comes before and after it."""
    kind = match[0].split(" ")[0]
    if re.search(r"World War I$|Super Bowl I$", match.string[max(match.start() - 6, 0) : match.end()]):
        return True
    behind = match.string[match.end() : match.end() + 16]
    return bool(_NO_PRONOUN.match(behind)) and (kind[0].isupper() or behind[:1] in (".", ")", ":", ""))


def _say_king(match: re.Match[str]) -> str | None:
    value, name, numeral = roman(match["numeral"]), match["name"], match["numeral"]
    if numeral == "X" and name not in _TENTHS:
        return None
    if (
        numeral == "I"
        and re.match(" [a-z]", match.string[match.end() : match.end() + 2])
        and not _REIGN.search(match.string[max(match.start() - 16, 0) : match.start()])
    ):
        return None
    return f" the {ordinal(value)}" if value else None


def _say_century(match: re.Match[str]) -> str | None:
    value = roman(match["numeral"] or match["numeral2"])
    return ordinal(value) if value else None


def _say_named(match: re.Match[str]) -> str | None:
    value = roman(match["said"])
    return cardinal(value) if value else None


RULES: Final = (
    Rule(_CHAPTERS, _say_chapter),
    Rule(_KINGS, _say_king),
    Rule(_CENTURY, _say_century),
    Rule(_NAMED, _say_named),
)

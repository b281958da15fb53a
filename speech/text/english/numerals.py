"""Roman numerals: "Henry VIII" is "Henry the eighth", "Chapter IV" "Chapter four"."""

import re
from typing import Final

from speech.text.english.numbers import cardinal, ordinal, roman
from speech.text.scan import Rule

_NUMERALS = r"[IVXLCDM]{1,9}"
# What is numbered, and who.
_CHAPTERS: Final = re.compile(
    r"\b(?i:chapter|part|book|act|scene|volume|vol\.|section|article|title|appendix|phase|type|stage|class|level"
    r"|grade|war"
    r"|bowl|episode|season|canto|verse|figure|table|step|round|tier|unit|module|lesson|day|week|group|factor"
    r"|category)"
    rf" (?P<said>{_NUMERALS})(?![\w'’]|\.\w)"
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
    rf"\b(?:{_RULERS})(?P<said> (?P<numeral>[IVX]{{2,6}}|[VX](?!\. +[A-Z])|I(?=[,.;:)’']| (?:of|was|and|is|in)\b"
    rf"|\s*$)))(?![\w]"
    rf"|\.\w)"
)
_CENTURY: Final = re.compile(
    r"\b(?P<numeral>[IVX]{1,6})(?P<suffix>th|st|nd|rd)?(?= (?:century|centuries|dynasty|amendment"
    r"|arrondissement)\b)|\b(?P<numeral2>[IVX]{1,6})th\b"
)
_NAMED: Final = re.compile(r"\b[A-Z][a-z]{2,20} (?P<said>[IVX]{2,6})(?![\w'’]|\.\w)")


def _say_chapter(match: re.Match[str]) -> str | None:
    value = roman(match["said"])
    if not value or (match["said"] in "CDLM" and value >= 50):
        return None
    return cardinal(value)


def _say_king(match: re.Match[str]) -> str | None:
    value = roman(match["numeral"])
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

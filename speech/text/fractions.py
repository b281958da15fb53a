"""Rules for fractions: 3/4, 1 1/2, ½."""

import re
import unicodedata

from speech.text.language import Language

_YEAR = re.compile(r"(?:19|20)\d\d")  # of law 39/2015, not of a fraction


def say_fraction(language: Language, match: re.Match[str], gender: str = "") -> str | None:
    parts = match.groupdict()
    if "slash" in language.words and not parts["ones"] and any(_YEAR.fullmatch(parts[name]) for name in ("n", "d")):
        number, year = (language.cardinal(int(parts[name]), "") for name in ("n", "d"))
        return f"{number} {language.words['slash']} {year}"
    said = language.fraction(int(parts["n"]), int(re.sub(r"\.", "", parts["d"])))
    if said is None:
        return None
    if parts["ones"]:
        ones = language.cardinal(int(parts["ones"]), gender if gender == "f" else language.ones_gender)
        said = f"{ones}{language.and_fraction}{said}"
    return f"{language.words['minus']} {said}" if parts["sign"] else said


def say_vulgar_fraction(language: Language, match: re.Match[str]) -> str | None:
    above, _, below = unicodedata.normalize("NFKC", match["part"]).partition("\u2044")
    said = language.fraction(int(above), int(below))
    return f"{language.cardinal(int(match['ones']), '')}{language.and_fraction}{said}" if match["ones"] else said

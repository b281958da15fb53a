"""Finds runs of letters in other scripts than the text's language uses, and the eSpeak language that can read them."""

import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

LATIN: Final = "LATIN"
HAN: Final = "CJK"
KANA: Final = "KANA"

# Script → eSpeak's name of the most common language that uses it. A script is the first word of its letters' Unicode
# names.
ESPEAK: Final = {
    "ARABIC": "sem/ar",
    "ARMENIAN": "ine/hy",
    "BENGALI": "inc/bn",
    HAN: "sit/cmn",
    "CYRILLIC": "zle/ru",
    "DEVANAGARI": "inc/hi",
    "ETHIOPIC": "sem/am",
    "GEORGIAN": "ccs/ka",
    "GREEK": "grk/el",
    "GUJARATI": "inc/gu",
    "GURMUKHI": "inc/pa",
    "HANGUL": "ko",
    "HEBREW": "sem/he",
    "KANNADA": "dra/kn",
    "MALAYALAM": "dra/ml",
    "ORIYA": "inc/or",
    "SINHALA": "inc/si",
    "TAMIL": "dra/ta",
    "TELUGU": "dra/te",
}
# Letters that only occur in another language of the same script.
_TELLING: Final = (
    ("CYRILLIC", frozenset("іїєґІЇЄҐ"), "zle/uk"),
    ("ARABIC", frozenset("ٹڈڑےں"), "inc/ur"),
    ("ARABIC", frozenset("پچژگکی"), "ira/fa"),
)
_JOINERS: Final = frozenset(" '’.,-&!?;:")  # do not end a run between two of its words
_ALIASES: Final = {"HIRAGANA": KANA, "KATAKANA": KANA, "KATAKANA-HIRAGANA": KANA, "IDEOGRAPHIC": HAN}


@dataclass(frozen=True, slots=True)
class Run:
    """The span `text[start:end]`. `script` is "" if the language uses it, or if there are no letters."""

    script: str
    start: int
    end: int


def split_scripts(text: str, own: Collection[str]) -> Iterator[Run]:
    """Splits a text into runs, none of them empty. Text between two runs of other scripts belongs to the language.

    `own` is the language's scripts. A single Greek letter is a symbol, which every language reads by name.
    """
    if text.isascii() and LATIN in own:
        if text:
            yield Run("", 0, len(text))
        return
    start = end = 0  # of the current run in another script; it ends after its last letter
    script, done = "", 0
    for at, character in enumerate(text):
        found = _script(character)
        if found == "" or found == script or (found == HAN and script == KANA):
            end = at + 1 if found and script else end
            if found == "" and script and not (character in _JOINERS or unicodedata.combining(character)):
                yield from _runs(text, script, done, start, end)
                done, script = end, ""
            continue
        if found == KANA and script == HAN and HAN not in own:
            script, end = KANA, at + 1
            continue
        if script:
            yield from _runs(text, script, done, start, end)
            done, script = end, ""
        if found not in own:
            script, start, end = found, at, at + 1
    if script:
        yield from _runs(text, script, done, start, end)
        done = end
    if done < len(text):
        yield Run("", done, len(text))


def _runs(text: str, script: str, done: int, start: int, end: int) -> Iterator[Run]:
    if script == "GREEK" and end - start == 1:
        yield Run("", done, end)
        return
    if done < start:
        yield Run("", done, start)
    yield Run(script, start, end)


def espeak_language(text: str, script: str) -> str:
    """Returns eSpeak's name of the language for a run; "" if it has none."""
    telling = (name for known, letters, name in _TELLING if known == script and not letters.isdisjoint(text))
    return next(telling, ESPEAK.get(script, ""))


def fold(text: str) -> str:
    """Replaces Latin letters that eSpeak would only name, such as ễ, by their base letters. Positions do not change."""
    return text if text.isascii() else "".join(map(_folded, text))


def letter_names(text: str) -> str:
    """Returns the letters by the last part of their Unicode names, for scripts that no reader here supports."""
    return " ".join(name for character in text if (name := _letter_name(character)))


@lru_cache(maxsize=8192)
def _script(character: str) -> str:
    """Returns a letter's script; "" for other characters, which belong to any script."""
    if not unicodedata.category(character).startswith(("L", "M")):
        return ""
    compatible = unicodedata.normalize("NFKC", character)[:1]
    word = unicodedata.name(compatible, "").partition(" ")[0]
    if word == "COMBINING" or not word:
        return ""
    return _ALIASES.get(word, word)


@lru_cache(maxsize=8192)
def _folded(character: str) -> str:
    if not ("\u0180" <= character <= "\u024f" or "\u1e00" <= character <= "\u1eff"):
        return character
    base = unicodedata.normalize("NFD", character)[0]
    return base if base.isascii() else character


def _letter_name(character: str) -> str:
    words = unicodedata.name(character, "").split()
    for kind in ("LETTER", "SYLLABLE", "CHARACTER", "SIGN", "IDEOGRAPH"):
        if kind in words:
            return " ".join(words[words.index(kind) + 1 :]).lower()
    return ""

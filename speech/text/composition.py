"""Decomposed letters as one character each: e and U+0301 become é, as dictionaries write it."""

import unicodedata
from collections.abc import Iterator
from typing import Final

from speech.text.spans import Replacement, SpokenText, apply

MAX_MARKS: Final = 32  # on a letter; normalising more takes time that grows with their square
_JAMO: Final = ("\u1160", "\u11ff")  # the vowels and final consonants of decomposed Korean syllables


def compose(text: str) -> SpokenText:
    """The text in normalisation form C, letter by letter, without what is more than MAX_MARKS marks on one."""
    return apply(text, () if text.isascii() else _replacements(text))


def _replacements(text: str) -> Iterator[Replacement]:
    start = 0
    for at in range(1, len(text) + 1):
        if at < len(text) and _continues(text[at]):
            continue
        if at - start > 1:
            composed = unicodedata.normalize("NFC", text[start : min(at, start + 1 + MAX_MARKS)])
            if composed != text[start:at]:
                yield Replacement(start, at, composed)
        start = at


def _continues(character: str) -> bool:
    if character < "\u0300":
        return False
    return _JAMO[0] <= character <= _JAMO[1] or unicodedata.category(character)[0] == "M"

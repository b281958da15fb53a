"""Composes letters with their marks, as dictionaries write them: e and U+0301 become é."""

import unicodedata
from collections.abc import Iterator
from typing import Final

from speech.text.spans import Replacement

MAX_MARKS: Final = 32  # per letter; the time to normalize grows with their square
_JAMO: Final = ("\u1160", "\u11ff")  # the vowels and final consonants of decomposed Korean syllables


def find_composed(text: str) -> Iterator[Replacement]:
    """Yields the letters that normalization form C composes. More than MAX_MARKS marks on one letter are dropped."""
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

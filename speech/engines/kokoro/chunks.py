"""Splits a text into segments for Kokoro: a first clause, so that audio starts quickly, then sentences.

The model generates a segment in one go, and its time grows with the segment's length. A clause of 40 characters takes
under a second on two cores; a block of 510 phonemes takes eleven.
"""

import re
from collections.abc import Iterator

from speech.segments import Piece
from speech.sentences import split_text

FIRST_CHARS = (12, 60)  # a first clause: its minimum code points, and the length from which a sentence is cut for it
MAX_CHARS = 240  # of any segment: some 300 phonemes in English
CLAUSE_END = re.compile(r"[,;:—–][\s\"”’)]*\s|[、，；：—]+")


def split(text: str, language: str) -> Iterator[Piece]:
    """Yields the segments, which joined are the text. `language` is a BCP 47 tag."""
    is_first = True
    for sentence in split_text(text, language):
        for part in _parts(sentence, is_first=is_first):
            is_first &= not part.strip()
            yield Piece(part, len(part))


def _parts(sentence: str, *, is_first: bool) -> Iterator[str]:
    least, enough = FIRST_CHARS
    if is_first and len(sentence) > enough:
        ends = [match.end() for match in CLAUSE_END.finditer(sentence, 0, enough)]
        cut = next((end for end in ends if end >= least), 0) or _after_word(sentence, enough)
        yield sentence[:cut]
        sentence = sentence[cut:]
    while len(sentence) > MAX_CHARS:
        ends = [match.end() for match in CLAUSE_END.finditer(sentence, 0, MAX_CHARS)]
        cut = ends[-1] if ends and ends[-1] > MAX_CHARS // 3 else _after_word(sentence, MAX_CHARS)
        yield sentence[:cut]
        sentence = sentence[cut:]
    if sentence:
        yield sentence


def _after_word(sentence: str, limit: int) -> int:
    """Returns the last position before `limit` that follows white space; `limit` if there is none."""
    space = max(sentence.rfind(mark, 1, limit) for mark in " \n\t")
    return space + 1 if space > 0 else limit

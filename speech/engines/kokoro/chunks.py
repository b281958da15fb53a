"""Splits a text into segments for Kokoro: sentences, cut only where a speaker would breathe.

The model generates a segment in one go, and its time grows with the segment's length: 80 code points take about a
second on two cores. So a long first sentence is cut after a clause, so that audio starts quickly; other sentences are
only cut if they are too long for the model. The end of a segment decides the pause after it
(`speech.engines.kokoro.pauses`).
"""

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from speech.segments import Piece
from speech.sentences import split_text

MAX_CHARS = 240  # of any segment: some 300 phonemes in English
FIRST_SENTENCE_CHARS = 80  # up to this length, a first sentence is not cut
FIRST_CLAUSE_CHARS = (12, 60)  # a longer one is cut at the end of a clause in this range
FIRST_PHRASE_CHARS = (24, 80)  # else before a word that begins a clause, in this range
WIDE_CHARS = {"ja": 3, "zh": 3}  # one character takes as long as so many English letters

# At a space, never at the end of a line, which has its own pause.
CLAUSE_END = re.compile(r"[,;:—–][ \t\"”’)]*[ \t]|[、，；：—]+")
STRONG_CLAUSE_END = re.compile(r"[;:—–][ \t\"”’)]*[ \t]|[；：—]+")
ELLIPSIS_END = re.compile(r"(?<=\w)[\"”’)]*(?:…|\.{3,})[.…!?]*[\"”’)]*\s*")
PARAGRAPH_BREAK = re.compile(r"\n\s*\n\s*")
LINE = re.compile(r"[^\n]*\n|[^\n]+")
WHITE_SPACE_KEPT = 16  # per segment; more blank lines are a separate segment
WRAPPED_CHARS = 40  # the minimum width of a text with fixed line lengths

# Words that begin a clause, by language: a pause before them is short and natural.
CLAUSE_WORDS = {
    "en": "although because but if since though unless until when where whether which while who",
    "es": "aunque cuando donde mientras pero porque quien si sino",
    "fr": "car lorsque mais parce puisque quand si tandis",
    "hi": "अगर क्योंकि जब जबकि ताकि परंतु मगर लेकिन",
    "it": "ma mentre perché poiché quando se sebbene",
    "pt": "embora enquanto mas porque quando se",
}
BEFORE_CLAUSE = {
    language: re.compile(rf"[ \t](?=(?:{'|'.join(words.split())})\s)") for language, words in CLAUSE_WORDS.items()
}


def split(text: str, language: str) -> Iterator[Piece]:
    """Yields the segments, which joined are the text. `language` is a BCP 47 tag.

    A segment includes the white space after it. White space at the end of the text is a segment with nothing to say.
    """
    return (Piece(part, len(part)) for part in _with_white_space(_pieces(text, language.partition("-")[0])))


def _pieces(text: str, language: str) -> Iterator[str]:
    is_first = True
    for lines in _lines(text):
        for sentence in split_text(lines, language):
            for phrase in _phrases(sentence):
                for part in _parts(phrase, language, is_first=is_first):
                    is_first &= not part.strip()
                    yield part


def _with_white_space(parts: Iterable[str]) -> Iterator[str]:
    """Appends white space to the segment before it. At the end of the text, it is separate."""
    held = ""
    for part in parts:
        if held and (held.isspace() or not part.isspace() or len(part) > WHITE_SPACE_KEPT):
            yield held
            held = part
        else:
            held += part
    end = len(held.rstrip())
    yield from filter(None, (held[:end], held[end:]))


def _lines(text: str) -> Iterator[str]:
    """Yields the lines of a list, a poem or an address one by one. Joins lines that were only wrapped to a width."""
    start = 0
    for gap in chain(PARAGRAPH_BREAK.finditer(text), (None,)):
        end = gap.end() if gap else len(text)
        yield from _lines_of_paragraph(text[start:end])
        start = end


def _lines_of_paragraph(paragraph: str) -> Iterator[str]:
    lines = LINE.findall(paragraph)
    if not lines:
        return
    widths = [len(line.rstrip()) for line in lines]
    words = [(line.split(maxsplit=1) or [""])[0] for line in lines]
    width = max(widths, default=0)
    # A line is full if the next word would not have fitted. If the next line also begins in lower case, a program
    # wrapped the lines, not the writer.
    is_full = [
        width >= WRAPPED_CHARS and size + 1 + len(word) > width
        for size, word in zip(widths, [*words[1:], ""], strict=True)
    ]
    is_wrapped = any(
        full and word and not word[0].isupper() for full, word in zip(is_full, [*words[1:], ""], strict=True)
    )
    joined: list[str] = []
    for line, full in zip(lines, is_full, strict=True):
        joined.append(line)
        if not (is_wrapped and full):
            yield "".join(joined)
            joined.clear()
    if joined:
        yield "".join(joined)


def _phrases(sentence: str) -> Iterator[str]:
    """Splits after every ellipsis between words."""
    start = 0
    for found in ELLIPSIS_END.finditer(sentence):
        is_range = sentence[found.end() : found.end() + 1].isdigit() and not found[0][-1].isspace()
        if not is_range and found.end() < len(sentence):
            yield sentence[start : found.end()]
            start = found.end()
    yield sentence[start:]


def _parts(sentence: str, language: str, *, is_first: bool) -> Iterator[str]:
    wide = WIDE_CHARS.get(language, 1)
    if is_first and len(sentence) * wide > FIRST_SENTENCE_CHARS and (cut := _first_cut(sentence, language, wide)):
        yield sentence[:cut]
        sentence = sentence[cut:]
    longest = MAX_CHARS // wide
    while len(sentence) > longest:
        cut = _middle_cut(sentence, language, longest)
        yield sentence[:cut]
        sentence = sentence[cut:]
    if sentence:
        yield sentence


def _first_cut(sentence: str, language: str, wide: int) -> int:
    """Returns the end of a first clause; 0 if there is none early enough."""
    for pattern, (least, most) in ((CLAUSE_END, FIRST_CLAUSE_CHARS), (BEFORE_CLAUSE.get(language), FIRST_PHRASE_CHARS)):
        if pattern:
            ends = (found.end() for found in pattern.finditer(sentence, 0, most // wide + 1))
            if cut := next((end for end in ends if least // wide <= end <= most // wide), 0):
                return cut
    return 0


def _middle_cut(sentence: str, language: str, longest: int) -> int:
    """Returns the best position to cut a sentence that is too long, as close as possible to equal parts."""
    wanted = len(sentence) / -(-len(sentence) // longest)
    for pattern in (STRONG_CLAUSE_END, CLAUSE_END, BEFORE_CLAUSE.get(language)):
        if pattern:
            ends = [found.end() for found in pattern.finditer(sentence, 0, longest)]
            near = min(ends, key=lambda end: abs(end - wanted), default=0)
            if near > wanted / 2:
                return near
    return _after_word(sentence, longest)


def _after_word(sentence: str, limit: int) -> int:
    """Returns the last position before `limit` that follows white space; `limit` if there is none."""
    space = max(sentence.rfind(mark, 1, limit) for mark in " \n\t")
    return space + 1 if space > 0 else limit

"""Splits plain text into sentences, and very long sentences into parts.

The splitter is quadratic in the length of some texts, such as one of opening quotation marks, and blocks the process
meanwhile. It therefore never sees more than WINDOW_CHARS.
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import zip_longest

from sentencex import segment

from speech.abbreviations import goes_on

MAX_SEGMENT_CHARS = 1000  # one step of progress, and what an engine gets at a time
# The worst text takes 12 ms per window (measured). Sentences are taken from the beginning of a window only: the rest
# shows whether a quotation or a pair of brackets that opens before its end also closes.
WINDOW_CHARS = 4096
LOOK_AHEAD_CHARS = 2048
IDEOGRAPHIC_END = re.compile(r"[。！？｡]+[」』）”’]*")
CLAUSE_END = re.compile(r"[,;:،؛]\s+|[、，；：]\s*")
WHITE_SPACE = re.compile(r"\s+")
BARE_COMMA = re.compile(r"[,;](?!\d)")
PLACES = (CLAUSE_END, WHITE_SPACE, BARE_COMMA)  # where to cut, best first
ZERO_WIDTH_JOINER = "\u200d"
JOINERS = "\u200c\u200d"
MAX_JOINED_CHARS = 32  # no real letter carries more marks than that
PARAGRAPH_BREAK = re.compile(r"\n\s*\n")
CLOSING_QUOTES = {'"': '"', "«": "»", "»": "«", "“": "”", "„": "“", "‘": "’", "‹": "›", "「": "」", "《": "》"}
QUOTES = re.compile(f"[{''.join({*CLOSING_QUOTES, *CLOSING_QUOTES.values()})}]")


def split_text(text: str, language: str) -> Iterator[str]:
    """Yields parts of at most MAX_SEGMENT_CHARS code points which, joined, are the text again.

    `language` is a BCP 47 tag. Splits by paragraph first, so that memory follows the paragraph and not the text, then
    by sentence. A longer sentence is cut after a clause, else after a word, and inside a word only if there is no white
    space.
    """
    for paragraph in _paragraphs(text):
        for block in _blocks(paragraph):
            yield from _sentences(block, language.partition("-")[0])


def _sentences(block: str, language: str) -> Iterator[str]:
    """Yields a block's sentences window by window, each cut to size. `language` is a two- or three-letter code."""
    start, quote = 0, ""
    while len(block) - start > WINDOW_CHARS:
        window, taken = block[start : start + WINDOW_CHARS], 0
        for sentence in _segment(window, language, quote=quote):
            if taken + len(sentence) > WINDOW_CHARS - LOOK_AHEAD_CHARS:
                break
            yield from _cut(sentence)
            taken += len(sentence)
        if not taken:
            # One sentence fills the window: it is longer than a segment, whatever follows.
            *parts, _rest = _cut(window[: WINDOW_CHARS - LOOK_AHEAD_CHARS])
            yield from parts
            taken = sum(map(len, parts))
        quote = _open_quote(window[:taken], quote)
        start += taken
    for sentence in _segment(block[start:], language, quote=quote):
        yield from _cut(sentence)


def _segment(window: str, language: str, *, quote: str) -> list[str]:
    """Returns the splitter's sentences. `quote` is the mark of a quotation that began before the window, or ""."""
    if window.isspace():  # the splitter would return every blank line separately
        return [window]
    first, *others = segment(language, quote + window)
    sentences = [sentence for sentence in (first.removeprefix(quote), *others) if sentence]
    return list(_joined(sentences, language))


def _joined(sentences: list[str], language: str) -> Iterator[str]:
    """Joins sentences that the splitter cut after an abbreviation."""
    parts: list[str] = []
    for sentence, following in zip_longest(sentences, sentences[1:], fillvalue=""):
        parts.append(sentence)
        if not following or not goes_on(sentence, following, language):
            yield "".join(parts)
            parts.clear()


def _open_quote(text: str, before: str) -> str:
    """Returns the opening mark of a quotation still open at the end of the text. `before` is open at its start."""
    opened = before
    for mark in QUOTES.finditer(text):
        if not opened:
            opened = mark[0] if mark[0] in CLOSING_QUOTES else ""
        elif mark[0] == CLOSING_QUOTES[opened]:
            opened = ""
    return opened


def _paragraphs(text: str) -> Iterator[str]:
    start = 0
    for gap in PARAGRAPH_BREAK.finditer(text):
        yield text[start : gap.end()]
        start = gap.end()
    if start < len(text):
        yield text[start:]


def _blocks(paragraph: str) -> Iterator[str]:
    """Yields whole sentences, several at a time, of scripts whose sentences end without white space."""
    start = 0
    for end in IDEOGRAPHIC_END.finditer(paragraph):
        if end.end() - start >= MAX_SEGMENT_CHARS:
            yield paragraph[start : end.end()]
            start = end.end()
    if start < len(paragraph):
        yield paragraph[start:]


def _cut(sentence: str) -> Iterator[str]:
    while len(sentence) > MAX_SEGMENT_CHARS:
        end = next(filter(None, (_end_of_last(place, sentence) for place in PLACES)), 0) or _end_of_character(sentence)
        yield sentence[:end]
        sentence = sentence[end:]
    if sentence:
        yield sentence


def _end_of_last(pattern: re.Pattern[str], sentence: str) -> int:
    """Returns the end of the last match in the second half of a segment's length, or 0."""
    end = 0
    for found in pattern.finditer(sentence, MAX_SEGMENT_CHARS // 2, MAX_SEGMENT_CHARS):
        end = found.end()
    return end


def _end_of_character(sentence: str) -> int:
    """Returns the last position for a cut that does not separate a mark from its letter, or split a joined emoji."""
    for end in range(MAX_SEGMENT_CHARS, MAX_SEGMENT_CHARS - MAX_JOINED_CHARS, -1):
        before, after = sentence[end - 1], sentence[end]
        if before != ZERO_WIDTH_JOINER and not _continues(after):
            return end
    return MAX_SEGMENT_CHARS


def _continues(char: str) -> bool:
    """Whether the character is drawn, and spoken, together with the one before it."""
    return unicodedata.category(char)[0] == "M" or char in JOINERS or "\U0001f3fb" <= char <= "\U0001f3ff"

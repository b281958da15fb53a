"""A text as pieces an engine can speak one after the other: sentences, and parts of those that are very long."""

import re
from collections.abc import Iterator

from sentencex import segment as split_sentences

MAX_SEGMENT_CHARS = 1000  # a progress step, and what an engine holds at a time
IDEOGRAPHIC_END = re.compile(r"[。！？｡]+[」』）”’]*")
PARAGRAPH_BREAK = re.compile(r"\n\s*\n")


def split_text(text: str, language: str) -> Iterator[str]:
    """Pieces of at most MAX_SEGMENT_CHARS code points which, joined, are the text again.

    `language` is a BCP 47 tag. Paragraphs first, so that memory follows the paragraph and not the text; then sentences; a
    longer one is cut after white space, and only where there is none, inside a word.
    """
    for paragraph in _paragraphs(text):
        for block in _blocks(paragraph):
            for sentence in split_sentences(language.partition("-")[0], block):
                yield from _cut(sentence)


def _paragraphs(text: str) -> Iterator[str]:
    start = 0
    for gap in PARAGRAPH_BREAK.finditer(text):
        yield text[start : gap.end()]
        start = gap.end()
    if start < len(text):
        yield text[start:]


def _blocks(paragraph: str) -> Iterator[str]:
    """Whole sentences at a time: without white space the splitter takes the square of the length."""
    start = 0
    for end in IDEOGRAPHIC_END.finditer(paragraph):
        if end.end() - start >= MAX_SEGMENT_CHARS:
            yield paragraph[start : end.end()]
            start = end.end()
    if start < len(paragraph):
        yield paragraph[start:]


def _cut(sentence: str) -> Iterator[str]:
    while len(sentence) > MAX_SEGMENT_CHARS:
        space = max(sentence.rfind(mark, MAX_SEGMENT_CHARS // 2, MAX_SEGMENT_CHARS) for mark in " \n\t,;、，")
        end = space + 1 if space >= 0 else MAX_SEGMENT_CHARS
        yield sentence[:end]
        sentence = sentence[end:]
    if sentence:
        yield sentence

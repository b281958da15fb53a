"""Prepares plain text for the library: removes what it must not see, and adds the pauses between segments."""

import unicodedata
from collections.abc import Iterator
from dataclasses import replace

from speech.segments import Piece

COMMAS = frozenset(",;:،؛、，；：")  # punctuation that does not end a sentence


def plain_text(text: str) -> str:
    """Removes characters that the library would take as a command or cannot handle.

    Control characters become spaces (\\x01 starts a command inside the text, NUL ends it) except for line breaks and
    tabs; lone surrogates become question marks.
    """
    cleaned = "".join(
        " " if unicodedata.category(character) == "Cc" and character not in "\n\r\t" else character
        for character in text
    )
    return cleaned.encode("utf-8", errors="replace").decode("utf-8")


def mark_what_follows(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Yields the segments of a plain text, all but the last ending with white space, which `pauses_after` relies on."""
    waiting: Piece | None = None
    for piece in pieces:
        if waiting is not None and not piece.text.strip():
            waiting = Piece(_with_gap(waiting.text, piece.text), waiting.source_chars + piece.source_chars)
            continue
        if waiting is not None:
            # For sentences without a space between them, as in Japanese.
            yield waiting if waiting.text[-1:].isspace() else replace(waiting, text=f"{waiting.text}\n")
        waiting = piece
    if waiting is not None:
        yield replace(waiting, text=waiting.text.rstrip())


def _with_gap(text: str, gap: str) -> str:
    """Appends white space, no longer than `pauses_after` can use: the source may have half a megabyte of it."""
    if text.endswith("\n\n"):
        return text
    return text + ("\n" * min(gap.count("\n"), 2) or " ")


def pauses_after(text: str) -> bool:
    """Whether a segment of plain text ends a sentence or a paragraph and more text follows.

    There is no pause after a sentence that was cut because of its length.
    """
    spoken = text.rstrip()
    if len(spoken) == len(text):
        return False
    if text[len(spoken) :].count("\n") > 1:
        return True
    while spoken and (spoken[-1] in "\"'" or unicodedata.category(spoken[-1]) in ("Pe", "Pf")):
        spoken = spoken[:-1]
    return unicodedata.category(spoken[-1:] or " ") == "Po" and spoken[-1] not in COMMAS

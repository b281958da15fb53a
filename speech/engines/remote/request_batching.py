"""A text as requests: as few as the provider's limit allows, the first one short so that it is heard soon.

Owns the packing. Where a text may be cut is `speech.segments`.
"""

from collections.abc import Iterator
from html import escape

from speech.segments import Piece, split_into_pieces
from speech.ssml import read_ssml, start_tag

OPEN, CLOSE = "<speak>", "</speak>"  # around every piece of SSML


def split_for_requests(text: str, *, text_format: str, language: str, max_bytes: int) -> Iterator[Piece]:
    """The first sentence, then as many at a time as fit into `max_bytes` of UTF-8.

    One sentence that is larger stays as `speech.segments` has cut it: at most 1,000 code points of text, plus what SSML
    is around them. All pieces' `source_chars` add up to the code points of the text. Raises SsmlError.
    """
    is_ssml = text_format == "ssml"
    pieces = split_into_pieces(text, text_format=text_format, language=language)
    first = next(pieces, None)
    if first is None:
        return
    yield first
    waiting: Piece | None = None
    for piece in pieces:
        joined = piece if waiting is None else _join(waiting, piece, is_ssml=is_ssml)
        if waiting is not None and len(joined.text.encode()) > max_bytes:
            yield waiting
            joined = piece
        waiting = joined
    if waiting is not None:
        yield waiting


def whole_ssml(text: str) -> str:
    """The same document, written by us: what a provider gets is never a caller's own markup. Raises SsmlError."""
    parts = []
    for token in read_ssml(text):
        if token.kind == "open":
            # What `speak` says of itself (a language, a version) is for nobody: the voice decides.
            parts.append(start_tag(token.value, {} if token.value == "speak" else token.attributes))
        else:
            parts.append(f"</{token.value}>" if token.kind == "close" else escape(token.value, quote=False))
    return "".join(parts)


def _join(before: Piece, after: Piece, *, is_ssml: bool) -> Piece:
    source_chars = before.source_chars + after.source_chars
    if not is_ssml:
        return Piece(before.text + after.text, source_chars)
    return Piece(before.text.removesuffix(CLOSE) + after.text.removeprefix(OPEN), source_chars)

"""Packs a text into as few requests as the provider's limit allows, the first one short so that audio starts quickly.

`speech.segments` decides where a text may be cut.
"""

from collections.abc import Iterator, Mapping
from html import escape

from speech.segments import Piece, split_into_pieces
from speech.ssml import read_ssml, start_tag

OPEN, CLOSE = "<speak>", "</speak>"  # around every SSML segment


def split_for_requests(text: str, *, text_format: str, language: str, max_bytes: int) -> Iterator[Piece]:
    """Yields the first sentence, then as many at a time as fit into `max_bytes` of UTF-8.

    A single sentence that is larger stays as `speech.segments` has cut it: at most 1,000 code points of text, plus the
    surrounding SSML. The `source_chars` of all segments add up to the code points of the text. Raises SsmlError.
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
    """Returns the same document, rewritten: a provider never gets a caller's own markup. Raises SsmlError."""
    parts = []
    for token in read_ssml(text):
        if token.kind == "open":
            parts.append(start_tag(token.value, _for_providers(token.value, token.attributes)))
        else:
            parts.append(f"</{token.value}>" if token.kind == "close" else escape(token.value, quote=False))
    return "".join(parts)


def _for_providers(name: str, attributes: Mapping[str, str]) -> Mapping[str, str]:
    if name == "speak":
        return {}  # a language, a version: the voice decides
    if name == "voice":
        return {key: value for key, value in attributes.items() if key != "name"}  # `name` is one of our own voices
    return attributes


def _join(before: Piece, after: Piece, *, is_ssml: bool) -> Piece:
    source_chars = before.source_chars + after.source_chars
    if not is_ssml:
        return Piece(before.text + after.text, source_chars)
    return Piece(before.text.removesuffix(CLOSE) + after.text.removeprefix(OPEN), source_chars)

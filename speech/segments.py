"""Splits a text of any format into segments that an engine speaks one after the other.

`speech.sentences` decides where a plain text may be cut.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape

from speech.sentences import MAX_SEGMENT_CHARS, split_text
from speech.ssml import Token, read_ssml, start_tag


@dataclass(frozen=True, slots=True)
class Piece:
    """The text of one segment. The `source_chars` of all segments add up to the code points of the whole text."""

    text: str
    source_chars: int


def split_into_pieces(text: str, *, text_format: str, language: str) -> Iterator[Piece]:
    """Yields the segments of a text in order. `language` is a BCP 47 tag. Raises SsmlError."""
    if text_format == "ssml":
        yield from split_ssml(text, language)
        return
    for part in split_text(text, language):
        yield Piece(part, len(part))


def split_ssml(text: str, language: str) -> Iterator[Piece]:
    """Yields the segments of an SSML text, each a complete document that reopens the surrounding elements.

    A segment ends with a sentence or an `s` or `p`, and the breaks that follow them, or between two elements once it is
    long; never inside a `say-as`, `sub` or `phoneme`. Raises SsmlError.
    """
    draft = _Draft()
    done = _Spoken(len(text))
    is_over = False  # after an `s` or a `p`
    for token in read_ssml(text):
        if is_over and _begins_another(token):
            yield from done.up_to(token.start, draft.finish())
            is_over = False
        if token.kind == "open":
            if not draft.is_whole and token.start - done.cut_at >= MAX_SEGMENT_CHARS:
                yield from done.up_to(token.start, draft.finish())
            draft.open(token.value, token.attributes)
        elif token.kind == "close":
            draft.close(token.value)
            is_over |= token.value in ("p", "s")
        elif draft.is_whole:
            draft.add(token.value)
        else:
            at = token.start
            for sentence in split_text(token.value, language):
                if at > token.start:
                    # Approximate where the source writes a character in more than one (&amp;); the end is exact again.
                    yield from done.up_to(at, draft.finish())
                draft.add(sentence)
                at += len(sentence)
    yield from done.rest(draft.finish())


def _begins_another(token: Token) -> bool:
    """Whether a segment that is over ends before this token."""
    if token.kind == "text":
        return bool(token.value.strip())
    return token.kind == "open" and token.value not in ("break", "mark")


class _Spoken:
    """Emits each segment when the next one starts, so that inaudible source can be counted with the one before."""

    def __init__(self, source_chars: int) -> None:
        self.cut_at = 0
        self._source_chars = source_chars
        self._waiting: str | None = None
        self._counted = 0

    def up_to(self, at: int, markup: str) -> Iterator[Piece]:
        """Ends a segment at this position of the source. An empty `markup` only moves the position."""
        if markup:
            yield from self._hand_out()
            self._waiting = markup
        self.cut_at = max(self.cut_at, min(at, self._source_chars))

    def rest(self, markup: str) -> Iterator[Piece]:
        yield from self.up_to(self._source_chars, markup)
        self.cut_at = self._source_chars
        yield from self._hand_out()

    def _hand_out(self) -> Iterator[Piece]:
        if self._waiting is not None:
            yield Piece(self._waiting, self.cut_at - self._counted)
            self._counted, self._waiting = self.cut_at, None


@dataclass(slots=True)
class _Opened:
    name: str
    attributes: Mapping[str, str]
    index: int  # of its start tag in the draft


class _Draft:
    """The segment that is being built."""

    def __init__(self) -> None:
        self._stack: list[_Opened] = []
        self._parts: list[str] = []
        self._is_audible = False

    @property
    def is_whole(self) -> bool:
        """Whether the current element must not be cut."""
        return bool(self._stack) and self._stack[-1].name in ("say-as", "sub", "phoneme", "break", "mark")

    def open(self, name: str, attributes: Mapping[str, str]) -> None:
        # The attributes of `speak` (a language, a version) are dropped: the voice decides.
        self._stack.append(_Opened(name, {} if name == "speak" else attributes, len(self._parts)))
        self._parts.append(start_tag(name, self._stack[-1].attributes))
        self._is_audible |= name in ("break", "sub")

    def close(self, name: str) -> None:
        self._stack.pop()
        self._parts.append(f"</{name}>")
        self._is_audible |= name in ("p", "s")  # for the pause after it

    def add(self, text: str) -> None:
        self._parts.append(escape(text, quote=False))
        self._is_audible |= bool(text.strip())

    def finish(self) -> str:
        """Returns the segment so far, or "" if it is inaudible. Open elements continue in the next one."""
        closing: list[str] = []
        for opened in self._stack:
            # The end of a paragraph is a pause. It belongs to the segment with the real end; this one keeps the
            # language.
            name = opened.name
            if name in ("p", "s"):
                name = "lang" if opened.attributes else ""
                self._parts[opened.index] = start_tag(name, opened.attributes) if name else ""
            closing.insert(0, f"</{name}>" if name else "")
        markup = "".join(self._parts + closing)
        is_audible, stack = self._is_audible, self._stack
        self._stack, self._parts, self._is_audible = [], [], False
        for opened in stack:
            self._stack.append(_Opened(opened.name, opened.attributes, len(self._parts)))
            self._parts.append(start_tag(opened.name, opened.attributes))
        return markup if is_audible else ""

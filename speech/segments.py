"""A text in either format as pieces an engine can speak one after the other.

Where a plain text may be cut is `speech.sentences`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape

from speech.sentences import MAX_SEGMENT_CHARS, split_text
from speech.ssml import read_ssml, start_tag


@dataclass(frozen=True, slots=True)
class Piece:
    """What is spoken in one go. All pieces' `source_chars` add up to the code points of the whole text."""

    text: str
    source_chars: int


def split_into_pieces(text: str, *, text_format: str, language: str) -> Iterator[Piece]:
    """The pieces of a text in either format, in order. `language` is a BCP 47 tag. Raises SsmlError."""
    if text_format == "ssml":
        yield from split_ssml(text, language)
        return
    for part in split_text(text, language):
        yield Piece(part, len(part))


def split_ssml(text: str, language: str) -> Iterator[Piece]:
    """The same of SSML: every piece a document of its own, written by us, with its surrounding elements open again.

    A piece ends with a sentence or an `s` or `p`, and in a longer run between two elements; never inside a `say-as`,
    `sub` or `phoneme`. Raises SsmlError.
    """
    draft = _Draft()
    done = _Spoken(len(text))
    for token in read_ssml(text):
        if token.kind == "open":
            if not draft.is_whole and token.start - done.cut_at >= MAX_SEGMENT_CHARS:
                yield from done.up_to(token.start, draft.finish())
            draft.open(token.value, token.attributes)
        elif token.kind == "close":
            draft.close(token.value)
            if token.value in ("p", "s"):
                yield from done.up_to(token.start + len(f"</{token.value}>"), draft.finish())
        elif draft.is_whole:
            draft.add(token.value)
        else:
            at = token.start
            for sentence in split_text(token.value, language):
                if at > token.start:
                    # A guess where the source writes a character longer than it is (&amp;); the end is exact again.
                    yield from done.up_to(at, draft.finish())
                draft.add(sentence)
                at += len(sentence)
    yield from done.rest(draft.finish())


class _Spoken:
    """Hands out pieces, each when the next one begins, so that what holds nothing to hear can join the one before."""

    def __init__(self, source_chars: int) -> None:
        self.cut_at = 0
        self._source_chars = source_chars
        self._waiting: str | None = None
        self._counted = 0

    def up_to(self, at: int, markup: str) -> Iterator[Piece]:
        """A piece that ends at this place of the source; "" says nothing and only moves the place."""
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
    """The piece that is being written."""

    def __init__(self) -> None:
        self._stack: list[_Opened] = []
        self._parts: list[str] = []
        self._is_audible = False

    @property
    def is_whole(self) -> bool:
        """Inside an element that is never cut."""
        return bool(self._stack) and self._stack[-1].name in ("say-as", "sub", "phoneme", "break")

    def open(self, name: str, attributes: Mapping[str, str]) -> None:
        # What `speak` says of itself (a language, a version) is for nobody: the voice decides.
        self._stack.append(_Opened(name, {} if name == "speak" else attributes, len(self._parts)))
        self._parts.append(start_tag(name, self._stack[-1].attributes))
        self._is_audible |= name in ("break", "sub")

    def close(self, name: str) -> None:
        self._stack.pop()
        self._parts.append(f"</{name}>")
        self._is_audible |= name in ("p", "s")  # the pause after it

    def add(self, text: str) -> None:
        self._parts.append(escape(text, quote=False))
        self._is_audible |= bool(text.strip())

    def finish(self) -> str:
        """The piece so far, or "" when nothing in it can be heard; what is open goes on in the next one."""
        closing: list[str] = []
        for opened in self._stack:
            # The end of a paragraph is a pause. It belongs to the piece with the true end; this one keeps the language.
            name = opened.name
            if name in ("p", "s"):
                name = "voice" if opened.attributes else ""
                self._parts[opened.index] = start_tag(name, opened.attributes) if name else ""
            closing.insert(0, f"</{name}>" if name else "")
        markup = "".join(self._parts + closing)
        is_audible, stack = self._is_audible, self._stack
        self._stack, self._parts, self._is_audible = [], [], False
        for opened in stack:
            self._stack.append(_Opened(opened.name, opened.attributes, len(self._parts)))
            self._parts.append(start_tag(opened.name, opened.attributes))
        return markup if is_audible else ""

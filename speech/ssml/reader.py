"""Parses SSML with expat, which expands no entities and opens no files. Errors name their position in the text."""

import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Literal, NamedTuple, NoReturn
from xml.parsers import expat

from speech.ssml.elements import ELEMENTS, MAX_WHOLE_CHARS, Element, SsmlError

MAX_DEPTH = 16  # nested elements; eSpeak's stack has 20 places
MAX_SHOWN_CHARS = 40  # of a caller's name in a message

_ROOT = "<speak>"
_SPACES = re.compile(r"\s*")
_BEGINS_ROOT = re.compile(r"<(?:\?xml|!DOCTYPE|speak[\s/>])")


class Token(NamedTuple):
    """A start tag, an end tag, or a run of text. Every start tag has an end tag."""

    kind: Literal["open", "close", "text"]
    value: str  # the element's name, or the text itself
    attributes: Mapping[str, str]
    start: int  # position in the source, in code points


def read_ssml(text: str) -> Iterator[Token]:
    """Yields the tokens in order, `speak` around them. Memory does not grow with the text. Raises SsmlError lazily."""
    reader = _Reader(text)
    yield from reader.read()


def check_ssml(text: str) -> None:
    """Raises SsmlError if the text is invalid or has no audible content."""
    is_audible = False
    for token in read_ssml(text):
        is_audible |= bool(token.value.strip()) if token.kind == "text" else token.value in ("break", "sub", "phoneme")
    if not is_audible:
        raise SsmlError("The text contains nothing that can be spoken.")


def start_tag(name: str, attributes: Mapping[str, str]) -> str:
    return "".join(["<", name, *(f' {key}="{escape(value)}"' for key, value in attributes.items()), ">"])


class _Reader:
    """Reads one text, once."""

    def __init__(self, text: str) -> None:
        self._prefix = "" if _has_root(text) else _ROOT
        suffix = "</speak>" if self._prefix else ""
        # Lone surrogates become bytes that expat refuses.
        self._bytes = f"{self._prefix}{text}{suffix}".encode("utf-8", "surrogatepass")
        self._source_chars = len(text)
        self._counted_bytes, self._counted_chars = 0, -len(self._prefix)
        self._stack: list[str] = []
        self._tokens: list[Token] = []
        self._text: list[str] = []
        self._text_start = 0
        self._whole_chars = 0
        self._parser = expat.ParserCreate("utf-8")  # overrides the encoding of an XML declaration
        self._parser.StartElementHandler = self._open
        self._parser.EndElementHandler = self._close
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = lambda *_: self._refuse("A document type (DTD) is not allowed.")
        self._parser.EntityDeclHandler = lambda *_: self._refuse("Entities are not allowed.")
        self._parser.ExternalEntityRefHandler = lambda *_: self._refuse("Entities are not allowed.")
        self._parser.ProcessingInstructionHandler = lambda target, _: self._refuse(
            f"The processing instruction <?{_shown(target)}?> is not allowed."
        )

    def read(self) -> Iterator[Token]:
        step = 16_384
        for start in range(0, len(self._bytes), step):
            self._feed(self._bytes[start : start + step], is_last=start + step >= len(self._bytes))
            yield from self._tokens
            self._tokens.clear()

    def _feed(self, data: bytes, *, is_last: bool) -> None:
        try:
            self._parser.Parse(data, is_last)
        except expat.ExpatError as error:
            self._refuse(self._in_plain_words(error.code), line=error.lineno, column=error.offset)

    def _in_plain_words(self, code: int) -> str:
        rest = self._bytes[self._parser.ErrorByteIndex :][:80].decode("utf-8", "replace")
        entity = re.match(r"&[^\s;&<]{1,40};", rest)
        if code == expat.errors.codes[expat.errors.XML_ERROR_UNDEFINED_ENTITY] and entity:
            return f"The entity {entity[0]} is not declared. Use the character itself."
        if code == expat.errors.codes[expat.errors.XML_ERROR_TAG_MISMATCH] and self._stack:
            return f"The element <{self._stack[-1]}> is not closed."
        return f"This is not well-formed XML: {expat.ErrorString(code)}."

    def _open(self, name: str, raw: dict[str, str]) -> None:
        self._end_text()
        element = ELEMENTS.get(name)
        if element is None:
            self._refuse(f"The element <{_shown(name)}> is not allowed.")
        if (name == "speak") is bool(self._stack):
            self._refuse("The element <speak> must be the root element and appear once.")
        around = ELEMENTS[self._stack[-1]] if self._stack else None
        if around is not None and around.holds != "anything":
            self._refuse(f"<{name}> is not allowed inside <{self._stack[-1]}>.")
        for outer in element.never_in:
            if outer in self._stack:
                self._refuse(f"<{name}> is not allowed inside <{outer}>.")
        if len(self._stack) >= MAX_DEPTH:
            self._refuse(f"Elements are nested more than {MAX_DEPTH} levels deep.")
        self._stack.append(name)
        self._whole_chars = 0
        self._tokens.append(Token("open", name, self._checked(name, element, raw), self._position()))

    def _checked(self, name: str, element: Element, raw: dict[str, str]) -> dict[str, str]:
        for missing in element.required:
            if missing not in raw:
                self._refuse(f"<{name}> requires the attribute {missing}.")
        attributes = {}
        for key, value in raw.items():
            check = element.attributes.get(key)
            if check is None:
                self._refuse(f"The attribute {_shown(key)} is not allowed on <{name}>.")
            try:
                attributes[key] = check(value.strip())
            except SsmlError as error:
                self._refuse(f"{key} of <{name}> {error}.")
        return attributes

    def _close(self, name: str) -> None:
        self._end_text()
        self._stack.pop()
        self._tokens.append(Token("close", name, {}, self._position()))

    def _characters(self, data: str) -> None:
        if not self._text:
            self._text_start = self._position()
        holder = ELEMENTS[self._stack[-1]].holds
        if holder == "nothing" and data.strip():
            self._refuse(f"<{self._stack[-1]}> must be empty.")
        self._whole_chars += len(data)
        if holder == "text" and self._whole_chars > MAX_WHOLE_CHARS:
            self._refuse(f"<{self._stack[-1]}> contains more than {MAX_WHOLE_CHARS:,} characters.")
        self._text.append(data)

    def _end_text(self) -> None:
        if self._text:
            self._tokens.append(Token("text", "".join(self._text), {}, self._text_start))
            self._text.clear()

    def _position(self) -> int:
        """Returns the code points before the current event. Counted on from the last one, so linear in total."""
        index = self._parser.CurrentByteIndex
        self._counted_chars += len(self._bytes[self._counted_bytes : index].decode("utf-8", "replace"))
        self._counted_bytes = index
        return min(max(self._counted_chars, 0), self._source_chars)

    def _refuse(self, reason: str, *, line: int = 0, column: int = -1) -> NoReturn:
        line = line or self._parser.CurrentLineNumber
        column = column if column >= 0 else self._parser.CurrentColumnNumber
        column = max(column - len(self._prefix), 0) if line == 1 else column
        raise SsmlError(f"line {line}, column {column + 1}: {reason}")


def _has_root(text: str) -> bool:
    """Whether the text has its own root element, after white space and comments."""
    at = _end_of_spaces(text, 1 if text.startswith("\ufeff") else 0)
    while text.startswith("<!--", at):
        end = text.find("-->", at + 4)
        if end < 0:
            return False
        at = _end_of_spaces(text, end + 3)
    return _BEGINS_ROOT.match(text, at) is not None


def _end_of_spaces(text: str, at: int) -> int:
    spaces = _SPACES.match(text, at)
    assert spaces is not None
    return spaces.end()


def _shown(text: str) -> str:
    """Shortens a name from the caller's text for a message."""
    return text if len(text) <= MAX_SHOWN_CHARS else f"{text[:MAX_SHOWN_CHARS]}…"

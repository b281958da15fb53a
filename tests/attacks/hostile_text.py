"""Every function that sees a caller's text, with half a megabyte of what is worst for it.

python -m tests.attacks.hostile_text [words of a function's or an input's name]

The whole product of functions and inputs, each read to its end; `tests.tts.test_hostile_text` runs a part of it.
"""

import os
import sys
import unicodedata
from collections.abc import Callable, Generator, Iterator
from functools import cache
from html import escape
from itertools import islice
from typing import Any

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()

from config.errors import DomainError
from speech.engines.base import EngineError
from tests.attacks import road
from tests.attacks.gil import longest_hold_seconds

SIZE_BYTES = 500_000  # what the longest voices take
LIMIT_SECONDS = 0.050


# --- texts ---------------------------------------------------------------------------------------


def repeated(unit: str) -> str:
    """As often as it fits into SIZE_BYTES of UTF-8."""
    return unit * (SIZE_BYTES // len(unit.encode()))


@cache
def characters_by_category() -> dict[str, str]:
    """All assigned characters, by Unicode general category. Not surrogates and NUL: no request gets in with them."""
    found: dict[str, list[str]] = {}
    for code in range(1, sys.maxunicode + 1):
        found.setdefault(unicodedata.category(chr(code)), []).append(chr(code))
    return {category: "".join(characters) for category, characters in found.items() if category not in ("Cs", "Cn")}


def category_texts() -> Iterator[tuple[str, str]]:
    """One character of each category again and again, and all of a category in turn."""
    for category, characters in characters_by_category().items():
        yield f"{category} {characters[0]!a}", repeated(characters[0])
        yield f"all of {category}", repeated(characters[:20_000])


def paired_mark_texts() -> Iterator[tuple[str, str]]:
    """Each bracket and quotation mark, alone."""
    by_category = characters_by_category()
    for mark in dict.fromkeys("\"'`" + "".join(by_category[category] for category in ("Ps", "Pe", "Pi", "Pf"))):
        yield f"mark {mark!a}", repeated(mark)


UNITS = {
    "alternating combining marks": "\u0301\u0323",
    "many marks on one letter": "a" + "\u0301\u0323\u0315\u0327" * 500,
    "one long word": "a",
    "one long word of capitals": "A",
    "one long word of two bytes": "ж",
    "Han": "中",
    "Han sentences": "中文。",
    "Han sentences with quotations": "「中文。」",
    "closing after a full stop": "。」",
    "one line of words": "word ",
    "one line of sentences": "One sentence follows another. ",
    "unclosed quotations": "She said “ no. ",
    "unclosed straight quotation": 'A 6" pipe. ',
    "quotations in quotations": "“‘«„‹",
    "question and closing mark": "?”",
    "opening mark and full stop": "“.",
    "closing mark and full stop": "”. ",
    "nested brackets": "([{<",
    "unclosed brackets": "(a. ",
    "references": "a.[1] [2]",
    "digits": "7",
    "numbers": "1234567890,",
    "decimals": "3.14159 ",
    "versions": "1.2.",
    "list": "\n1. a",
    "dots": ".",
    "ellipses": "… ",
    "commas": ",",
    "abbreviations": "e.g. ",
    "initials": "J. ",
    "email addresses": "a@b.c ",
    "half an email address": "a@",
    "at signs": "@",
    "exclamations": "!",
    "slashes": "/",
    "line feeds": "\n",
    "lines": "a\n",
    "line feeds and spaces": "\n ",
    "spaces in a line feed": "\n" + " " * 100_000,
    "carriage returns": "\r",
    "paragraphs": "a\n\n",
    "Windows paragraphs": "a.\r\n\r\n",
    "spaces": " ",
    "tabs": "\t",
    "a word in spaces": " " * 9_999 + "a",
    "no-break spaces": "\u00a0",
    "zero-width spaces": "\u200b",
    "zero-width joiners": "\u200d",
    "a letter and a joiner": "a\u200d",
    "last before the surrogates": "\ud7ff",
    "private use": "\ue000",
    "noncharacter": "\uffff",
    "the last code point": "\U0010ffff",
    "Arabic": "\u0634\u062f\u0651\u0629",
    "right-to-left overrides": "\u202ea\u202c",
    "bidirectional isolates": "\u2067",
    "a family of emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d",
    "skin tones": "\U0001f44d\U0001f3fd",
    "regional indicators": "\U0001f1e9\U0001f1ea",
    "Hangul jamo": "\u1112\u1161\u11ab",
    "leading jamo": "\u1100",
    "Devanagari": "क्षि",
    "Thai": "ค่ำ",
    "Tibetan": "\u0f40\u0f0b",
    "ligatures that decompose": "\ufdfa",
    "Markdown": "[a](/b/) **c** ",
    "opening of Markdown": "[a](",
    "markup in brackets": "[pause long]",
    "unclosed markup in brackets": "[a",
    "dialogue": "Speaker 1: a ",
    "beginnings of a dialogue": "speaker ",
    "a dialogue's label in spaces": "speaker 1" + " " * 5_000,
    "phonemes": "[[h",
    "control characters": "\x01",
    "backslashes": "\\",
    "entities": "&amp;",
    "ampersands": "&",
    "less-than signs": "<",
}


def unit_texts() -> Iterator[tuple[str, str]]:
    for name, unit in UNITS.items():
        yield name, repeated(unit)
    yield "one of everything", everything()


def everything() -> str:
    """A little of each, in one text."""
    texts = [*UNITS.values(), *(characters[:1] for characters in characters_by_category().values())]
    share = SIZE_BYTES // len(texts)
    return "".join(unit[:share] * max(1, share // len(unit.encode())) for unit in texts)[:SIZE_BYTES]


def ssml_texts() -> Iterator[tuple[str, str]]:
    """Documents: what is deepest, widest, longest; read to the end, or refused after a long look."""

    def document(unit: str, before: str = "<speak>", after: str = "</speak>") -> str:
        return before + unit * ((SIZE_BYTES - len((before + after).encode())) // len(unit.encode())) + after

    depth = 15  # elements that may stand in each other in `speak`
    prosody = '<prosody rate="101%" pitch="+1%" volume="+0.1dB">'
    yield "SSML: nothing", "a" + "<speak/>"
    yield "SSML: unclosed elements", document("<prosody>")
    yield "SSML: nested to the limit", document("a. ", "<speak>" + prosody * depth, "</prosody>" * depth + "</speak>")
    yield "SSML: nested again and again", document("<prosody>" * depth + "a" + "</prosody>" * depth)
    yield "SSML: one word, nested", document("a", "<speak>" + prosody * depth, "</prosody>" * depth + "</speak>")
    yield "SSML: quotes, nested", document("«", "<speak>" + prosody * depth, "</prosody>" * depth + "</speak>")
    yield "SSML: many empty sentences", document("<s/>")
    yield "SSML: many silent elements", document("<voice/>")
    yield "SSML: many breaks", document("<break/>")
    yield "SSML: many short sentences", document("<s>a</s>")
    yield "SSML: many attributes", document('<prosody rate="80%" pitch="+2st" range="low" volume="soft">a</prosody>')
    yield "SSML: one element of attributes", "<p " + " ".join(f'a{n}="b"' for n in range(50_000)) + ">a</p>"
    yield "SSML: one attribute twice", "<p " + 'a="b" ' * 80_000 + ">a</p>"
    yield "SSML: a long attribute", document("a", '<speak><sub alias="', '">a</sub></speak>')
    yield "SSML: a long unclosed attribute", document("a", '<speak><sub alias="', "")
    yield "SSML: references in an attribute", document("&#65;", '<speak><sub alias="', '">a</sub></speak>')
    yield "SSML: a long element name", document("a", "<", "/>")
    yield "SSML: a long attribute name", document("a", "<p ", "='a'/>")
    yield "SSML: a long comment", document("-a", "<!--", "-->a")
    yield "SSML: a long unclosed comment", document("a", "<!--", "")
    yield "SSML: many comments", document("<!---->", "", "a")
    yield "SSML: many halves of comments", document("<!--", "", "a")
    yield "SSML: spaces before the root", document(" ", "", "<speak>a</speak>")
    yield "SSML: a long CDATA section", document("<", "<speak><![CDATA[", "]]></speak>")
    yield "SSML: many CDATA sections", document("<![CDATA[a]]>")
    yield "SSML: many characters by number", document("&#171;")
    yield "SSML: many entities", document("&amp;")
    yield "SSML: a long entity", document("a", "&", ";")
    yield "SSML: a long processing instruction", document("a", "<?", "?>")
    yield "SSML: a long document type", document("a", "<!DOCTYPE ", ">a")
    yield "SSML: many lines", document("\n", "<speak>a", "a</speak>")
    yield "SSML: many phonemes", document('<phoneme ph="a">a</phoneme>')
    yield "SSML: long substitutions", document(f'<sub alias="{"a" * 1000}">a</sub>')
    yield "SSML: full say-as", document(f'<say-as interpret-as="date">{"7" * 1000}</say-as>')
    yield "SSML: wrong at the end", document("a", "<speak>", "<audio/></speak>")
    yield "SSML: closing tags only", document("</p>")


def as_ssml(text: str) -> str:
    """A text as the content of a document, without the characters that XML does not have."""
    is_allowed = str.maketrans(dict.fromkeys([*range(1, 9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF], " "))
    return f"<speak>{escape(text, quote=False).translate(is_allowed)}</speak>"


def body_texts() -> Iterator[tuple[str, bytes]]:
    """What a request may be at most, 2 MiB: JSON of very many values, or of few that are hard to read."""

    def array(unit: str, size_bytes: int = 2 * 1024 * 1024 - 100) -> bytes:
        return f'{{"text": [{unit * (size_bytes // len(unit.encode()))}0]}}'.encode()

    yield "body: empty arrays", array("[],")
    yield "body: empty objects", array("{},")
    yield "body: integers", array("1,")
    yield "body: fractions", array("1e1,")
    yield "body: long integers", array("9" * 4300 + ",")
    yield "body: empty strings", array('"",')
    yield "body: many keys", ("{" + ",".join(f'"{n}":1' for n in range(180_000)) + "}").encode()
    yield "body: escapes", array('"\\u00ab\\"",')
    yield "body: an unclosed string", b'{"text": "' + b'\\"' * 1_000_000
    yield "body: backslashes", b'{"text": ' + b"\\" * 2_000_000
    yield "body: quotation marks", b'{"text": ' + b'"' * 2_000_000
    yield "body: opened arrays", b"[" * 2_000_000
    yield "body: spaces", b" " * 2_000_000


# --- measuring -----------------------------------------------------------------------------------


def read(work: Callable[[Any], object], text: str | bytes, *, most: int | None = None) -> None:
    """To its end, or so many steps of it. Refusing the text is an answer, too."""
    try:
        result = work(text)
        if isinstance(result, Iterator):
            for _step in islice(result, most):
                pass
            if isinstance(result, Generator):
                result.close()
    except (ValueError, DomainError, EngineError):
        pass


def hold_seconds(work: Callable[[Any], object], text: str | bytes, *, most: int | None = None) -> float:
    return longest_hold_seconds(lambda: read(work, text, most=most), limit_seconds=LIMIT_SECONDS)


def main(words: list[str]) -> int:
    texts = [*category_texts(), *paired_mark_texts(), *unit_texts()]
    documents = [*ssml_texts(), *((name, as_ssml(text)) for name, text in unit_texts())]
    product: list[tuple[str, Callable[[Any], object], str, str | bytes]] = [
        *((name, work, what, text) for name, work in road.TEXT.items() for what, text in texts),
        *((name, work, what, text) for name, work in road.SSML.items() for what, text in documents),
        *((name, work, what, body) for name, work in road.BODIES.items() for what, body in body_texts()),
    ]
    chosen = [row for row in product if all(word in f"{row[0]} {row[2]}" for word in words)]
    longest: dict[str, tuple[float, str]] = {}
    too_long = 0
    for name, work, what, text in chosen:
        seconds = hold_seconds(work, text)
        longest[name] = max(longest.get(name, (0.0, "")), (seconds, what))
        if seconds > LIMIT_SECONDS:
            too_long += 1
            print(f"{1000 * seconds:7.1f} ms  {name}: {what}", flush=True)
    print(f"{len(chosen):,} runs; the longest hold of each function:")
    for name, (seconds, what) in sorted(longest.items(), key=lambda item: -item[1][0]):
        print(f"{1000 * seconds:7.1f} ms  {name}: {what}")
    road.close()
    return min(too_long, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

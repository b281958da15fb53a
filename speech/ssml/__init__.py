"""Validates untrusted SSML against an allow-list, so that only markup that we wrote ourselves reaches an engine.

`elements` lists the elements, attributes and values and where they are allowed; `reader` parses. `speech.segments`
splits SSML into segments. Providers get the elements in their own words; engines that render them themselves get
`spans`, in which every span of text has its whole style, and `say_as`, which writes it as it is read.

Rejected by name and position: every other element or attribute (`audio`, `xml:base`, `onclick`, …), namespaces,
document types, entities beyond XML's five, processing instructions. Comments are dropped, CDATA is text. `speak` is
optional.
"""

from speech.ssml.elements import (
    BREAK_STRENGTHS_MS,
    ELEMENTS,
    MAX_BREAK_MS,
    MAX_WHOLE_CHARS,
    SPELLED,
    SsmlError,
    break_ms,
    pitch_factor,
    range_factor,
    rate_factor,
    volume_factor,
)
from speech.ssml.reader import MAX_DEPTH, Token, check_ssml, read_ssml, start_tag
from speech.ssml.say_as import get_words
from speech.ssml.spans import NORMAL, Edge, Pause, Span, Style, read_spans

__all__ = [
    "BREAK_STRENGTHS_MS",
    "ELEMENTS",
    "MAX_BREAK_MS",
    "MAX_DEPTH",
    "MAX_WHOLE_CHARS",
    "NORMAL",
    "SPELLED",
    "Edge",
    "Pause",
    "Span",
    "SsmlError",
    "Style",
    "Token",
    "break_ms",
    "check_ssml",
    "get_words",
    "pitch_factor",
    "range_factor",
    "rate_factor",
    "read_spans",
    "read_ssml",
    "start_tag",
    "volume_factor",
]

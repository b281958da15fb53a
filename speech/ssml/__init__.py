"""Validates untrusted SSML against an allow-list, so that only markup that we wrote ourselves reaches an engine.

`elements` lists the elements, attributes and values and where they are allowed; `reader` parses. `speech.segments`
splits SSML into segments, and each engine renders the elements in its own way.

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

__all__ = [
    "BREAK_STRENGTHS_MS",
    "ELEMENTS",
    "MAX_BREAK_MS",
    "MAX_DEPTH",
    "MAX_WHOLE_CHARS",
    "SPELLED",
    "SsmlError",
    "Token",
    "break_ms",
    "check_ssml",
    "pitch_factor",
    "range_factor",
    "rate_factor",
    "read_ssml",
    "start_tag",
    "volume_factor",
]

"""SSML from strangers: read against an allow-list, so that only what we wrote ourselves reaches an engine.

Owns which elements, attributes and values exist (`elements`), where they may stand, and the reading (`reader`). Cutting
into pieces is `speech.segments`; what an engine makes of an element is the engine's business.

Refused by name and position: every other element or attribute (`audio`, `xml:base`, `onclick`, …), namespaces, document
types, entities beyond XML's five, processing instructions. Comments are dropped, CDATA is text. `speak` is optional.
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

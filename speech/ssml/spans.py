"""Turns SSML into spans of text with what applies to each of them, for engines that render SSML themselves.

A span knows its whole prosody, so an engine needs no stack: nested `prosody` elements are multiplied, the innermost
`emphasis` counts, and of the voice's language, gender and name the innermost of each.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from speech.ssml.elements import break_ms, pitch_factor, range_factor, rate_factor, volume_factor
from speech.ssml.reader import read_ssml
from speech.ssml.x_sampa import to_ipa

# What nested elements may add up to: as much as one of them may say.
RATES = (0.2, 4.0)
PITCHES = (0.25, 4.0)
RANGES = VOLUMES = (0.0, 4.0)
EmphasisLevel = Literal["none", "reduced", "moderate", "strong"]


@dataclass(frozen=True, slots=True)
class Style:
    """How a span is spoken. The factors are relative to the voice's normal speech; "" is the job's own voice."""

    rate: float = 1.0
    pitch: float = 1.0
    range: float = 1.0
    volume: float = 1.0
    emphasis: EmphasisLevel = "none"
    language: str = ""  # BCP 47
    gender: str = ""  # "female", "male", "neutral"
    name: str = ""  # of a voice


NORMAL = Style()


class Span(NamedTuple):
    """Text that is spoken in one style. `ipa` replaces how it is pronounced, `interpret_as` says how it is read."""

    text: str
    style: Style = NORMAL
    ipa: str = ""
    interpret_as: str = ""
    format: str = ""  # of a date


class Pause(NamedTuple):
    milliseconds: int


class Edge(NamedTuple):
    """The beginning or the end of a paragraph or a sentence."""

    element: str  # "p" or "s"
    is_end: bool


def read_spans(ssml: str) -> Iterator[Span | Pause | Edge]:
    """Yields what is spoken in order. Memory does not grow with the text. Raises SsmlError, lazily."""
    styles = [NORMAL]
    inside = Span("")  # with the attributes of the `say-as` or `phoneme` around the text
    is_replaced = has_text = False
    for token in read_ssml(ssml):
        name = token.value
        match token.kind:
            case "text":
                if not is_replaced:
                    has_text = True
                    yield inside._replace(text=name, style=styles[-1])
            case "open":
                attributes = token.attributes
                styles.append(_style(styles[-1], name, attributes))
                if name == "break":
                    yield Pause(break_ms(attributes))
                elif name == "sub":
                    yield Span(attributes["alias"], styles[-1])
                    is_replaced = True
                elif name == "say-as":
                    inside = Span("", interpret_as=attributes["interpret-as"], format=attributes.get("format", ""))
                elif name == "phoneme":
                    inside, has_text = Span("", ipa=_ipa(attributes)), False
                elif name in ("p", "s"):
                    yield Edge(name, is_end=False)
            case "close":
                styles.pop()
                if name == "phoneme" and not has_text:
                    yield inside._replace(style=styles[-1])
                if name in ("p", "s"):
                    yield Edge(name, is_end=True)
                elif name in ("sub", "say-as", "phoneme"):
                    inside, is_replaced = Span(""), False


def _within(limits: tuple[float, float], factor: float) -> float:
    return min(max(factor, limits[0]), limits[1])


def _ipa(attributes: Mapping[str, str]) -> str:
    phonemes = attributes["ph"]
    return to_ipa(phonemes) if attributes.get("alphabet") == "x-sampa" else phonemes


def _style(outer: Style, name: str, attributes: Mapping[str, str]) -> Style:
    """Returns the style inside an element."""
    if name == "prosody":
        return replace(
            outer,
            rate=_within(RATES, outer.rate * rate_factor(attributes.get("rate", "default"))),
            pitch=_within(PITCHES, outer.pitch * pitch_factor(attributes.get("pitch", "default"))),
            range=_within(RANGES, outer.range * range_factor(attributes.get("range", "default"))),
            volume=_within(VOLUMES, outer.volume * volume_factor(attributes.get("volume", "default"))),
        )
    if name == "emphasis":
        level: EmphasisLevel = attributes.get("level", "moderate")  # type: ignore[assignment]  # checked by the reader
        return replace(outer, emphasis=level)
    if name in ("voice", "lang", "p", "s"):
        gender, named = attributes.get("gender", ""), attributes.get("name", "")
        if not gender and not named:  # a gender inside a named voice chooses another one
            gender, named = outer.gender, outer.name
        return replace(outer, language=attributes.get("xml:lang", "") or outer.language, gender=gender, name=named)
    return outer

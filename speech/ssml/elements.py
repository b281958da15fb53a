"""Defines the supported SSML elements, attributes and values, and converts the values to numbers."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

MAX_BREAK_MS = 10_000
MAX_WHOLE_CHARS = 1000  # inside say-as, sub and phoneme, which are never cut
MIN_RATE_PERCENT, MAX_RATE_PERCENT = 20.0, 400.0

BREAK_STRENGTHS_MS = {"none": 0, "x-weak": 70, "weak": 140, "medium": 210, "strong": 400, "x-strong": 800}
SPELLED = ("characters", "spell-out", "verbatim")
_INTERPRETATIONS = (
    *SPELLED, "digits", "telephone", "cardinal", "number", "ordinal", "fraction", "unit", "date", "time", "address",
    "currency", "expletive",
)  # fmt: skip
_LEVELS = ("x-low", "low", "medium", "high", "x-high", "default")
_XMLNS = "http://www.w3.org/2001/10/synthesis"
_NUMBER = r"(?:\d{1,6}(?:\.\d{1,6})?|\.\d{1,6})"
_FACTOR = re.compile(_NUMBER)
_BARE_POINT = re.compile(r"(?<!\d)\.")
_TIME = re.compile(rf"({_NUMBER})(ms|s)")
_PERCENT = re.compile(rf"([+-]?)({_NUMBER})%")
_SEMITONES = re.compile(rf"([+-]{_NUMBER})st")
_DECIBELS = re.compile(rf"([+-]{_NUMBER})dB")
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,4}")


class SsmlError(ValueError):
    """The text is not valid SSML. The message is for the caller and starts with the position: "line 1, column 7: …"."""


def break_ms(attributes: Mapping[str, str]) -> int:
    """Returns the length of a `break` in milliseconds."""
    if "time" not in attributes:
        return BREAK_STRENGTHS_MS[attributes.get("strength", "medium")]
    return _milliseconds(attributes["time"])


def rate_factor(rate: str) -> float:
    """Returns the factor of a prosody rate on the speed: "fast", "80%", "+10%". A plain number is written as "80%"."""
    names = {"x-slow": 0.6, "slow": 0.8, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.6}
    return names[rate] if rate in names else _percent(rate) / 100


def pitch_factor(pitch: str) -> float:
    """Returns the factor of a prosody pitch on the frequency: "high", "-10%", "+2st"."""
    names = {"x-low": 0.75, "low": 0.87, "medium": 1.0, "default": 1.0, "high": 1.15, "x-high": 1.33}
    if pitch in names:
        return names[pitch]
    semitones = _SEMITONES.fullmatch(pitch)
    return 2 ** (float(semitones[1]) / 12) if semitones else _percent(pitch) / 100


def range_factor(pitch_range: str) -> float:
    """Returns the factor of a prosody range on the variation of the pitch: "low", "+50%"."""
    names = {"x-low": 0.2, "low": 0.5, "medium": 1.0, "default": 1.0, "high": 1.4, "x-high": 1.8}
    return names[pitch_range] if pitch_range in names else _percent(pitch_range) / 100


def volume_factor(volume: str) -> float:
    """Returns the factor of a prosody volume on the amplitude: "soft", "-6dB"."""
    names = {"silent": 0.0, "x-soft": 0.3, "soft": 0.65, "medium": 1.0, "default": 1.0, "loud": 1.25, "x-loud": 1.5}
    decibels = _DECIBELS.fullmatch(volume)
    return 10 ** (float(decibels[1]) / 20) if decibels else names[volume]


# --- values: each check returns the value as it is written out, or raises SsmlError with what is valid ----------------


def _choice(*values: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value not in values:
            raise SsmlError(f"must be one of {', '.join(values)}")
        return value

    return check


def _time(value: str) -> str:
    if not _TIME.fullmatch(value):
        raise SsmlError("must be a time such as 500ms or 1.5s")
    if _milliseconds(value) > MAX_BREAK_MS:
        raise SsmlError("must be at most 10s")
    return _with_zero(value)


def _rate(value: str) -> str:
    if _FACTOR.fullmatch(value):  # a plain number is a factor: SSML 1.0
        value = f"{100 * float(value):g}%"
    try:
        percent = rate_factor(value) * 100
    except ValueError:
        percent = 0.0
    if not MIN_RATE_PERCENT <= percent <= MAX_RATE_PERCENT:
        raise SsmlError(
            "must be x-slow, slow, medium, fast, x-fast, or a percentage from 20% to 400%, such as 80% or +20%"
        )
    return _with_zero(value)


def _pitch(value: str) -> str:
    try:
        factor = pitch_factor(value)
    except (ValueError, OverflowError):
        factor = 0.0
    if not 0.25 <= factor <= 4:
        raise SsmlError("must be x-low, low, medium, high, x-high, or a change up to two octaves such as +10% or -2st")
    return _with_zero(value)


def _range(value: str) -> str:
    try:
        factor = range_factor(value)
    except ValueError:
        factor = -1.0
    if not 0 <= factor <= 4:
        raise SsmlError("must be x-low, low, medium, high, x-high, or a percentage up to 400%")
    return _with_zero(value)


def _volume(value: str) -> str:
    try:
        factor = volume_factor(value)
    except (KeyError, OverflowError):
        factor = -1.0
    if not 0 <= factor <= 4:
        raise SsmlError("must be silent, x-soft, soft, medium, loud, x-loud, or a change of at most +12dB such as -6dB")
    return _with_zero(value)


def _with_zero(value: str) -> str:
    """Writes ".5s" as "0.5s", which every engine reads."""
    return _BARE_POINT.sub("0.", value)


def _language(value: str) -> str:
    if not _LANGUAGE.fullmatch(value):
        raise SsmlError("must be a language tag such as en-US")
    return value


def _words(value: str) -> str:
    if len(value) > MAX_WHOLE_CHARS:
        raise SsmlError(f"must be at most {MAX_WHOLE_CHARS:,} characters long")
    return value


def _percent(value: str) -> float:
    found = _PERCENT.fullmatch(value)
    if found is None:
        raise ValueError(value)
    number = float(found[2])
    return number if not found[1] else 100 + number if found[1] == "+" else 100 - number


def _milliseconds(time: str) -> int:
    found = _TIME.fullmatch(time)
    assert found is not None
    return round(float(found[1]) * (1000 if found[2] == "s" else 1))


@dataclass(frozen=True, slots=True)
class Element:
    """The attributes of an element, what it may contain, and where it is not allowed."""

    attributes: Mapping[str, Callable[[str], str]]
    required: tuple[str, ...] = ()
    holds: Literal["anything", "text", "nothing"] = "anything"
    never_in: tuple[str, ...] = ()


ELEMENTS: Mapping[str, Element] = {
    "speak": Element({"version": _choice("1.0", "1.1"), "xmlns": _choice(_XMLNS), "xml:lang": _language}),
    "p": Element({"xml:lang": _language}, never_in=("p", "s", "emphasis")),
    "s": Element({"xml:lang": _language}, never_in=("s", "emphasis")),
    "break": Element({"time": _time, "strength": _choice(*BREAK_STRENGTHS_MS)}, holds="nothing"),
    "prosody": Element({"rate": _rate, "pitch": _pitch, "range": _range, "volume": _volume}),
    "emphasis": Element({"level": _choice("none", "reduced", "moderate", "strong")}),
    "say-as": Element(
        {"interpret-as": _choice(*_INTERPRETATIONS), "format": _words, "detail": _words},
        required=("interpret-as",),
        holds="text",
    ),
    "sub": Element({"alias": _words}, required=("alias",), holds="text"),
    "phoneme": Element({"alphabet": _choice("ipa", "x-sampa"), "ph": _words}, required=("ph",), holds="text"),
    "voice": Element({"gender": _choice("female", "male", "neutral"), "name": _words, "xml:lang": _language}),
    "lang": Element({"xml:lang": _language}, required=("xml:lang",)),
    "mark": Element({"name": _words}, required=("name",), holds="nothing"),
}

"""Renders our SSML for Polly, without what the voice's family would reject.

Elements that Polly has under other names are translated: `voice` and an `xml:lang` become `lang`, a change of rate or
pitch a percentage within its range. Unsupported ones are dropped, and their words are spoken without them: a `voice` by
name or gender, a `range`, a currency, and in all families but Standard `emphasis` and `pitch`.
https://docs.aws.amazon.com/polly/latest/dg/supportedtags.html
"""

from html import escape

from speech.engines.polly.voices import Family
from speech.ssml import pitch_factor, rate_factor, read_ssml, start_tag

NAMED_RATES = ("x-slow", "slow", "medium", "fast", "x-fast")
NAMED_PITCHES = ("default", "x-low", "low", "medium", "high", "x-high")
MIN_RATE_PERCENT, MAX_RATE_PERCENT = 20, 200
MIN_PITCH_PERCENT, MAX_PITCH_PERCENT = -33, 50
INTERPRETATIONS = (
    "characters", "spell-out", "cardinal", "number", "ordinal", "digits", "fraction", "unit", "date", "time",
    "address", "expletive", "telephone",
)  # fmt: skip
OTHER_WORDS_FOR = {"verbatim": "characters"}
DATE_FORMATS = ("mdy", "dmy", "ymd", "md", "dm", "ym", "my", "d", "m", "y", "yyyymmdd")
# botocore's list of Polly's LanguageCode; any other value in `lang` is rejected.
LANGUAGES = {
    "arb", "ar-AE", "ca-ES", "cmn-CN", "cs-CZ", "cy-GB", "da-DK", "de-AT", "de-CH", "de-DE", "en-AU", "en-GB",
    "en-GB-WLS", "en-IE", "en-IN", "en-NZ", "en-SG", "en-US", "en-ZA", "es-ES", "es-MX", "es-US", "fi-FI", "fr-BE",
    "fr-CA", "fr-FR", "hi-IN", "is-IS", "it-IT", "ja-JP", "ko-KR", "nb-NO", "nl-BE", "nl-NL", "pl-PL", "pt-BR",
    "pt-PT", "ro-RO", "ru-RU", "sv-SE", "tr-TR", "yue-CN",
}  # fmt: skip

_Element = tuple[str, dict[str, str]]


def for_polly(markup: str, family: Family) -> str:
    """Returns a document that starts with `speak`. Raises SsmlError."""
    parts: list[str] = []
    closing: list[str] = []  # end tags of the open elements: "" for one that was dropped
    for token in read_ssml(markup):
        if token.kind == "open":
            elements = _elements(token.value, dict(token.attributes), family)
            parts += [start_tag(name, attributes) for name, attributes in elements]
            closing.append("".join(f"</{name}>" for name, _ in reversed(elements)))
        elif token.kind == "close":
            parts.append(closing.pop())
        else:
            parts.append(escape(token.value, quote=False))
    return "".join(parts)


def _elements(name: str, attributes: dict[str, str], family: Family) -> list[_Element]:
    """Returns the elements that replace one of ours: none, one, or one inside another."""
    match name:
        case "speak":
            return [(name, {})]  # its language is dropped: the voice decides
        case "p" | "s":
            return [(name, {}), *_lang(attributes)]
        case "voice" | "lang":
            return _lang(attributes)
        case "emphasis" if not family.takes_all_markup or attributes.get("level") == "none":
            return []
        case "prosody":
            kept = _prosody(attributes, family)
            return [(name, kept)] if kept else []
        case "say-as":
            return _say_as(attributes)
        case "phoneme":
            return [(name, {"alphabet": attributes.get("alphabet", "ipa"), "ph": attributes["ph"]})]
    return [(name, attributes)]


def _lang(attributes: dict[str, str]) -> list[_Element]:
    language = attributes.get("xml:lang", "")
    return [("lang", {"xml:lang": language})] if language in LANGUAGES else []


def _prosody(attributes: dict[str, str], family: Family) -> dict[str, str]:
    kept = {}
    if rate := attributes.get("rate"):
        percent = min(max(round(rate_factor(rate) * 100), MIN_RATE_PERCENT), MAX_RATE_PERCENT)
        kept["rate"] = rate if rate in NAMED_RATES else f"{percent}%"
    if (pitch := attributes.get("pitch")) and family.takes_all_markup:
        percent = min(max(round(pitch_factor(pitch) * 100 - 100), MIN_PITCH_PERCENT), MAX_PITCH_PERCENT)
        kept["pitch"] = pitch if pitch in NAMED_PITCHES else f"{percent:+d}%"
    if volume := attributes.get("volume"):
        kept["volume"] = volume
    return kept


def _say_as(attributes: dict[str, str]) -> list[_Element]:
    kind = attributes["interpret-as"]
    kind = OTHER_WORDS_FOR.get(kind, kind)
    if kind not in INTERPRETATIONS:
        return []
    if kind != "date":
        return [("say-as", {"interpret-as": kind})]
    order = attributes.get("format", "").lower()
    return [("say-as", {"interpret-as": kind, "format": order})] if order in DATE_FORMATS else []

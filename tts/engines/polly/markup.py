"""Our SSML as Polly takes it: written by us, without what the family would refuse.

Polly has no `voice`: a change of language in it becomes `lang`, one of gender is passed over. All families but Standard
refuse `emphasis` and a `pitch`; there the words are said without.
"""

from html import escape

from tts.engines.polly.voices import Family
from tts.ssml import read_ssml, start_tag


def for_polly(markup: str, family: Family) -> str:
    """A document that begins with `speak`. Raises SsmlError."""
    parts: list[str] = []
    written: list[str] = []  # the elements that are open: as what they were written, "" for not at all
    for token in read_ssml(markup):
        if token.kind == "open":
            name, attributes = _element(token.value, dict(token.attributes), family)
            written.append(name)
            if name:
                parts.append(start_tag(name, attributes))
        elif token.kind == "close":
            name = written.pop()
            if name:
                parts.append(f"</{name}>")
        else:
            parts.append(escape(token.value, quote=False))
    return "".join(parts)


def _element(name: str, attributes: dict[str, str], family: Family) -> tuple[str, dict[str, str]]:
    match name:
        case "speak":
            return name, {}  # a language of its own is for nobody: the voice decides
        case "voice":
            language = attributes.get("xml:lang", "")
            return ("lang", {"xml:lang": language}) if language else ("", {})
        case "emphasis" if not family.takes_all_markup:
            return "", {}
        case "prosody" if not family.takes_all_markup:
            kept = {key: value for key, value in attributes.items() if key != "pitch"}
            return (name, kept) if kept else ("", {})
    return name, attributes

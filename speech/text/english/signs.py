"""Rules for signs between and around words: quotation marks, dashes, and signs that are read by name."""

import re
from typing import Final

from speech.text.scan import TAKEN, Rule

OPENERS: Final = frozenset("([{—–-/")
_QUOTE: Final = re.compile(r"(?P<mark>\"|``)|(?<!')''(?!')")
_DASH: Final = re.compile(r"(?<=[^\s-])(?P<said> ?(?<!-)-{2,3}(?!-) ?)(?=[^\s-])|(?<=[^\W\d_])(?P<dash>–)(?=[^\W\d_])")
_SPACED_DASH: Final = re.compile(r"(?<=[\w.,;:!?)\"”’'%])(?P<said> [-–] )(?=\S)")
_DOTS: Final = re.compile(r"(?P<said>\.{3,12}|(?:\. ){2}\.|…{2,8})")
_NAMED: Final = {
    "%": " percent",
    "‰": " per mille",
    "©": " copyright ",
    "®": " registered",
    "™": " trademark",
    "§": " section ",
    "¶": " paragraph ",
    "°": " degrees",
    "№": " number ",
    "±": " plus or minus ",
    "×": " times ",
    "÷": " divided by ",
    "≈": " approximately ",
    "≠": " is not equal to ",
    "≤": " is at most ",
    "≥": " is at least ",
    "∞": " infinity",
    "√": " square root of ",
    "∑": " sum of ",
    "∆": " delta ",
    "π": " pi ",
    "µ": " micro ",
    "Ω": " ohm ",
    "€": " euros",
    "£": " pounds",
    "¥": " yen",
    "₹": " rupees",
    "$": " dollar ",
    "¢": " cents",
    "&": " and ",
    "=": " equals ",
    "+": " plus ",
    "<": " less than ",
    ">": " greater than ",
    "@": " at ",
    "#": " hash ",
    "^": " caret ",
    "~": " tilde ",
    "*": " star ",
    "_": " underscore ",
    "\\": " backslash ",
    "|": " bar ",
    "→": " to ",
    "←": " from ",
    "•": ", ",
    "℃": " degrees Celsius",
    "℉": " degrees Fahrenheit",
    "℅": " care of ",
    "½": " one half",
    "★": " star",
}
_AMPERSAND: Final = re.compile(r"(?<=[A-Za-z])(?P<said> ?&(?:amp;)? ?)(?=[A-Za-z])")
_PROGRAMMING: Final = re.compile(r"(?<![\w])(?P<letter>[CFJ](?=[#+])|[ABDEG](?=#))(?P<sign>#|\+\+)(?!\w)")
_SLASH: Final = re.compile(r"(?<=[\w)])(?P<said> / )(?=[\w(])")
_AFTER_NUMBER: Final = re.compile(r"(?<=\ue000)(?P<said>\+)(?![\w+])")
_KEYBOARD: Final = re.compile(r"(?<=[\w)])(?P<said>\+)(?=[A-Z])")
_SNAKE: Final = re.compile(r"(?<=\w)(?P<said>_{1,3})(?=\w)")
_HTML: Final = re.compile(r"&(?P<name>amp|lt|gt|quot|apos|nbsp|#39);")
_HTML_NAMES: Final = {
    "amp": "and",
    "lt": "less than",
    "gt": "greater than",
    "quot": '"',
    "apos": "'",
    "nbsp": " ",
    "#39": "'",
}
_SIGN: Final = re.compile(f"(?P<sign>[{re.escape(''.join(_NAMED))}])(?P=sign){{0,80}}")  # a repeated sign is read once
_STARS: Final = re.compile(r"\*{2,4}(?=\w)")
_HEART: Final = re.compile(r"(?<![\w=<>.-])(?<![0-9] )<3{1,8}(?=\s*$|!|\n)")
_TAG: Final = re.compile(r"</?[a-zA-Z][^<>\n]{0,80}>")


def _say_quote(match: re.Match[str]) -> str:
    """Reads a quotation mark: it opens before a word and closes after one; next to numbers or marks, it alternates."""
    text, start, end = match.string, match.start(), match.end()
    before, after = text[max(start - 1, 0) : start], text[end : end + 1]
    if not match["mark"]:
        return "”"
    if before == TAKEN:
        return "”" if text.count(match["mark"], 0, start) % 2 or not after or after.isspace() else "“"
    return "“" if (before in OPENERS or not before or before.isspace()) and after and not after.isspace() else "”"


def _say_sign(match: re.Match[str]) -> str:
    said = _NAMED[match["sign"]]
    text, start, end = match.string, match.start(), match.end()
    if text[start - 1 : start] in ("", " ", "\n", "("):
        said = said.lstrip()
    if text[end : end + 1] in ("", " ", "\n", ".", ",", ")", "!", "?", ";", ":"):
        said = said.rstrip()
    return said


FIRST_RULES: Final = (
    Rule(_HEART, lambda match: "heart"),
    Rule(_TAG, lambda match: match[0]),
    Rule(_HTML, lambda match: _HTML_NAMES[match["name"]]),
)
EARLY_RULES: Final = (
    Rule(_PROGRAMMING, lambda match: f"{match['letter']} {'sharp' if match['sign'] == '#' else 'plus plus'}"),
)
LAST_RULES: Final = (
    Rule(_QUOTE, _say_quote),
    Rule(_DASH, lambda match: "—"),
    Rule(_SPACED_DASH, lambda match: " — "),
    Rule(_DOTS, lambda match: "…"),
    Rule(_AMPERSAND, lambda match: " and "),
    Rule(_AFTER_NUMBER, lambda match: " plus"),
    Rule(_STARS, lambda match: "star " * len(match[0])),
    Rule(_SLASH, lambda match: " slash "),
    Rule(_SIGN, _say_sign),
)

"""Rules for two numbers with a slash that are no fraction: "8/10" as a mark, "120/80" as a blood pressure."""

import re
from typing import Final

from speech.text.english.numbers import cardinal, decimal
from speech.text.scan import Rule

_RATING: Final = re.compile(
    r"(?<![\w.,/])(?:(?P<top>[0-9]{1,2}(?:\.[0-9])?)/(?P<bottom>5|10|100)(?= stars?\b)"
    r"|(?P<top2>[0-9]{1,2}\.[0-9])/(?P<bottom2>5|10)|(?P<same>10)/10|(?P<same2>5)/5|(?P<same3>100)/100)"
    r"(?![\w/]|[.,][0-9])"
)
_MARK: Final = re.compile(
    r"\b(?i:scored?|scores|scoring|rated?|rating|marks?|grade|gave (?:it|this|them|him|her|me)|give (?:it|this)"
    r"|got|solid|an?|GCS|Apgar|pain)(?: (?:of|is|was|it|this|at|a|an|score)){0,3}[: ] ?"
    r"(?P<said>(?P<top>[0-9]{1,3})/(?P<bottom>10|15|20|50|100))"
    r"(?! (?:of|inch|mile|cup|scale|share|dilution|ratio|size)\b)(?![\w/-]|[.,][0-9])"
)
_SHARES: Final = re.compile(r"(?<![\w.,/])(?P<first>[1-9][05])/(?P<second>[1-9][05])(?![\w/]|[.,][0-9])")
_PRESSURE: Final = re.compile(
    r"(?<![\w.,/])(?P<top>[89][0-9]|1[0-9]{2}|2[0-4][0-9])/(?P<bottom>[4-9][0-9]|1[0-3][0-9])"
    r"(?P<unit> ?mmHg)?(?![\w/]|[.,][0-9])"
)
_VISION: Final = re.compile(r"(?<![\w.,/])(?P<said>20/(?P<bottom>[1-9][0-9]{1,2}))(?= (?:vision|eyesight)\b)")


def _say_rating(match: re.Match[str]) -> str:
    if same := match["same"] or match["same2"] or match["same3"]:
        return f"{cardinal(same)} out of {cardinal(same)}"
    return f"{decimal(match['top'] or match['top2'])} out of {cardinal(match['bottom'] or match['bottom2'])}"


def _say_pressure(match: re.Match[str]) -> str | None:
    top, bottom = match["top"], match["bottom"]
    if int(top) <= int(bottom):
        return None
    return f"{cardinal(top)} over {cardinal(bottom)}{' millimeters of mercury' if match['unit'] else ''}"


def _say_shares(match: re.Match[str]) -> str | None:
    """Reads an "80/20" rule or a "60/40" split."""
    first, second = match["first"], match["second"]
    return f"{cardinal(first)} {cardinal(second)}" if int(first) + int(second) == 100 else None


def _say_mark(match: re.Match[str]) -> str | None:
    top, bottom = match["top"], match["bottom"]
    return f"{cardinal(top)} out of {cardinal(bottom)}" if int(top) <= int(bottom) else None


RULES: Final = (
    Rule(_RATING, _say_rating),
    Rule(_SHARES, _say_shares),
    Rule(_MARK, _say_mark),
    Rule(_VISION, lambda match: f"twenty {cardinal(match['bottom'])}"),
    Rule(_PRESSURE, _say_pressure),
)

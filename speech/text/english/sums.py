"""Rules for arithmetic: signs between two numbers, or before one. "10^6" is "ten to the sixth"."""

import re
from typing import Final

from speech.text.english.numbers import cardinal, decimal, ordinal
from speech.text.english.patterns import NUMBER, plain
from speech.text.scan import Rule

_POWER: Final = re.compile(
    rf"(?:(?<![\w.,])(?P<base>{NUMBER}|[A-Za-z])|(?<=\))(?P<none>))\^(?P<power>[-−]?[0-9]{{1,4}}|[a-z])(?!\w)"
)
_RAISED: Final = re.compile(rf"(?<![\w.,])(?P<base>{NUMBER}|[A-Za-z]{{1,3}})(?P<power>⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]{{1,4}})(?!\w)")
_RAISED_DIGITS: Final = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
# An arithmetic sign between two operands, at least one of which is a number or next to an "=".
_TIMES: Final = re.compile(
    r"(?<=[0-9)\ue000])(?P<said> ?(?:[×∗⋅·*]|(?<= )x(?= )|(?<=[0-9])x(?=[0-9\ue000])) ?)(?=[-(0-9A-Za-z\ue000])(?!\*)"
)
_ALGEBRA: Final = re.compile(
    r"(?<=[0-9A-Za-z)%²³])(?P<said> {0,2}(?P<sign>[-−–+/÷*×<>]|[<>]=|[!=]=|[=≠≈≤≥±]) {0,2})"
    r"(?=[-−(]?[0-9A-Za-z$√π(]{1,12})"
)
_ALGEBRA_SIGNS: Final = {
    "-": "minus",
    "−": "minus",
    "–": "minus",
    "+": "plus",
    "/": "over",
    "÷": "divided by",
    "*": "times",
    "×": "times",
    "<": "is less than",
    ">": "is greater than",
    "=": "equals",
    "==": "equals",
    "!=": "is not equal to",
    "≠": "is not equal to",
    "≈": "is approximately",
    "≤": "is at most",
    "≥": "is at least",
    "<=": "is at most",
    ">=": "is at least",
    "±": "plus or minus",
}
_RATIO: Final = re.compile(r"(?<![\w.,:])(?P<first>[0-9]{1,4})(?P<said>:)(?P<second>[0-9]{1,4})(?![\w:]|[.,][0-9])")
_COMPARED: Final = re.compile(r"(?<![\w<>=/-])(?P<said>(?P<sign><=|>=|[<>≤≥≈~±]) ?)(?=[$€£]?[0-9])")
_COMPARED_SIGNS: Final = {
    "<": "less than ",
    ">": "more than ",
    "<=": "at most ",
    "≤": "at most ",
    ">=": "at least ",
    "≥": "at least ",
    "≈": "approximately ",
    "~": "approximately ",
    "±": "plus or minus ",
}


def _say_power(match: re.Match[str]) -> str:
    base = match["base"] or ""
    base = decimal(plain(base)) if base[:1] in "0123456789." and base else base
    return f"{base} {raised(match['power'].translate(_RAISED_DIGITS))}".strip()


def raised(power: str) -> str:
    """Reads an exponent: "2" is "squared", "6" is "to the sixth", "-3" is "to the minus three"."""
    if power in ("2", "3"):
        return "squared" if power == "2" else "cubed"
    if power[0] in "-−":
        return f"to the minus {cardinal(power[1:])}"
    return f"to the {ordinal(power) if power[0] in '0123456789' else power}"


def _say_algebra(match: re.Match[str]) -> str | None:
    sign, text = match["sign"], match.string
    before, after = text[max(match.start() - 24, 0) : match.start()], text[match.end() : match.end() + 24]
    is_sum = bool(
        re.search(r"[=≠≈≤≥+×÷*<>]\s*[\w().]{0,8}$|^[\w().,]{0,12}\s*[=≠≈≤≥+×÷]", before)
        or re.match(r"[-−]?[\w().,]{1,12}\s*[=≠≈≤≥+×÷*]", after)
    )
    numbers = before[-1:].isdigit() + after[:1].isdigit()
    letters = bool(re.search(r"(?<!\w)[a-zA-Z]$", before)) + bool(re.match(r"[a-zA-Z](?!\w)", after))
    if sign in "+=×÷≠≈≤≥±==!=<=>=" and numbers + letters == 2:
        return f" {_ALGEBRA_SIGNS[sign]} "
    if sign in "=≠≈≤≥" or (sign == "+" and numbers + letters):
        return f" {_ALGEBRA_SIGNS[sign]} "
    if sign in "-−–" and is_sum and numbers + letters == 2:
        return f" {_ALGEBRA_SIGNS[sign]} "
    if sign in "-−–" and numbers == 2 and match["said"] != sign and match["said"].strip() == sign:
        return f" {_ALGEBRA_SIGNS[sign]} "
    if sign in "*<>" and numbers + letters == 2 and (numbers or match["said"] != sign):
        return f" {_ALGEBRA_SIGNS[sign]} "
    if sign == "/" and is_sum and numbers + letters == 2:
        return f" {_ALGEBRA_SIGNS[sign]} "
    return None


RULES: Final = (
    Rule(_POWER, _say_power),
    Rule(_RAISED, _say_power),
    Rule(_ALGEBRA, _say_algebra),
    Rule(_TIMES, lambda match: " by " if "x" in match["said"] else " times "),
    Rule(_COMPARED, lambda match: _COMPARED_SIGNS[match["sign"]]),
)

RATIO_RULES: Final = (Rule(_RATIO, lambda match: " to "),)

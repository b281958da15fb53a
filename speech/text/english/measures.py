"""Rules for numbers with units, degrees and percent: "60 km/h" is "sixty kilometers per hour"."""

import re
from typing import Final

from speech.text.english.attributes import is_attribute
from speech.text.english.numbers import cardinal, decimal, fraction, mixed
from speech.text.english.patterns import DASH, NUMBER, SCALES, SIGN, SIGNS, START, is_one, plain
from speech.text.english.tables import read_table, word_set
from speech.text.scan import Rule

# Symbol → name of one. The plural ends in s, except for those in PLURALS.
UNITS: Final = read_table("units")["units"]
POWERS: Final = {"²": "square", "2": "square", "^2": "square", "³": "cubic", "3": "cubic", "^3": "cubic"}
LENGTHS: Final = ("nm", "µm", "mm", "cm", "dm", "m", "km", "in", "ft", "yd", "mi")
PLURALS: Final = read_table("units")["plurals"]
# After a space, these are often words or names instead of units.
ONLY_CLOSE: Final = frozenset({"in", "K", "N", "J", "pp", "MP", "pt", "mo"})
# Without a space, these mean something else: 4K, 100M, 5pt (type), 3V3.
ONLY_APART: Final = frozenset({"pp", "K", "N", "J", "mo", "ac", "s"})
# Case-insensitive: 12KG, 5KM, 10 MPH.
ANY_CASE: Final = ("kg", "km", "cm", "mm", "ml", "mph", "lbs", "ft", "kwh", "ghz", "mhz", "khz", "hz", "hrs", "mins")

_BY_CASE: Final = {**{unit.lower(): unit for unit in UNITS if unit.lower() in ANY_CASE}}
_SHORT = "|".join(map(re.escape, sorted({*UNITS, *(unit.upper() for unit in ANY_CASE)}, key=len, reverse=True)))
_PER_UNITS: Final = {
    "h": "hour",
    "hr": "hour",
    "s": "second",
    "sec": "second",
    "min": "minute",
    "d": "day",
    "day": "day",
    "wk": "week",
    "week": "week",
    "mo": "month",
    "month": "month",
    "yr": "year",
    "year": "year",
    "y": "year",
}
_PER = "|".join(map(re.escape, sorted({*_PER_UNITS, *UNITS}, key=len, reverse=True)))
_UNIT = (
    rf"(?P<unit>{_SHORT})(?P<power>\^?[23](?![0-9])|[²³])?"
    rf"(?:/(?P<per>{_PER})(?P<per_power>\^?[23](?![0-9])|[²³])?)?(?![\w²³]|(?<=[A-Za-z])['’](?!s)|/[\w])"
    r"(?:(?<=[a-z])\.(?=[ -][a-z(]|[,;)]))?"
)
_FRACTION = r"(?:(?P<whole>[0-9]{1,6}) )?(?P<top>[0-9]{1,4})/(?P<bottom>[0-9]{1,4})"
_MEASURE: Final = re.compile(
    rf"(?:{START}|(?<=[0-9]x))(?P<sign>{SIGN})(?:(?P<number0>{NUMBER})(?: ?(?P<unit0>[%°℃a-zA-Z]{{1,3}}))?"
    rf" ?(?:{DASH}|to) ?)?"
    rf"(?:{_FRACTION}|(?P<number>{NUMBER}))(?:[ -](?P<scale>{SCALES}))?(?P<gap>[ -]?){_UNIT}"
)
_FEET: Final = re.compile(
    r"(?<![\w.,'’′])(?P<feet>[0-9]{1,3})['’′](?: ?(?P<inches>[0-9]{1,2})(?:[\"”″]|['’]{2}|(?!\w|['’]))|(?= (?:tall"
    r"|long|wide|high|deep|by|x)\b))"
)
_INCHES: Final = re.compile(
    r"(?<![\w\"“.,/])(?:(?P<number>[0-9]{1,4}(?:\.[0-9]{1,3})?)|(?:(?P<whole>[0-9]{1,3})[ -])?"
    r"(?P<top>[0-9]{1,3})/(?P<bottom>[0-9]{1,3}))[\"”″](?=[\s,;:)]|$)"
)
_HEIGHT: Final = re.compile(
    r"(?<![\w.,])(?P<feet>[3-8])(?:-foot-| ?ft\.? ?)(?P<inches>[0-9]|1[01])"
    r"(?P<unit> ?in(?:\.(?= [a-z])|(?!\w)))?(?![\w.-])"
)
_ANGLE: Final = re.compile(
    r"(?<![\w.,])(?P<degrees>[0-9]{1,3})[°º] ?(?P<minutes>[0-9]{1,2})['’′]"
    r"(?: ?(?P<seconds>[0-9]{1,2}(?:\.[0-9]{1,4})?)[\"”″])?(?: ?(?P<side>[NSEW])\b)?"
)
NOT_MEASURED: Final = word_set("""and apart at away by deep from high in is long of off or tall thick to was wide x""")
_RATE: Final = re.compile(rf"{START}(?P<number>{NUMBER})/(?P<per>hr|h|min|sec|day|wk|week|mo|month|yr|year)(?!\w)")
_DENSITY: Final = re.compile(r"(?<=[a-z])(?P<said>/(?P<unit>mi|km|cm|m)(?P<power>[²³]))(?!\w)")
_SIDES: Final = {"N": " north", "S": " south", "E": " east", "W": " west", None: ""}


def _say_measure(match: re.Match[str]) -> str | None:
    unit, power, gap = match["unit"], match["power"], match["gap"]
    unit = unit if unit in UNITS else _BY_CASE[unit.lower()]
    if power and (unit not in LENGTHS or (power in "23" and gap == "-")):
        return None
    if (unit in ONLY_CLOSE and gap and not power) or (unit in ONLY_APART and not gap):
        return None
    if gap and len(unit) == 1 and unit.isalpha() and re.match(r"\. *\S", match.string[match.end() : match.end() + 9]):
        return None
    number = match["number"]
    is_singular = (number is not None and is_one(number) and not match["number0"]) or gap == "-"
    is_singular = (is_singular or (not number and not match["whole"])) and not match["scale"]
    is_singular = is_singular or is_attribute(match.string, match.start(), match.end())
    name = _name(unit, power, is_singular=is_singular)
    if per := match["per"]:
        if per in _PER_UNITS:
            per_name = _PER_UNITS[per] + (f" {raised(match['per_power'])}" if match["per_power"] else "")
        else:
            per_name = _name(per, match["per_power"], is_singular=True)
        name = f"{name} per {per_name}"
    said = SIGNS[match["sign"]]
    if match["number0"]:
        if (unit0 := match["unit0"]) and unit0 != unit:
            return None
        said += f"{decimal(plain(match['number0']))} to "
    if number:
        said += decimal(plain(number))
    elif match["whole"]:
        said += mixed(match["whole"], match["top"], match["bottom"])
    elif (match["top"], match["bottom"]) == ("1", "2"):
        return f"{said}half {'an' if name[0] in 'aeiou' or name == 'hour' else 'a'} {name}"
    else:
        article = "an" if name[0] in "aeiou" or name == "hour" else "a"
        said += f"{fraction(match['top'], match['bottom'])} of {article}"
    if match["scale"]:
        said += f" {match['scale']}"
    return f"{said}{'-' if gap == '-' else ' '}{name}"


def _name(unit: str, power: str | None, *, is_singular: bool) -> str:
    name = UNITS[unit]
    if not is_singular:
        head, per, rest = name.partition(" per ")
        head, *others = (name,) if name in PLURALS else head.split(" ") if head.startswith("degree") else (head,)
        name = " ".join([PLURALS.get(head, f"{head}s"), *others]) + ("" if name in PLURALS else per + rest)
    return f"{POWERS[power]} {name}" if power else name


def raised(power: str) -> str:
    """Reads an exponent: "2" or "²" is "squared"."""
    return "squared" if power[-1] in "2²" else "cubed"


def _say_feet(match: re.Match[str]) -> str:
    if not match["inches"]:
        return f"{cardinal(match['feet'])} {'foot' if is_one(match['feet']) else 'feet'}"
    return f"{cardinal(match['feet'])} foot {cardinal(int(match['inches']))}"


def _say_inches(match: re.Match[str]) -> str | None:
    if len(re.findall('(?<![0-9])"', match.string[: match.start()])) % 2:
        return None  # it closes a quotation
    following = re.match(r" ([a-z]+)", match.string[match.end() : match.end() + 16])
    inches = "inch" if following and following[1] not in NOT_MEASURED else "inches"
    if match["number"]:
        return f"{decimal(match['number'])} {'inch' if is_one(match['number']) else inches}"
    if match["whole"]:
        return f"{mixed(match['whole'], match['top'], match['bottom'])} {inches}"
    return f"{fraction(match['top'], match['bottom'])} inch"


def _say_angle(match: re.Match[str]) -> str:
    parts = [_count(match["degrees"], "degree"), _count(match["minutes"], "minute")]
    if match["seconds"]:
        parts.append(_count(match["seconds"], "second"))
    return " ".join(parts) + _SIDES[match["side"]]


def _count(number: str, name: str) -> str:
    number = number if "." in number else str(int(number))
    return f"{decimal(number)} {name if is_one(number) else name + 's'}"


RULES: Final = (
    Rule(_ANGLE, _say_angle),
    Rule(_HEIGHT, _say_feet),
    Rule(_FEET, _say_feet),
    Rule(_INCHES, _say_inches),
    Rule(_MEASURE, _say_measure),
    Rule(_DENSITY, lambda match: f" per {_name(match['unit'], match['power'], is_singular=True)}"),
    Rule(_RATE, lambda match: f"{decimal(plain(match['number']))} per {_PER_UNITS[match['per']]}"),
)

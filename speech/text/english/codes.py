"""Rules for numbers that are read by digits: phone numbers, codes, cards, versions, IP addresses."""

import re
from typing import Final

from speech.text.english.numbers import cardinal, spell, spell_groups
from speech.text.english.tables import word_set
from speech.text.scan import Rule

_PHONE: Final = re.compile(
    r"(?<![\w.,/-])(?P<country>\+ ?[0-9]{1,3}(?:[ .-]|(?=\())|[0-9][ .-](?=\(?[0-9]{3}[ )./-]{1,2}[0-9]{3}))?"
    r"(?:\((?P<area>[0-9]{3})\)[ .-]?|(?P<area2>[0-9]{3})(?P<mark>[-. ]))(?P<office>[0-9]{3})[-. ](?P<line>[0-9]{4})"
    r"(?:-(?P<more>[0-9]{1,4}))?(?:,? ?(?:ext\.?|x|extension) ?(?P<extension>[0-9]{1,6}))?(?![\w]|[-.,][0-9])"
)
_VANITY: Final = re.compile(
    r"(?<![\w.,-])(?P<prefix>1-)?(?P<area>8(?:00|33|44|55|66|77|88))(?P<rest>(?:-[0-9A-Z]{1,7}){1,4})(?![\w-])"
)
_INTERNATIONAL: Final = re.compile(
    r"(?<![\w.,])\+(?P<digits>[0-9]{1,4}(?:[ .-]?\(?[0-9]{1,5}\)?){1,7})(?![\w]|[.,][0-9])"
)
_LOCAL: Final = re.compile(r"(?<![\w.,/-])(?P<office>[0-9]{3})-(?P<line>[0-9]{4})(?![\w]|[-.,/][0-9])")
_GROUPS: Final = re.compile(
    r"(?<![\w.,/-])(?P<groups>[0-9]{3}-[0-9]{2}-[0-9]{4}|[0-9]{4}(?:[ -][0-9]{4}){3}"
    r"|[0-9]{4}[ -][0-9]{6}[ -][0-9]{5})(?![\w]|[-.,/][0-9])"
)
_DOTTED: Final = re.compile(
    r"(?<![\w.,/-])(?P<dotted>[0-9]{1,3}(?:\.[0-9]{1,3}){3})(?::(?P<port>[0-9]{1,5}))?(?:/(?P<mask>[0-9]{1,2}))?"
    r"(?![\w]|\.[0-9])"
)
_VERSION: Final = re.compile(r"(?<![\w.,-])(?P<v>[vV])?(?P<version>[0-9]{1,4}(?:\.[0-9]{1,5}){2,4})(?![0-9]|\.[0-9])")
_RELEASE: Final = re.compile(
    r"\b(?:Python|Java|Node|Node\.js|PHP|Ruby|Ubuntu|Debian|Django|macOS|iOS|Android|Go|Kubernetes|Linux|PostgreSQL|MySQL"
    r"|Chrome|Firefox|TypeScript|PyTorch|[Vv]ersion) (?P<said>[0-9]{1,2}\.[0-9]{2})(?![\w%]|[.,][0-9])"
)
_SERIAL: Final = re.compile(
    r"(?<![\w-])(?P<prefix>[A-Z]{2,6})-(?P<groups>[0-9]{2,8}(?:-[0-9]{2,8}){1,5})(?![\w-])"
    r"|(?<![\w.,-])(?P<digits>[0-9]{1,9}(?:-[0-9]{1,9}){3,8})(?![\w-]|[.,][0-9])"
)
_V: Final = re.compile(r"(?<![\w.,-])[vV](?P<version>[0-9]{1,4}(?:\.[0-9]{1,4})?)(?![\w]|\.[0-9])")
# Words before a number that is a code and not a quantity.
_CODE: Final = re.compile(
    r"(?<!\w)(?i:(?:codes?|pin|otp|passcode|password|zip|serial|account|acct|routing|tracking|confirmation|reference"
    r"|card|cvv|cvc|ssn|extension|ext\.|flight|agent|invoice|booking|pnr|isbn)\b)(?P<between>"
    r"(?: [A-Za-z]{1,12}){0,8})"
    r" ?[:#]? ?(?<![A-Za-z])(?P<said>[0-9]{1,8}(?:[ -][0-9]{2,8}){0,3}(?![0-9]))(?![\w%°]|[.,:/][0-9])"
)
_CALL: Final = re.compile(
    r"\b(?i:call|calls|called|dial|dialed|dialled|text|phone) (?P<said>[0-9]{3})(?!\w|[.,:/-][0-9]| [a-z]+s\b)"
)
_LONG: Final = re.compile(r"(?<![\w.,$€£¥₹-])(?P<digits>[0-9]{10,60})(?![\w]|[.,][0-9])")
_LEADING_ZERO: Final = re.compile(r"(?<![\w.,$€£¥₹'’])(?P<digits>0[0-9]{1,30}(?: [0-9]{3,8}){0,4})(?![\w]|[.,:/][0-9])")
_AFTER_CONTEXT: Final = word_set("""days dollars euros hours minutes people percent seconds times users years""")


def _say_phone(match: re.Match[str]) -> str:
    country = match["country"] or ""
    parts = []
    if country:
        parts.append(("plus " if country[0] == "+" else "") + spell(country))
    area = match["area"] or match["area2"]
    parts.append("eight hundred" if area == "800" else spell(area))
    parts += [spell(match["office"]), spell(match["line"])]
    if match["more"]:
        parts.append(spell(match["more"]))
    if match["extension"]:
        parts.append(f"extension {spell(match['extension'])}")
    return ", ".join(parts)


def _say_vanity(match: re.Match[str]) -> str:
    parts = ["one"] if match["prefix"] else []
    area = match["area"]
    parts.append("eight hundred" if area == "800" else spell(area))
    words: list[str] = []
    for part in match["rest"].strip("-").split("-"):
        said = " ".join(spell(run) if run.isdigit() else run for run in re.findall(r"[0-9]+|[A-Z]+", part))
        if part.isdigit() and len(part) == 1 and words:
            words[-1] += f" {said}"
        else:
            words.append(said)
    return ", ".join(parts + words)


def _say_international(match: re.Match[str]) -> str | None:
    groups = re.findall(r"[0-9]+", match["digits"])
    digits = "".join(groups)
    if len(digits) < 7:
        return None
    if len(groups) == 1:
        return f"plus {spell_groups(digits, 3)}"
    return f"plus {', '.join(map(spell, groups))}"


def _say_dotted(match: re.Match[str]) -> str:
    said = " dot ".join(spell(part) for part in match["dotted"].split("."))
    if match["port"]:
        said += f", port {spell(match['port'])}"
    return said + (f" slash {cardinal(match['mask'])}" if match["mask"] else "")


def _say_version(match: re.Match[str]) -> str:
    return ("version " if match["v"] else "") + say_version(match["version"])


def say_version(version: str) -> str:
    """Reads a version: "2.0.1" is "two point zero point one"."""
    return " point ".join(map(cardinal, version.split(".")))


def _say_code(match: re.Match[str]) -> str | None:
    digits = match["said"]
    following = re.match(r" ([a-z]+)", match.string[match.end() : match.end() + 20])
    if re.search(r"(?<!ending )(?<!ends )in$|since$|from$", match["between"]) and re.fullmatch(
        "(?:19|20)[0-9]{2}", digits
    ):
        return None
    if len(digits) < 3 or (following and (following[1] in _AFTER_CONTEXT or following[1].endswith("s"))):
        return None
    groups = re.split(r"[ -]", digits)
    return ", ".join(spell(group) if len(group) < 7 else spell_groups(group, 4) for group in groups)


def _say_serial(match: re.Match[str]) -> str:
    groups = (match["groups"] or match["digits"]).split("-")
    said = ", ".join(map(spell, groups))
    return f"{match['prefix']} {said}" if match["prefix"] else said


def _say_long(match: re.Match[str]) -> str | None:
    digits = match["digits"]
    if digits.endswith("000000") and digits[0] != "0" and len(digits) <= 18:
        return None
    if len(digits) == 10:
        return f"{spell(digits[:3])}, {spell(digits[3:6])}, {spell(digits[6:])}"
    return spell_groups(digits, 3 if len(digits) % 4 else 4)


def _say_leading_zero(match: re.Match[str]) -> str:
    groups = match["digits"].split(" ")
    if len(groups) == 1 and len(groups[0]) > 8:
        return spell_groups(groups[0])
    return ", ".join(map(spell, groups))


RULES: Final = (
    Rule(_PHONE, _say_phone),
    Rule(_VANITY, _say_vanity),
    Rule(_SERIAL, _say_serial),
    Rule(_DOTTED, _say_dotted),
    Rule(_GROUPS, lambda match: ", ".join(map(spell, re.split(r"[ -]", match["groups"])))),
    Rule(_INTERNATIONAL, _say_international),
    Rule(_CODE, _say_code),
    Rule(_CALL, lambda match: spell(match["said"])),
    Rule(_VERSION, _say_version),
    Rule(_RELEASE, lambda match: say_version(match["said"])),
    Rule(
        _V,
        lambda match: (
            f"version {say_version(match['version']) if '.' in match['version'] else cardinal(match['version'])}"
        ),
    ),
    Rule(_LOCAL, lambda match: f"{spell(match['office'])}, {spell(match['line'])}"),
    Rule(_LONG, _say_long),
    Rule(_LEADING_ZERO, _say_leading_zero),
)

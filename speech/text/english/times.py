"""Rules for times of day and durations: "7:05 pm" is "seven oh five PM"."""

import re
from typing import Final

from speech.text.english.numbers import SMALL, TENS, cardinal, two_digits
from speech.text.english.patterns import DASH
from speech.text.scan import Rule

# The dot after the m is included unless it ends a sentence.
_HALF_DAY: Final = (
    r"(?P<half>[aApP])(?:\. ?[mM](?:\.(?= +[^A-Z\s]|[,;:?!)]| ?[A-Z]{3}\b|[a-z]))?|[mM])(?:(?![a-zA-Z])|(?=est\b))"
)
_ZONES = "UTC|GMT|EST|EDT|CST|CDT|MST|MDT|PST|PDT|BST|CET|CEST|EET|IST|JST|AEST|ET|PT|CT|MT"
_ZONE: Final = (
    rf"(?: ?(?P<zone>(?:{_ZONES}|(?<=[0-9])Z)(?!\w)|(?i:e\.?s\.?t|p\.?s\.?t|c\.?s\.?t|m\.?s\.?t|g\.?m\.?t)(?!\w)))?"
)
_CLOCK = r"(?P<hour{0}>[01]?[0-9]|2[0-4])(?P<colon{0}>[:.])(?P<minute{0}>[0-5][0-9])(?![0-9])"

_EXACT: Final = re.compile(
    r"(?:(?<![\w.,:])|(?<=\ue000T))(?P<hours>[0-9]{1,2}):(?P<minutes>[0-5][0-9]):(?P<seconds>[0-5][0-9])(?:\."
    r"(?P<part>[0-9]{1,3}))?"
    rf"(?![\d:])(?: ?{_HALF_DAY})?{_ZONE}"
)
_TIME: Final = re.compile(
    rf"(?:(?<![\w.:$€£¥])|(?<=\ue000T))(?<![0-9],){_CLOCK.format('')}(?![\d:])"
    rf"(?: ?{_HALF_DAY})?{_ZONE}"
)
_HOUR: Final = re.compile(
    rf"(?<![\w.:$€£¥/])(?<![0-9],)(?:(?P<from>[01]?[0-9]) ?(?:{DASH}|to) ?)?"
    rf"(?P<hour>[01]?[0-9])(?P<gap> ?){_HALF_DAY}{_ZONE}"
)
_STAMP: Final = re.compile(r"(?<=\ue000)(?P<said>T)(?=\ue000)")  # between the date and the time
_MILITARY: Final = re.compile(r"(?<![\w.:,])(?P<hour>[01][0-9]|2[0-3])(?P<minute>[0-5][0-9])(?= (?:hours|hrs)\b)")
_BETWEEN: Final = re.compile(
    r"(?<![\w.:])[0-9]{1,2}(?::[0-5][0-9])?(?: ?[aApP]\.?[mM]\b\.?)?"
    rf"(?P<said> ?{DASH} ?)(?=[0-9]{{1,2}}(?::[0-5][0-9](?![0-9])| ?[aApP]\.?[mM]\b))"
)
_LENGTH: Final = re.compile(
    r"(?<![\w.,:])(?:(?P<hours>[0-9]{1,3}) ?h(?:rs?)? ?(?P<minutes>[0-9]{1,2})(?: ?m(?:ins?)?)?(?: ?"
    r"(?P<seconds>[0-9]{1,2}) ?s(?:ecs?)?)?"
    r"|(?P<minutes2>[0-9]{1,3}) ?m(?:in)? ?(?P<seconds2>[0-9]{1,2}) ?s(?:ecs?)?)(?!\w)"
)


def _say_exact(match: re.Match[str]) -> str | None:
    if int(match["hours"]) > 24 and match["half"]:
        return None
    parts = [_count(match["hours"], "hour"), _count(match["minutes"], "minute")]
    seconds = _count(match["seconds"], "second")
    if part := match["part"]:
        seconds = f"{cardinal(int(match['seconds']))} point {' '.join(SMALL[int(digit)] for digit in part)} seconds"
    return f"{' '.join(parts)} and {seconds}{_half_day(match)}{_zone(match)}"


def _count(number: str, name: str) -> str:
    return f"{cardinal(int(number))} {name if int(number) == 1 else name + 's'}"


def _say_time(match: re.Match[str]) -> str | None:
    half = match["half"]
    if match["colon"] == "." and not half:
        return None
    hour, minute = cardinal(int(match["hour"])), match["minute"]
    if minute == "00":
        if half or match["zone"]:
            said = hour
        else:
            following = match.string[match.end() : match.end() + 9].lower().lstrip()
            said = hour if following.startswith(("o'clock", "o’clock", "hours")) else f"{hour} o'clock"
    else:
        said = f"{hour} {two_digits(minute)}"
    return said + _half_day(match) + _zone(match)


def _say_hour(match: re.Match[str]) -> str | None:
    hour, start = int(match["hour"]), match["from"]
    if hour > 24:
        return None
    # "I am 5 am I?" is rare, and lists do not write "5 a m".
    said = f"{cardinal(int(start))} to {cardinal(hour)}" if start else cardinal(hour)
    return said + _half_day(match) + _zone(match)


def _say_length(match: re.Match[str]) -> str:
    numbers = (match["hours"], match["minutes"] or match["minutes2"], match["seconds"] or match["seconds2"])
    names = ("hour", "minute", "second")
    return " ".join(_count(number, name) for number, name in zip(numbers, names, strict=True) if number)


def _half_day(match: re.Match[str]) -> str:
    if not match["half"]:
        return ""
    return " PM" if match["half"][0] in "pP" else f" {say_morning(match)}"


def say_morning(match: re.Match[str]) -> str:
    """Writes AM with dots, because readers mistake it for the verb. The text may already have the last dot."""
    return "A.M" if match.string[match.end() : match.end() + 1] == "." else "A.M."


def _zone(match: re.Match[str]) -> str:
    zone = (match["zone"] or "").replace(".", "").upper()
    return f" {'UTC' if zone == 'Z' else zone}" if zone else ""


def _say_military(match: re.Match[str]) -> str:
    hour, minute = match["hour"], match["minute"]
    spoken_hour = f"oh {SMALL[int(hour)]}" if hour[0] == "0" and hour != "00" else cardinal(int(hour))
    return f"{spoken_hour} {'hundred' if minute == '00' else two_digits(minute)}"


_SPOKEN_MORNING: Final = re.compile(
    rf"\b(?:the|oh|hundred|{'|'.join(filter(None, (*SMALL, *TENS)))}) (?P<said>AM)(?!\w)"
)

RULES: Final = (
    Rule(_SPOKEN_MORNING, say_morning),
    Rule(_BETWEEN, lambda match: " to "),
    Rule(_EXACT, _say_exact),
    Rule(_TIME, _say_time),
    Rule(_HOUR, _say_hour),
    Rule(_LENGTH, _say_length),
    Rule(_STAMP, lambda match: " "),
    Rule(_MILITARY, _say_military),
)

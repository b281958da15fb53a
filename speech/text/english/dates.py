"""Rules for dates, years and decades: "jan. 15, 2020" is "january fifteenth, twenty twenty"."""

import re
from typing import Final

from speech.text.english.numbers import cardinal, decade, ordinal, pairs, two_digits, year
from speech.text.english.patterns import DASH
from speech.text.english.tables import word_set
from speech.text.scan import Rule

MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October"),
    *("November", "December"),
)
DAYS: Final = {
    "mon": "Monday",
    "tue": "Tuesday",
    "tues": "Tuesday",
    "wed": "Wednesday",
    "thu": "Thursday",
    "thur": "Thursday",
    "thurs": "Thursday",
    "fri": "Friday",
    "sat": "Saturday",
    "sun": "Sunday",
}

_DAY_NAME = rf"(?:{'|'.join(day.capitalize() for day in DAYS)})"
_DAYS: Final = re.compile(
    rf"(?<![\w-])(?P<first>{_DAY_NAME})\.? ?[-–] ?(?P<second>{_DAY_NAME})(?:\.(?=,| [a-z0-9]))?(?![\w-])"
)
_DAY_ALONE: Final = re.compile(rf"(?<![\w.-])(?P<day>{_DAY_NAME})\.(?=,| [a-z0-9(])")
_MONTH_NAMES: Final = {name.lower(): name for name in MONTHS} | {name[:3].lower(): name for name in MONTHS}
_MONTH_NAMES["sept"] = "September"
_MONTH = (
    r"(?P<month>(?i:january|february|march|april|may|june|july|august|september|october|november|december"
    r"|jan|feb|mar|apr|jun|jul|aug|sept|sep|oct|nov|dec))(?![a-zA-Z])"
)
_DAY = r"(?P<day{0}>0?[1-9]|[12][0-9]|3[01])(?![0-9])"
_SUFFIX = r"(?:st|nd|rd|th)?(?![a-zA-Z0-9])"
_YEAR = r"(?P<year>1[0-9]{3}|20[0-9]{2})(?![0-9\w]|[.,/:-][0-9]|['’]s)"
_WEEKDAY = rf"(?:(?P<weekday>(?i:{'|'.join(DAYS)}))\.?(?P<comma>,?) )?"
_BEFORE = r"(?<![\w.,/:-])"

_MONTH_FIRST: Final = re.compile(
    rf"(?<!\w){_WEEKDAY}{_MONTH}\.?(?: |-(?=[0-9]{{1,2}}\b)){_DAY.format('')}{_SUFFIX}(?!:[0-9]|[.,][0-9]| ?%)"
    rf"(?: ?{DASH} ?{_DAY.format('2')}{_SUFFIX})?(?:(?P<gap>,? ){_YEAR})?"
)
_DAY_FIRST: Final = re.compile(
    rf"(?<!\w){_WEEKDAY}(?:(?i:the) )?(?<![0-9][.,/:-])(?<![$€£¥]){_DAY.format('')}{_SUFFIX}"
    rf"(?: ?{DASH} ?{_DAY.format('2')}{_SUFFIX})?(?: (?:of )?|-){_MONTH}\.?(?:(?P<gap>,? |-){_YEAR})?"
)
_MONTH_YEAR: Final = re.compile(rf"(?<!\w){_MONTH}\.?(?P<gap>,? ){_YEAR}")
_MONTH_ALONE: Final = re.compile(r"(?<!\w)(?P<month>Jan|Feb|Aug|Sept|Oct|Nov|Dec)\.(?= [a-z0-9]|,)")
_ISO: Final = re.compile(
    rf"{_BEFORE}(?P<year>1[0-9]{{3}}|20[0-9]{{2}})(?P<mark>[-/.])(?P<month>0?[1-9]|1[0-2])(?P=mark)"
    rf"(?P<day>0?[1-9]|[12][0-9]|3[01])(?![\w/]|[-.,:][0-9])|(?<!\w)(?P<year2>[0-9]{{4}})-(?P<month2>[0-9]{{2}})-"
    rf"(?P<day2>[0-9]{{2}})(?=T[0-9])"
)
_NUMERIC: Final = re.compile(
    rf"{_BEFORE}(?P<first>0?[1-9]|[12][0-9]|3[01])(?P<mark>[-/.])(?P<second>0?[1-9]|[12][0-9]|3[01])(?P=mark)"
    rf"(?P<year>1[0-9]{{3}}|20[0-9]{{2}}|[0-9]{{2}})(?![\w/]|[-.,:][0-9])"
)
# A day without a year, after a word that no fraction follows.
_SHORT_DATE: Final = re.compile(
    r"\b(?i:on|until|since|due|dated) (?P<said>(?P<first>0?[1-9]|[12][0-9]|3[01])/(?P<second>0?[1-9]|[12][0-9]|3[01]))"
    r"(?![\w/%-]|[.,][0-9]| (?:of|cups?|inch|inches|miles?|an?|the)\b)"
)
_COMMON_FRACTIONS: Final = frozenset({"1/2", "1/3", "2/3", "1/4", "3/4", "1/5", "1/8", "1/10", "9/10"})
_DECADE: Final = re.compile(r"(?<![\w.,$€£¥])(?P<mark>['’‘]?)(?P<decade>(?:1[0-9]|20)?[0-9]0)['’]?(?:s| s)(?!\w)")
_DECADES: Final = re.compile(
    rf"(?<![\w.,$€£¥])(?P<first>(?:1[0-9]|20)[0-9]0)s? ?{DASH} ?(?P<second>(?:(?:1[0-9]|20)[0-9]0|['’]?[1-9]0))s"
    rf"(?!\w)"
)
_YEARS: Final = re.compile(
    rf"(?<![\w.,$€£¥/-])(?P<first>1[1-9][0-9]{{2}}|20[0-9]{{2}})(?P<gap> ?){DASH}(?P=gap)"
    rf"(?P<second>1[1-9][0-9]{{2}}|20[0-9]{{2}}|[0-9]{{2}})"
    rf"(?![\w%°€$£-]|[.,:/][0-9])"
)
_SEASON: Final = re.compile(r"(?<![\w.,$€£¥/-])(?P<first>(?:19|20)[0-9]{2})/(?P<second>[0-9]{2})(?![\w/]|[.,][0-9])")
_SHORT_YEAR: Final = re.compile(
    r"\b(?i:of|in|since|spring|summer|autumn|fall|winter) (?P<said>['’](?P<year>[0-9]{2}))(?![\w'’])"
)
_MANY: Final = re.compile(r"(?<![\w.,$])1(?P<zeros>0{2,3})s(?!\w)")
_FISCAL: Final = re.compile(r"\b(?P<said>FY ?(?P<year>20[0-9]{2}|[0-9]{2}))\b")
_ERA = r"(?= ?(?:B\.?C\.?|A\.?D\.?|B\.?C\.?E\.?|C\.?E\.?)(?!\w))"
# A number that the words before or after it mark as a year.
_LONE_YEAR: Final = re.compile(
    r"(?<![\w.,$€£¥#/:+=-])(?P<said>1[1-9][0-9]{2}|20[0-9]{2}|2[1-9]00)"
    r"(?!\w|[.,:/][0-9]| ?[%°€$£×*+=/<>]| -[0-9])(?P<after> [a-z]{2,12}|-[a-z]{2,12})?"
)
_BIG_YEAR: Final = re.compile(
    r"\b(?i:in|year) (?P<said>10[1-9][0-9])(?![\w]|[.,:/][0-9]| (?!and\b|or\b|to\b|by\b|the\b|at\b|when\b|he\b"
    r"|she\b|it\b|they\b)[a-z])"
)
# Words that end in -s but are not plural nouns, so that the number before them may be a year.
NOT_COUNTED: Final = word_set(
    """across afterwards always as besides does has hers his is its ours perhaps plus since theirs this thus towards
    unless us versus was yes"""
)
COUNTED: Final = word_set(
    """billion children copies dozen feet fish hundred men million people percent sheep thousand times women"""
)


def _name(match: re.Match[str]) -> str:
    return _MONTH_NAMES[match["month"].lower()]


def _weekday(match: re.Match[str]) -> str:
    return f"{DAYS[match['weekday'].lower()]}{match['comma']} " if match["weekday"] else ""


def _year(match: re.Match[str]) -> str:
    return f"{match['gap'].replace('-', ' ')}{year(match['year'])}" if match["year"] else ""


def _say_month_first(match: re.Match[str]) -> str | None:
    if match["month"] == "mar" or (match["month"] in ("may", "march") and _follows_word(match)):
        return None
    counted = re.match(r" ([a-z]+)", match.string[match.end() : match.end() + 12])
    if counted and counted[1] in COUNTED and not match["year"]:
        return None  # "In April 5 people came"
    if match["month"] in ("may", "march", "dec") and re.match(
        r" [a-z]+s\b", match.string[match.end() : match.end() + 20]
    ):
        return None
    days = ordinal(match["day"].lstrip("0"))
    if match["day2"]:
        days += f" to {ordinal(match['day2'].lstrip('0'))}"
    return f"{_weekday(match)}{_name(match)} {days}{_year(match)}"


_WORD_BEHIND: Final = re.compile(r" (?!(?:at|and|or|in|on|to|from|until|we|for|is|was|the)\b)[a-z]")


def _follows_word(match: re.Match[str]) -> bool:
    """Whether "may" or "march" is a verb, because it follows a pronoun or "there"."""
    return bool(
        re.search(r"(?i)\b(?:you|I|we|they|he|she|it|who|that|there|this) $", match.string[: match.start()][-8:])
    )


def _say_day_first(match: re.Match[str]) -> str | None:
    following = match.string[match.end() : match.end() + 16]
    if not match["year"]:
        # "The 3 may be wrong", "10 dec units": the number counts, and the word is not a month.
        if match["month"] in ("may", "march", "mar", "dec", "sun") and _WORD_BEHIND.match(following):
            return None
        if re.search(r"[0-9] of [A-Za-z]+$", match[0]):
            return None  # "5 of May's"
    days = ordinal(match["day"].lstrip("0"))
    if match["day2"]:
        days += f" to {ordinal(match['day2'].lstrip('0'))}"
    return f"{_weekday(match)}the {days} of {_name(match)}{_year(match)}"


def _say_iso(match: re.Match[str]) -> str | None:
    date_year, month, day = (
        match["year"] or match["year2"],
        match["month"] or match["month2"],
        match["day"] or match["day2"],
    )
    if not 0 < int(month) <= 12:
        return None
    return f"{_month(month)} {ordinal(int(day))} {year(date_year)}"


def _say_numeric(match: re.Match[str]) -> str | None:
    first, second, spoken_year = match["first"], match["second"], match["year"]
    if len(spoken_year) == 2 and match["mark"] == "." and len(first) + len(second) < 4:
        return None  # a version
    spoken_year = year(spoken_year) if len(spoken_year) == 4 else two_digits(spoken_year)
    if int(first) <= 12:
        return f"{_month(first)} {ordinal(second.lstrip('0'))} {spoken_year}"
    if int(second) <= 12:
        return f"the {ordinal(first.lstrip('0'))} of {_month(second)} {spoken_year}"
    return None


def _say_short_date(match: re.Match[str]) -> str | None:
    first, second = match["first"], match["second"]
    if match["said"] in _COMMON_FRACTIONS and match[0][:3].lower() == "on ":
        return None
    if int(first) > 12:
        return None
    return f"{_month(first)} {ordinal(second.lstrip('0'))}"


def _month(number: str) -> str:
    return MONTHS[int(number) - 1]


def _say_decade(match: re.Match[str]) -> str | None:
    digits = match["decade"]
    if digits == "00" and match["mark"]:
        return "two thousands"
    if digits == "00" or (match[0].endswith(" s") and len(digits) == 2):
        return None
    if re.search(r"[0-9]['’]s$", match[0]) and len(digits) == 2 and not match["mark"]:
        return f"{cardinal(digits)}'s"
    return decade(digits)


def _say_decades(match: re.Match[str]) -> str:
    return f"{decade(match['first'])} to {decade(match['second'].lstrip(chr(39) + '’'))}"


def _say_years(match: re.Match[str]) -> str | None:
    first, second = match["first"], match["second"]
    if len(second) == 2 and (match["gap"] or int(second) <= int(first[2:]) or (first[2:] == "00" and second > "12")):
        return None
    return f"{year(first)} to {year(second) if len(second) == 4 else two_digits(second)}"


def _say_season(match: re.Match[str]) -> str | None:
    first, second = match["first"], match["second"]
    return f"{year(first)} {two_digits(second)}" if (int(first) + 1) % 100 == int(second) else None


def _say_lone_year(match: re.Match[str]) -> str | None:
    after = (match["after"] or "").strip(" -")
    digits = match["said"]
    if (
        match["after"]
        and match["after"][0] != "-"
        and (after in COUNTED or (_is_plural(after) and not _is_dated(match)))
    ):
        return pairs(digits) if digits.endswith("00") else cardinal(digits)
    return year(digits)


def _is_plural(word: str) -> bool:
    return word.endswith("s") and not word.endswith("ss") and word not in NOT_COUNTED


def _is_dated(match: re.Match[str]) -> bool:
    return bool(re.search(r"\b(?:in|since|until|by|early|late|mid) $", match.string[: match.start()][-7:].lower()))


def _say_fiscal(match: re.Match[str]) -> str:
    digits = match["year"]
    return f"FY {year(digits) if len(digits) == 4 else two_digits(digits)}"


# The month and not the adjective, which is pronounced differently.
_AUGUST_BEFORE: Final = re.compile(
    r"\b(?:of|in|since|until|last|next|early|late|mid|every|by) (?P<said>august)(?=[.,;:!?)]|\s*$| (?:and|or|to|at"
    r"|the|we|I)\b)"
)
_AUGUST_BEHIND: Final = re.compile(
    r"(?<!\w)(?P<said>august)(?= (?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth"
    r"|thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twent|thirt|nineteen"
    r"|two thousand))"
)


RULES: Final = (
    Rule(_AUGUST_BEFORE, lambda match: "August"),
    Rule(_AUGUST_BEHIND, lambda match: "August"),
    Rule(_DAYS, lambda match: f"{DAYS[match['first'].lower()]} to {DAYS[match['second'].lower()]}"),
    Rule(_ISO, _say_iso),
    Rule(_NUMERIC, _say_numeric),
    Rule(_SHORT_DATE, _say_short_date),
    Rule(_DAY_FIRST, _say_day_first),
    Rule(_MONTH_FIRST, _say_month_first),
    Rule(_MONTH_YEAR, lambda match: f"{_name(match)}{_year(match)}"),
    Rule(_MONTH_ALONE, _name),
    Rule(_DAY_ALONE, lambda match: DAYS[match["day"].lower()]),
    Rule(_DECADES, _say_decades),
    Rule(_MANY, lambda match: "thousands" if match["zeros"] == "000" else "hundreds"),
    Rule(_DECADE, _say_decade),
    Rule(_FISCAL, _say_fiscal),
    Rule(_SEASON, _say_season),
)
YEAR_RULES: Final = (
    Rule(_YEARS, _say_years),
    Rule(_SHORT_YEAR, lambda match: two_digits(match["year"])),
    Rule(re.compile(rf"(?<![\w.,])(?P<said>[0-9]{{3,4}}){_ERA}"), lambda match: year(match["said"])),
    Rule(_BIG_YEAR, lambda match: year(match["said"])),
    Rule(_LONE_YEAR, lambda match: _say_lone_year(match)),
)

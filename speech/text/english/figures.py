"""Rules for all other numbers: fractions, ordinals, ranges, numbers with letters, cardinals."""

import re
from typing import Final

from speech.text.english.numbers import cardinal, decimal, fraction, mixed, ordinal, pairs, spell, spell_groups
from speech.text.english.patterns import DASH, INTEGER, NUMBER, SCALES, SIGNS, START, plain
from speech.text.scan import Rule

# Units that are often measured in fractions.
PARTS: Final = (
    "cup|mile|hour|inch|pound|teaspoon|tablespoon|gallon|pint|quart|ounce|acre|liter|litre|mile|minute|second|day|dozen"
    "|million|billion|bottle|glass|page|century|marathon|yard|foot|meter|metre|kilometer|kilometre|kilo|ton"
)
_FRACTION: Final = re.compile(
    rf"(?<![\w.,/])(?P<sign>(?<![\w)])[-−])?(?:(?P<whole>[0-9]{{1,6}})[ -])?(?P<top>[0-9]{{1,9}})(?P<slash>/| / |⁄)"
    rf"(?P<bottom>[0-9]{{1,9}})(?:st|nd|rds?|ths?|RD|TH|ST|ND)?(?:(?P<thing> (?:{PARTS})\b))?(?![\w/]|[.,][0-9])"
)
_ALWAYS: Final = re.compile(r"(?<![\w.,/])(?P<said>24/7/365|24/7|9/11|50/50|20/20|401\(?k\)?)(?![\w/]|[.,][0-9])")
_SPOKEN: Final = {
    "24/7/365": "twenty four seven three sixty five",
    "24/7": "twenty four seven",
    "9/11": "nine eleven",
    "50/50": "fifty fifty",
    "20/20": "twenty twenty",
    "401(k)": "four oh one k",
    "401k": "four oh one k",
}
_PLANE: Final = re.compile(r"(?<![\w.,-])(?P<first>7[0-9]7)-(?P<second>[0-9]{1,3})(?![\w-]|[.,][0-9])")
_SECONDS: Final = re.compile(
    r"\b(?i:wait|for|after|every|within|took|takes|lasts?|timeout of) (?P<said>(?P<number>[0-9]{1,3})s)(?!\w)"
)
# Names of planes and teams, and the digits: "747s", "F-16s", "the 49ers", "1s and 0s".
_PLURAL: Final = re.compile(r"(?<![\w.,$€£¥'’-])(?P<prefix>[A-Z]{1,3}-?)?(?P<number>[0-9]{1,4})(?P<end>s|ers)(?!\w)")
_LINES: Final = re.compile(r"(?<![\w.,])(?P<number>[0-9]{3,4})(?P<mark>[pi])(?P<rate>[2-9][0-9]|120)?(?!\w)")
_FACTOR: Final = re.compile(rf"{START}(?P<number>{NUMBER})x(?=[ /][a-z]|[.,;!?)])")
_TO_MIXED: Final = re.compile(r"(?<![\w.,/-])[0-9]{1,3}(?P<said> ?[-–] ?)(?=[0-9]{1,3} ?[½⅓⅔¼¾⅛⅜⅝⅞])")
# A record of games, or a formation: "11-5-1", "4-4-2".
_ROW: Final = re.compile(r"(?<![\w.,/-])(?P<said>[0-9]{1,2}(?:-[0-9]{1,2}){2,3})(?![\w/-]|[.,][0-9])")
_AROUND: Final = re.compile(r"(?<!\w)(?P<said>c\. ?)(?=1[0-9]{3}|20[0-9]{2}|[0-9]{2,3} (?:BC|AD))")
_VULGAR: Final = re.compile(
    rf"(?:(?<![\w.,])(?P<whole>{INTEGER}) ?)?(?P<part>[½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞])(?:(?P<thing> (?:{PARTS})\b))?"
)
_VULGARS: Final = dict(
    zip(
        "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞",
        ["1/2", "1/3", "2/3", "1/4", "3/4", "1/5", "2/5", "3/5", "4/5", "1/6", "5/6", "1/8", "3/8", "5/8", "7/8"],
        strict=True,
    )
)
_ORDINAL: Final = re.compile(
    r"(?<![\w.])(?<![0-9],)(?P<number>[0-9]{1,3}(?:,[0-9]{3}){1,12}|[0-9]{1,36})(?P<suffix>st|nd|rd|th|ST|ND|RD"
    r"|TH)(?P<many>s?)(?!\w)"
)
_SCORE: Final = re.compile(
    rf"{START}(?P<first>{NUMBER})(?P<gap> ?)(?P<dash>{DASH})(?P=gap)(?P<second>{NUMBER})(?![\w-]|[.,:/][0-9]| ?=)"
)
_NUMBERS: Final = re.compile(
    r"(?<!\w)(?P<said>(?:No|Nos|no|nos|Nr|nr|№)\.? ?)(?=[0-9])(?<!\bno )(?<!\bNo )(?<!is no\. )(?<!was no\. )"
    r"(?<![?!] No\. )"
    r"(?<![?!][\"”] No\. )(?<!say no\. )"
    r"(?<!said no\. )(?<!says no\. )"
)
_HASH: Final = re.compile(r"(?<![\w#&/])(?P<said>#)(?=[0-9]{1,12}(?![\w])|[A-Z]{1,6}-[0-9])")
_PAGES: Final = re.compile(
    r"(?<!\w)(?P<said>pp?\. ?|vol\. ?|Vol\. ?|ch\. ?|Ch\. ?|[Ff]ig\. ?|[Ff]igs\. ?|[Ee]q\. ?|[Ss]ec\. ?"
    r"|[Aa]rt\. ?)(?=[0-9])"
)
_PAGE_WORDS: Final = {
    "p": "page ",
    "pp": "pages ",
    "vol": "volume ",
    "ch": "chapter ",
    "fig": "figure ",
    "figs": "figures ",
    "eq": "equation ",
    "sec": "section ",
    "art": "article ",
}
_PREFIX: Final = re.compile(r"(?<![\w.,'’])(?P<said>[A-Za-z]{1,12}-?[0-9]{1,20}|[0-9]{1,20}-?[A-Za-z]{1,20})(?![\w])")
_MIXED: Final = re.compile(
    r"(?<![\w.,])(?=[A-Za-z]{0,40}[0-9])(?=[0-9]{0,40}[A-Za-z])(?P<said>[A-Za-z0-9]{2,60})(?![\w])"
)
_SLASHED: Final = re.compile(r"(?<![\w.,])(?P<said>[0-9]{1,12}(?:/[0-9]{1,12}){1,5})(?![\w/])")
_SPELLED: Final = re.compile(r"(?<![\w-])(?P<said>[0-9A-Za-z](?:-[0-9A-Za-z]){2,40})(?![\w-])")
_BROKEN: Final = re.compile(r"(?<![\w.])(?P<said>[0-9]{1,3}(?:,[0-9]{3}){0,10},[0-9]{4,40})(?![\w])")
_LARGE: Final = re.compile(
    rf"(?<!\w-){START}(?P<sign>(?<![\w)%\ue000-])[-−–+±])?(?P<number>{NUMBER})(?P<gap>[ -]?)"
    rf"(?P<scale>{SCALES}|[Bb]n|[MBT]|[kK])"
    rf"(?!\w)"
)
_LARGE_SCALES: Final = {"bn": "billion", "Bn": "billion"}
_PLAIN: Final = re.compile(rf"(?<![\w.])(?<![0-9],)(?P<sign>(?<![\w)%.\ue000-])[-−–+±])?(?P<number>{NUMBER})")
_SPACED: Final = re.compile(
    rf"{START}(?P<said>[0-9]{{1,3}}(?:(?:\u2009[0-9]{{3}}){{1,6}}|(?: [0-9]{{3}}){{2,6}}|(?: 000){{1,6}}|"
    rf"(?:\.[0-9]{{3}}){{2,6}}))"
    r"(?![\w/]|[., -][0-9])"
)
_REST: Final = re.compile(r"(?P<sign>(?<=[\s(])[-−–](?=[0-9]))?(?P<number>[0-9]{1,60})")


def _say_fraction(match: re.Match[str]) -> str | None:
    whole, top, bottom = match["whole"], match["top"], match["bottom"]
    if int(bottom) == 0 or (top != "0" and top[0] == "0") or bottom[0] == "0":
        return None
    sign = "minus " if match["sign"] else ""
    return sign + _say_part(whole, top, bottom, match["thing"])


def _say_part(whole: str | None, top: str, bottom: str, thing: str | None) -> str:
    if whole:
        said, noun = mixed(whole, top, bottom), f"{thing}s" if thing else ""
        return said + {" foots": " feet", " inchs": " inches", " glasss": " glasses", " centurys": " centuries"}.get(
            noun, noun
        )
    if not thing:
        return fraction(top, bottom)
    noun = thing.strip()
    article = "an" if noun[0] in "aeio" or noun == "hour" else "a"
    if (top, bottom) == ("1", "2"):
        return f"half {article} {noun}"
    return f"{fraction(top, bottom)} of {article} {noun}"


def _say_plural(match: re.Match[str]) -> str | None:
    prefix, number, end = match["prefix"] or "", match["number"], match["end"]
    # "30s" is a decade or a time.
    if end == "s" and not prefix and (number.endswith("0") != (number == "0") or (number > "1" and len(number) < 3)):
        return None
    if end == "ers" and len(number) != 2:
        return None
    before, _, last = pairs(number).rpartition(" ")
    if end == "s":
        plural = f"{last[:-1]}ies" if last.endswith("y") else f"{last}es" if last.endswith("x") else f"{last}s"
    else:
        plural = f"{last[:-1]}iers" if last.endswith("y") else f"{last.removesuffix('e')}ers"
    return " ".join(filter(None, (prefix.strip("-"), before, plural)))


def _say_lines(match: re.Match[str]) -> str:
    return f"{pairs(match['number'])} {match['mark']}{' ' + cardinal(match['rate']) if match['rate'] else ''}"


def _say_vulgar(match: re.Match[str]) -> str:
    top, _, bottom = _VULGARS[match["part"]].partition("/")
    return _say_part(match["whole"], top, bottom, match["thing"])


def _say_ordinal(match: re.Match[str]) -> str:
    number, suffix = plain(match["number"]), match["suffix"].lower()
    right = "th" if number[-2:-1] == "1" else {"1": "st", "2": "nd", "3": "rd"}.get(number[-1], "th")
    if suffix != right:
        return f"{cardinal(number)} {suffix}{match['many']}"
    number = number.lstrip("0") or "0"
    return ordinal(number) + match["many"]


def _say_range(match: re.Match[str]) -> str | None:
    first, second = plain(match["first"]), plain(match["second"])
    if match["gap"] and match["dash"] in "-−" and float(second) <= float(first):
        return None
    return f"{decimal(first)} to {decimal(second)}"


def say_mixed(code: str) -> str:
    """Reads a mix of letters and numbers: "25d08A" is "twenty five d zero eight A"."""
    return " ".join(_say_run(run) for run in re.findall(r"[0-9]+|[^0-9]+", code))


def _say_run(run: str) -> str:
    if run[0] not in "0123456789":
        return run.strip("-") or run
    if run[0] == "0" or len(run) > 5:
        return spell(run)
    return cardinal(run)


def _say_prefix(match: re.Match[str]) -> str:
    if name := re.fullmatch("([A-Z]{1,4})-?([1-9][0-9]{2,3})", match["said"]):
        return f"{name[1]} {pairs(name[2])}"
    return say_mixed(match["said"])


def _say_slashed(match: re.Match[str]) -> str:
    return "/".join(map(_say_run, match["said"].split("/")))


def _say_spelled(match: re.Match[str]) -> str | None:
    if not re.search("[0-9]", match["said"]):
        return None
    return "-".join(spell(part) if part.isdigit() else part for part in match["said"].split("-"))


def _say_broken(match: re.Match[str]) -> str:
    head, _, tail = match["said"].rpartition(",")
    return f"{cardinal(head)}, {spell(tail)}"


def _say_large(match: re.Match[str]) -> str | None:
    scale = match["scale"]
    if len(scale) == 1:
        is_counted = re.match("[ ][a-z]", match.string[match.end() : match.end() + 2])
        if match["gap"] or (scale not in "kK" and not is_counted):
            return None
        if scale in "kK" and (match["number"] == "401" or re.fullmatch("[0-9]", match["number"])):
            return None
        # "a 10K" is a run.
        if (
            scale == "K"
            and match["number"] in ("10", "15")
            and re.search(r"\b[Aa] $", match.string[: match.start()][-3:])
        ):
            return None
        scale = {"k": "thousand", "K": "thousand", "M": "million", "B": "billion", "T": "trillion"}[scale]
    said = SIGNS[match["sign"] or ""] + decimal(plain(match["number"]))
    return f"{said}{'-' if match['gap'] == '-' else ' '}{_LARGE_SCALES.get(scale, scale)}"


def _say_plain(match: re.Match[str]) -> str:
    number = plain(match["number"])
    whole, point, _ = number.partition(".")
    said = spell_groups(number, 3) if len(whole) > 36 and not point else decimal(number)
    return SIGNS[match["sign"] or ""] + said


def _say_rest(match: re.Match[str]) -> str:
    digits = match["number"]
    return ("minus " if match["sign"] else "") + (cardinal(digits) if len(digits) < 10 else spell_groups(digits, 3))


# Applied before money and measures.
EARLY_RULES: Final = (
    Rule(_NUMBERS, lambda match: "numbers " if "s" in match["said"].lower() else "number "),
    Rule(_HASH, lambda match: "number "),
    Rule(_PAGES, lambda match: _PAGE_WORDS[match["said"].strip(" .").lower()]),
    Rule(_SPACED, lambda match: cardinal(re.sub(r"[^0-9]", "", match["said"]))),
    Rule(_ALWAYS, lambda match: _SPOKEN[match["said"]]),
    Rule(_AROUND, lambda match: "circa "),
    Rule(_PLANE, lambda match: f"{pairs(match['first'])} {cardinal(match['second'])}"),
    Rule(_SECONDS, lambda match: f"{cardinal(match['number'])} seconds"),
    Rule(_TO_MIXED, lambda match: " to "),
    Rule(_PLURAL, _say_plural),
    Rule(_LINES, _say_lines),
)
FRACTION_RULES: Final = (
    Rule(_FACTOR, lambda match: f"{decimal(plain(match['number']))} times"),
    Rule(_VULGAR, _say_vulgar),
    Rule(_FRACTION, _say_fraction),
)
RULES: Final = (
    Rule(_ORDINAL, _say_ordinal),
    Rule(_SLASHED, _say_slashed),
    Rule(_SPELLED, _say_spelled),
    Rule(_BROKEN, _say_broken),
    Rule(_ROW, lambda match: " ".join(map(cardinal, match["said"].split("-")))),
    Rule(_SCORE, _say_range),
    Rule(_LARGE, _say_large),
    Rule(_PREFIX, _say_prefix),
    Rule(_MIXED, lambda match: say_mixed(match["said"])),
    Rule(_PLAIN, _say_plain),
    Rule(_REST, _say_rest),
)

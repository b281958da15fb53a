"""Numbers of every other kind: fractions, ordinals, ranges, sums, Roman numerals, numbers with letters, cardinals."""

import re
from typing import Final

from speech.text.english.numbers import cardinal, decimal, fraction, mixed, ordinal, roman, spell, spell_groups
from speech.text.english.patterns import DASH, INTEGER, NUMBER, SCALES, SIGNS, START, plain
from speech.text.scan import Rule

# Things that are measured in parts.
PARTS: Final = (
    "cup|mile|hour|inch|pound|teaspoon|tablespoon|gallon|pint|quart|ounce|acre|liter|litre|mile|minute|second|day|dozen"
    "|million|billion|bottle|glass|page|century|marathon|yard|foot|meter|metre|kilometer|kilometre|kilo|ton"
)
_FRACTION: Final = re.compile(
    rf"(?<![\w.,/])(?P<sign>(?<![\w)])[-−])?(?:(?P<whole>[0-9]{{1,6}})[ -])?(?P<top>[0-9]{{1,9}})(?P<slash>/| / |⁄)"
    rf"(?P<bottom>[0-9]{{1,9}})(?:st|nd|rds?|ths?|RD|TH|ST|ND)?(?:(?P<thing> (?:{PARTS})\b))?(?![\w/]|[.,][0-9])"
)
_ALWAYS: Final = re.compile(r"(?<![\w.,/])(?P<said>24/7|9/11|50/50|20/20)(?![\w/]|[.,][0-9])")
_SPOKEN: Final = {"24/7": "twenty four seven", "9/11": "nine eleven", "50/50": "fifty fifty", "20/20": "twenty twenty"}
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
    r"(?<!said no\. )(?<!says no\. )"
)
_HASH: Final = re.compile(r"(?<![\w#&/])(?P<said>#)(?=[0-9]{1,6}(?![\w]))")
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
_POWER: Final = re.compile(
    rf"(?:(?<![\w.,])(?P<base>{NUMBER}|[A-Za-z])|(?<=\))(?P<none>))\^(?P<power>[-−]?[0-9]{{1,4}}|[a-z])(?!\w)"
)
_RAISED: Final = re.compile(rf"(?<![\w.,])(?P<base>{NUMBER}|[A-Za-z]{{1,3}})(?P<power>⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]{{1,4}})(?!\w)")
_RAISED_DIGITS: Final = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
# A sign of arithmetic between two operands, of which at least one is a number or stands beside an "=".
_TIMES: Final = re.compile(
    r"(?<=[0-9)\ue000])(?P<said> ?(?:[×∗⋅·*]|(?<= )x(?= )|x(?=[0-9\ue000])) ?)(?=[-(0-9A-Za-z\ue000])(?!\*)"
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
_NUMERALS = r"[IVXLCDM]{1,9}"
# What is numbered, and who.
_CHAPTERS: Final = re.compile(
    r"\b(?i:chapter|part|book|act|scene|volume|vol\.|section|article|title|appendix|phase|type|stage|class|level"
    r"|grade|war"
    r"|bowl|episode|season|canto|verse|figure|table|step|round|tier|unit|module|lesson|day|week|group|factor"
    r"|category)"
    rf" (?P<said>{_NUMERALS})(?![\w'’]|\.\w)"
)
_RULERS = (
    "Henry|Louis|Elizabeth|George|Edward|Charles|James|William|Richard|John|Paul|Pius|Benedict|Napoleon|Alexander|Philip"
    "|Catherine|Ferdinand|Frederick|Wilhelm|Leopold|Nicholas|Peter|Ivan|Ramses|Ramesses|Ptolemy|Cleopatra|Leo|Gregory|Clement"
    "|Innocent|Urban|Francis|Mary|Victoria|Anne|Margaret|Margrethe|Gustav|Gustaf|Karl|Carl|Christian|Haakon|Harald|Olav"
    "|Alfonso|Juan|Felipe|Pedro|Manuel|Umberto|Vittorio|Emmanuel|Boniface|Sixtus|Julius|Martin|Nicholas|Constantine|Basil"
    "|Darius|Xerxes|Artaxerxes|Thutmose|Amenhotep|Seti|Mehmed|Murad|Selim|Suleiman|Bayezid|Ahmed|Osman|Mahmud|Abdulhamid"
    "|Robert|David|Malcolm|Kenneth|Otto|Conrad|Rudolf|Maximilian|Joseph|Franz|Albert|Baudouin|Sancho|Theodoric|Hussein"
    "|Abdullah|Rama|Kamehameha|Pope|Stephen|Sigismund|Casimir|Ladislaus|Matthias|Celestine|Honorius|Eugene|Adrian|Hadrian|Urban"
)
_KINGS: Final = re.compile(
    rf"\b(?:{_RULERS})(?P<said> (?P<numeral>[IVX]{{2,6}}|[VX](?!\. +[A-Z])|I(?=[,.;:)’']| (?:of|was|and|is|in)\b"
    rf"|\s*$)))(?![\w]"
    rf"|\.\w)"
)
_CENTURY: Final = re.compile(
    r"\b(?P<numeral>[IVX]{1,6})(?P<suffix>th|st|nd|rd)?(?= (?:century|centuries|dynasty|amendment"
    r"|arrondissement)\b)|\b(?P<numeral2>[IVX]{1,6})th\b"
)
_NAMED: Final = re.compile(r"\b[A-Z][a-z]{2,20} (?P<said>[IVX]{2,6})(?![\w'’]|\.\w)")
_PREFIX: Final = re.compile(r"(?<![\w.,'’])(?P<said>[A-Za-z]{1,12}-?[0-9]{1,20}|[0-9]{1,20}-?[A-Za-z]{1,20})(?![\w])")
_MIXED: Final = re.compile(
    r"(?<![\w.,])(?=[A-Za-z]{0,40}[0-9])(?=[0-9]{0,40}[A-Za-z])(?P<said>[A-Za-z0-9]{2,60})(?![\w])"
)
_SLASHED: Final = re.compile(r"(?<![\w.,])(?P<said>[0-9]{1,12}(?:/[0-9]{1,12}){1,5})(?![\w/])")
_SPELLED: Final = re.compile(r"(?<![\w-])(?P<said>[0-9A-Za-z](?:-[0-9A-Za-z]){2,40})(?![\w-])")
_BROKEN: Final = re.compile(r"(?<![\w.])(?P<said>[0-9]{1,3}(?:,[0-9]{3}){0,10},[0-9]{4,40})(?![\w])")
_LARGE: Final = re.compile(
    rf"{START}(?P<sign>(?<![\w)%-])[-−–+±])?(?P<number>{NUMBER})(?P<gap>[ -]?)(?P<scale>{SCALES}|[Bb]n|[MBT]|[kK])"
    rf"(?!\w)"
)
_LARGE_SCALES: Final = {"bn": "billion", "Bn": "billion"}
_PLAIN: Final = re.compile(rf"(?<![\w.])(?<![0-9],)(?P<sign>(?<![\w)%.-])[-−–+±])?(?P<number>{NUMBER})")
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


def _say_power(match: re.Match[str]) -> str:
    base = match["base"] or ""
    base = decimal(plain(base)) if base[:1] in "0123456789." and base else base
    return f"{base} {raised(match['power'].translate(_RAISED_DIGITS))}".strip()


def raised(power: str) -> str:
    """ "2" is "squared", "6" "to the sixth", "-3" "to the minus three"."""
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


def _say_chapter(match: re.Match[str]) -> str | None:
    value = roman(match["said"])
    if not value or (match["said"] in "CDLM" and value >= 50):
        return None
    return cardinal(value)


def _say_king(match: re.Match[str]) -> str | None:
    value = roman(match["numeral"])
    return f" the {ordinal(value)}" if value else None


def _say_century(match: re.Match[str]) -> str | None:
    value = roman(match["numeral"] or match["numeral2"])
    return ordinal(value) if value else None


def _say_named(match: re.Match[str]) -> str | None:
    value = roman(match["said"])
    return cardinal(value) if value else None


def say_mixed(code: str) -> str:
    """Letters and numbers in turn: "25d08A" is "twenty five d zero eight A"."""
    return " ".join(_say_run(run) for run in re.findall(r"[0-9]+|[^0-9]+", code))


def _say_run(run: str) -> str:
    if run[0] not in "0123456789":
        return run.strip("-") or run
    if run[0] == "0" or len(run) > 5:
        return spell(run)
    return cardinal(run)


def _say_prefix(match: re.Match[str]) -> str:
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


# Before money and measures are looked for.
EARLY_RULES: Final = (
    Rule(_NUMBERS, lambda match: "numbers " if "s" in match["said"].lower() else "number "),
    Rule(_HASH, lambda match: "number "),
    Rule(_PAGES, lambda match: _PAGE_WORDS[match["said"].strip(" .").lower()]),
    Rule(_SPACED, lambda match: cardinal(re.sub(r"[^0-9]", "", match["said"]))),
    Rule(_ALWAYS, lambda match: _SPOKEN[match["said"]]),
)
# What stands between two numbers, or before one.
SIGN_RULES: Final = (
    Rule(_POWER, _say_power),
    Rule(_RAISED, _say_power),
    Rule(_ALGEBRA, _say_algebra),
    Rule(_TIMES, lambda match: " by " if "x" in match["said"] else " times "),
    Rule(_COMPARED, lambda match: _COMPARED_SIGNS[match["sign"]]),
)
FRACTION_RULES: Final = (Rule(_VULGAR, _say_vulgar), Rule(_FRACTION, _say_fraction))
RULES: Final = (
    Rule(_CHAPTERS, _say_chapter),
    Rule(_KINGS, _say_king),
    Rule(_CENTURY, _say_century),
    Rule(_NAMED, _say_named),
    Rule(_ORDINAL, _say_ordinal),
    Rule(_SLASHED, _say_slashed),
    Rule(_SPELLED, _say_spelled),
    Rule(_BROKEN, _say_broken),
    Rule(_SCORE, _say_range),
    Rule(_RATIO, lambda match: " to "),
    Rule(_LARGE, _say_large),
    Rule(_PREFIX, _say_prefix),
    Rule(_MIXED, lambda match: say_mixed(match["said"])),
    Rule(_PLAIN, _say_plain),
    Rule(_REST, _say_rest),
)

"""Rules for abbreviations, and for words in capitals that are not abbreviations."""

import re
from typing import Final

from speech.text.english.numbers import cardinal, roman
from speech.text.english.tables import read_table, word_set
from speech.text.scan import Rule

# Before a name, where the dot never ends a sentence.
TITLES: Final = read_table("abbreviations")["titles"]
# The dot belongs to the word; at the end of a sentence it is kept.
DOTTED: Final = read_table("abbreviations")["dotted"]
# Also abbreviated without a dot.
BARE: Final = read_table("abbreviations")["bare"]
# Letters with dots, read as words or as letters.
LETTERED: Final = read_table("abbreviations")["lettered"]
_TITLE: Final = re.compile(
    rf"(?<!\w)(?P<title>{'|'.join(sorted(TITLES, key=len, reverse=True))})(?P<dot>\.?)(?= +(?:[A-Z]\. ?)?[A-Z][\w'’]"
    r"| (?:and|or|&) (?:Mrs?|Ms|Dr)\b)"
)
_PLACE: Final = re.compile(r"(?<=\w )(?P<kind>St|Dr|Ct|Pl|Sq)\.(?=\s*$| +[a-z(]|[,;:!?)]| +[A-Z][a-z]*\b)")
_DOTTED: Final = re.compile(
    rf"(?<![\w.&/])(?P<word>(?i:{'|'.join(map(re.escape, sorted(DOTTED, key=len, reverse=True)))}))\.(?!\w)"
)
_BARE: Final = re.compile(
    rf"(?<![\w'’.&/@-])(?P<word>{'|'.join(map(re.escape, sorted(BARE, key=len, reverse=True)))})(?![\w'’.@]|(?<!/)/"
    rf"|-\w)"
)
_LETTERED: Final = re.compile(
    rf"(?<![\w.])(?P<word>(?i:{'|'.join(map(re.escape, sorted(LETTERED, key=len, reverse=True)))}))(?!\w)"
)
_INITIALS: Final = re.compile(r"(?<![\w.])(?P<letters>[A-Z]\.(?: ?[A-Z]\.){1,5})(?!\w)")
_FORMULA: Final = re.compile(
    r"(?<!\w)(?P<formula>CO2|CO₂|H2O|H₂O|O2|O₂|N2|H2|N2O|NO2|SO2|CH4|NH3|NaCl|H2SO4|HCl|CaCO3|O3|C6H12O6|NaOH)(?!\w)"
)
_SUBSCRIPTS: Final = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
# Written in capitals for emphasis, not as abbreviations.
EMPHASISED: Final = word_set(
    """about above absolutely after again all alone already also always am amazing an and another any anyone anything
    are around as at away awesome back bad be because been before best better big both but by call came can cannot
    careful caution come could danger day dead did different do does doing done down each even ever every everyone
    everything exactly few final find first for forever free from full get give go going good got great had hard has
    hate have he help her here high him his hot how huge if important in into is just keep know last least less let
    life like little live long look lot love made make man many may maybe me mean more most much must my near need
    never new next nice no nobody none not note nothing now of off ok old on once one only open or other our out
    over own part people please put read real really right run sale same save saw say see seriously she should show
    since so some someone something soon stay still stop such sure take than thank thanks that the their them then
    there these they thing things think this those time to today together told tomorrow too totally true try two
    under until up urgent use very wait want warning was watch way we well went were what when where which while who
    whole why will win with without woman work world worst would wow wrong yes yesterday yet you your zero"""
)
_CAPITALS: Final = re.compile(r"(?<![\w@#&./-])[A-Z]{2,24}(?:['’][A-Z]{1,3})?(?![\w&/]|\.\w|-\d)")
_SHOUTED: Final = re.compile(
    r"(?<![\w@#&./-])[A-Z]{1,24}(?:['’][A-Z]{1,3})?(?:[,;:]? {1,2}[A-Z]{1,24}(?:['’][A-Z]{1,3})?(?!\w)){1,40}"
    r"(?![\w&/]|\.\w|-\d)"
)
_VOWELS: Final = re.compile("[AEIOUY]")
SHORT_EMPHASISED: Final = word_set("BE DO GO HE IS ME MY NO SO WE")  # the others are names of states or companies
# Always read by letters or as a name, even among other capitals.
ABBREVIATIONS: Final = word_set(
    """ABC AI AM AP API ATM BBC BMW CBS CD CEO CFO CIA CNN COO CPU CSS CTO DC DIY DNA DVD EDT ERP EST ETA EU EV FAQ FBI
    FDA FM FYI GDP GMT GPS GPT GPU HBO HD HIV HR HTML HTTP IBM ID IOS IP IPO IQ IRS ISBN ISO JFK KFC LA LCD LLC LLM
    MBA MIT MLB MRI MTV NASA NATO NBA NBC NFL NGO NHL NSA NY NYC OPEC PBS PC PDF PDT PHD PM PR PS PST QR RNA ROI
    RSVP SDK SMS SOS SQL SSN SUV TBA TBD TV UFO UI UK UN UNESCO UNICEF URL USA USB UTC UV VAT VIP VPN WIFI WTO WWW
    XML YMCA"""
)


# Written without a dot in British English: "St Andrews".
SAINTS: Final = word_set(
    """Albans Andrews Anne Augustine Bernard Catherine David Francis George Helena Helens Ives James
    John Johns Joseph Kitts Lawrence Louis Lucia Luke Margaret Mark Martin Mary Matthew Michael Moritz Nicholas Pancras
    Patrick Paul Pauls Peter Petersburg Stephen Thomas Tropez Vincent"""
)


def _is_sentence_end(match: re.Match[str]) -> bool:
    return bool(re.match(r"\s*$|[  \n]+[A-Z\"“]", match.string[match.end() : match.end() + 40]))


def _ends_before_opener(match: re.Match[str]) -> bool:
    """Whether the sentence ends, where a capital may also continue the name: "King Jr. Day", "Acme Inc. President"."""
    opener = re.match(r"\s*(?:$|[\"“]| ([A-Z][a-z]*)\b)", match.string[match.end() : match.end() + 20])
    return bool(opener) and (not opener[1] or opener[1] in OPENERS) if opener else False


def _say_title(match: re.Match[str]) -> str | None:
    title, before = match["title"], match.string[max(match.start() - 24, 0) : match.start()]
    if title == "St" and not match["dot"]:
        saint = re.match(r" +([A-Z][a-z]+)", match.string[match.end() : match.end() + 20])
        return "Saint" if saint and saint[1] in SAINTS and not re.search("[0-9]", before) else None
    # "12 Main St. Apt": it ends the street's name before it. "Dr. King Dr." is left to the address rules.
    if title in ("St", "Dr", "Ft") and re.search(r"[0-9][\w'’]*(?: [A-Z][\w'’]*)* $", before):
        return None
    following = re.match(r" +([A-Z][a-z]*)\b", match.string[match.end() : match.end() + 16])
    if title in ("St", "Dr", "Ft") and following and following[1] in OPENERS and re.search(r"\b[A-Z][a-z]+ $", before):
        return None  # "on Main St. Then"
    return TITLES[title]


def _say_place(match: re.Match[str]) -> str | None:
    before = match.string[: match.start()].rstrip()[-1:]
    if not before.isalnum():
        return None
    if match["kind"] == "Dr" and re.search(
        r"\b(?:[Tt]he|[Mm]y|[Yy]our|[Oo]ur|[Aa]) $", match.string[: match.start()][-6:]
    ):
        return "doctor"
    name = {"St": "Street", "Dr": "Drive", "Ct": "Court", "Pl": "Place", "Sq": "Square"}[match["kind"]]
    return name + ("." if _is_sentence_end(match) else "")


def _say_dotted(match: re.Match[str]) -> str | None:
    word = match["word"]
    if word != word.lower() and word[1:] != word[1:].lower():
        return None
    key = word.lower()
    is_end = key not in NEVER_LAST and (_ends_before_opener(match) if key in NAME_ENDS else _is_sentence_end(match))
    if key in AMBIGUOUS and is_end and not re.match(r"\s*$", match.string[match.end() :]):
        return None
    if key == "est" and re.match(" [a-z]", match.string[match.end() : match.end() + 2]):
        return f"{word[0]}stimated"
    if key in ONLY_CAPITAL and word == key:
        return None
    if key in ("e.g", "i.e"):
        return f"{DOTTED[key]}{'' if match.string[match.end() : match.end() + 1] == ',' else ','}"
    said = DOTTED[key]
    return (said.capitalize() if word[0].isupper() and key not in ("vs", "etc") else said) + ("." if is_end else "")


NAME_ENDS: Final = word_set("assn bros co corp inc jr ltd sr")
NEVER_LAST: Final = word_set("vs e.g i.e approx cf ca viz incl excl attn tel")
# Ordinary words if they end a sentence.
AMBIGUOUS: Final = word_set("""al ca co ed est ext fig inc max min misc resp sq temp""")
# Words that often start a sentence, and are rarely names.
OPENERS: Final = word_set(
    """A An And As At But By For From He Her His How I If In It Its My No Now Of On Or Our She So That The Their Then
    There These They This Those To We What When Where Who Why Yes You Your"""
)
ONLY_CAPITAL: Final = frozenset({"co", "ca", "ln", "rd", "inc", "sr", "jr"}) - {"inc", "sr", "jr"}


def _say_initials(match: re.Match[str]) -> str | None:
    if match["letters"] == "A.M.":
        return None
    letters = re.findall("[A-Z]", match["letters"])
    is_name = "  " not in match["letters"] and re.search(r" ", match["letters"])
    follows_name = re.match(r" +[A-Z][a-z]", match.string[match.end() :])
    if is_name and not follows_name:
        return None
    opener = re.match(r" +([A-Z][a-z]*)\b", match.string[match.end() : match.end() + 20])
    is_end = _is_sentence_end(match) and not is_name and (not opener or opener[1] in OPENERS)
    end = "." if is_end else ""
    return "".join(letters) + end


def _say_formula(match: re.Match[str]) -> str:
    runs = re.findall(r"[A-Z][a-z]?|[0-9]+", match["formula"].translate(_SUBSCRIPTS))
    return " ".join(cardinal(run) if run.isdigit() else " ".join(run.upper()) for run in runs)


def _say_shouted(match: re.Match[str]) -> str | None:
    words = re.findall(r"[A-Z]+(?:['’][A-Z]+)?", match[0])
    if not any((word.lower() in EMPHASISED and len(word) > 1) or len(word) > 5 for word in words):
        return None
    return re.sub(r"[A-Z]+(?:['’][A-Z]+)?", _lower, match[0])


_IT_BEHIND: Final = re.compile(
    " (?:DEPARTMENT|SUPPORT|TEAM|STAFF|MANAGER|SECURITY|SERVICES|INFRASTRUCTURE|SYSTEMS|HELP)"
)
_US_BEFORE: Final = re.compile(
    "(?:TO|WITH|FOR|OF|FROM|ABOUT|CONTACT|JOIN|FOLLOW|CALL|LET|TELL|GIVE|VISIT|HELP|ON|LIKE) $"
)


def _lower(match: re.Match[str]) -> str:
    word, text = match[0], match.string
    if word == "AM" and text[max(match.start() - 2, 0) : match.start()] == "I ":
        return "am"
    if word == "US" and not _US_BEFORE.search(text[max(match.start() - 8, 0) : match.start()]):
        return word
    if word == "IT" and _IT_BEHIND.match(text[match.end() : match.end() + 16]):
        return word
    if re.fullmatch("[IVX]{2,6}", word) and roman(word):
        return cardinal(roman(word))
    return (
        word
        if word in ABBREVIATIONS or word == "I" or not _VOWELS.search(word)
        else "I" + word[1:].lower()
        if re.match("I['’]", word)
        else word.lower()
    )


_WHO_BEHIND: Final = re.compile(
    r"[?!]| (?:is|are|was|were|am|do|does|did|knows?|cares?|told|would|could|can|else|gave|made|has|have|the|THE)\b"
)


def _is_who(match: re.Match[str]) -> bool:
    """Whether WHO is the stressed word, and not the World Health Organization."""
    before = match.string[max(match.start() - 5, 0) : match.start()].lower()
    return not before.endswith(("the ", " a ", "by ")) and bool(
        _WHO_BEHIND.match(match.string[match.end() : match.end() + 8])
    )


def _say_capitals(match: re.Match[str]) -> str | None:
    word = match[0]
    if word == "WHO" and not _is_who(match):
        return None
    is_known = word.lower() in EMPHASISED and word not in ABBREVIATIONS
    return word.lower() if is_known and (len(word) > 2 or word in SHORT_EMPHASISED) else None


EARLY_RULES: Final = (
    Rule(
        _LETTERED,
        lambda match: (
            LETTERED[match["word"].lower()]
            + (
                ","
                if match["word"].lower() in ("i.e.", "e.g.") and match.string[match.end() : match.end() + 1] != ","
                else ""
            )
        ),
    ),
    Rule(_FORMULA, _say_formula),
)
RULES: Final = (
    Rule(_TITLE, _say_title),
    Rule(_PLACE, _say_place),
    Rule(_DOTTED, _say_dotted),
    Rule(_BARE, lambda match: BARE[match["word"]]),
    Rule(_INITIALS, _say_initials),
    Rule(_SHOUTED, _say_shouted),
    Rule(_CAPITALS, _say_capitals),
)

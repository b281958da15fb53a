"""Rules for street addresses: "1211 E Arques Ave" is "twelve eleven East Arques Avenue"."""

import re
from typing import Final

from speech.text.english.numbers import cardinal, ordinal, pairs, spell
from speech.text.english.tables import read_table, word_set
from speech.text.scan import Rule

STREETS: Final = read_table("places")["streets"]
SIDES: Final = read_table("places")["sides"]
STATES: Final = read_table("places")["states"]

_STREET = "|".join(sorted(STREETS, key=len, reverse=True))
_FULL = "Street|Avenue|Boulevard|Road|Lane|Drive|Court|Place|Square|Highway|Parkway|Way|Terrace|Circle|Trail"
_SIDE = "|".join(sorted(SIDES, key=len, reverse=True))
# A house number, one to five words of a name, and the type of street.
_ADDRESS: Final = re.compile(
    rf"(?<![\w.,$€£¥/-])(?P<house>[0-9]{{1,5}})(?P<letter>[A-Za-z]?) (?:(?P<side>{_SIDE})\.? )?"
    rf"(?P<name>(?:(?:[A-Z][\w'’]{{0,20}}|[0-9]{{1,3}}(?:st|nd|rd|th)|of|the|[Ss]t\.) ){{1,5}}?)"
    rf"(?:(?P<kind>(?i:{_STREET}))(?:(?P<dot>\.)|(?![\w]))|(?P<full>{_FULL})\b)(?: (?P<end>{_SIDE})\b\.?)?"
)
_NUMBERED: Final = re.compile(
    rf"(?<![\w.,$-])(?P<number>[0-9]{{1,3}})(?P<suffix>st|nd|rd|th) (?P<kind>(?i:{_STREET}))(?:(?P<dot>\.)|(?!\w))"
)
_STATE: Final = re.compile(
    rf"(?<=[a-z], )(?P<state>{'|'.join(STATES)})(?: (?P<zip>[0-9]{{5}}(?:-[0-9]{{4}})?)(?![\w-]|[.,][0-9])|"
    rf"(?=[,.;!?)]|\s*$| [a-z]))"
)
# Codes that are also words, and so mean the state only after the name of a city.
ALSO_WORDS: Final = word_set("AL CO DE HI ID IN LA MA MD ME OH OK OR PA")
CITIES: Final = {
    "HI": word_set("Hilo Honolulu Kahului Kailua Kapolei Lahaina Waikiki"),
    "MD": word_set("Annapolis Baltimore Bethesda Columbia Frederick Gaithersburg Rockville Spring Towson"),
    "OK": word_set("Arrow City Edmond Lawton Moore Norman Stillwater Tulsa"),
}
GREETINGS: Final = word_set(
    "Ah And But Hello Hey Hi Look Ma No Now Oh Ok Okay Please Right So Sure Thanks That Then This Well What Yeah Yes"
)
_ZIP: Final = re.compile(r"(?<![A-Z])[A-Z]{2} (?P<said>[0-9]{5}(?:-[0-9]{4})?)(?![\w-]|[.,][0-9])")
_UNIT: Final = re.compile(
    r"(?<!\w)(?P<word>Apt|Ste|Suite|Apartment|Unit|Room|Rm|Bldg|Fl)\.? ?#?(?P<number>[0-9]{1,4})(?P<letter>[A-Z]?)"
    r"(?![\w]|[.,-][0-9])"
)
_UNITS: Final = {"Apt": "Apartment", "Ste": "Suite", "Rm": "Room", "Bldg": "Building", "Fl": "Floor"}
_ROAD: Final = re.compile(
    r"(?<!\w)(?P<word>Route|Rte\.?|Highway|Hwy\.?|Interstate|I|US|SR)(?P<gap>[ -])(?P<number>[0-9]{2,3})(?![\w]"
    r"|[.,-][0-9])"
)
_ROADS: Final = {"Rte": "Route", "Rte.": "Route", "Hwy": "Highway", "Hwy.": "Highway", "SR": "State Route"}


def _say_address(match: re.Match[str]) -> str:
    parts = [pairs(match["house"]) if match["house"][0] != "0" else spell(match["house"])]
    if match["letter"]:
        parts.append(match["letter"])
    if match["side"]:
        parts.append(SIDES[match["side"]])
    parts += [_say_word(word) for word in match["name"].split()]
    parts.append(match["full"] or STREETS[match["kind"].capitalize()])
    if match["end"]:
        parts.append(SIDES[match["end"]])
    return " ".join(parts) + _full_stop(match)


def _say_word(word: str) -> str:
    if word.lower() == "st.":
        return "Saint"
    if word in SIDES:
        return SIDES[word]
    return ordinal(word[:-2]) if word[0].isdigit() else word


def _full_stop(match: re.Match[str]) -> str:
    """Returns the dot of an abbreviation that also ends the sentence."""
    if not match["dot"] or match.groupdict().get("end"):
        return ""
    return "." if re.match(r"\s*$|[  \n]+[A-Z\"“]", match.string[match.end() : match.end() + 40]) else ""


def _say_numbered(match: re.Match[str]) -> str:
    kind = match["kind"].capitalize()
    return f"{ordinal(match['number'])} {'Circuit' if kind == 'Cir' else STREETS[kind]}{_full_stop(match)}"


def _say_state(match: re.Match[str]) -> str | None:
    state = match["state"]
    if not match["zip"] and state in ALSO_WORDS:
        before = re.search(
            r"(?:^|(?<=[\s(]))([A-Z][a-z'’]*), $", match.string[max(match.start() - 24, 0) : match.start()]
        )
        cities = CITIES.get(state)
        if not before or before[1] in GREETINGS or (cities and before[1] not in cities):
            return None
    return STATES[match["state"]] + (f" {_say_zip(match['zip'])}" if match["zip"] else "")


def _say_zip(digits: str) -> str:
    return ", ".join(map(spell, digits.split("-")))


def _say_unit(match: re.Match[str]) -> str:
    word = _UNITS.get(match["word"], match["word"])
    return " ".join(filter(None, (word, pairs(match["number"]), match["letter"])))


def _say_road(match: re.Match[str]) -> str:
    word, number = _ROADS.get(match["word"], match["word"]), match["number"]
    return f"{word} {pairs(number) if len(number) > 2 else cardinal(number)}"


RULES: Final = (
    Rule(_STATE, _say_state),
    Rule(_ZIP, lambda match: _say_zip(match["said"])),
    Rule(_ADDRESS, _say_address),
    Rule(_NUMBERED, _say_numbered),
    Rule(_UNIT, _say_unit),
    Rule(_ROAD, _say_road),
)

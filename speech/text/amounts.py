"""Rules for amounts of money and of units: a sign, one or two numbers, a word such as million, and a unit."""

import re
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final

from speech.text.fractions import say_fraction
from speech.text.language import Forms, Language, is_one, say_number
from speech.text.rules import DASH, MINUS, NUMBER, SPACES, Rule, alternatives, split_number

SPACE: Final = f"[{SPACES}]?"
_ENGLISH_THOUSANDS: Final = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+")


def amount_pattern(language: Language, currency: str = "") -> str:
    between = f"(?:{currency}){SPACE}" if currency else ""
    letters = "|".join(language.scale_letters) if currency else ""
    scales = "|".join([*language.scales, *filter(None, [letters])])
    return (
        rf"(?P<sign>{MINUS}|(?<!\w)[+±])?(?P<number>{NUMBER})"
        rf"(?:{DASH}(?:{between})?(?P<upper>{NUMBER}))?(?:[{SPACES}]?(?P<scale>{scales})(?!\w))?"
    )


def say_amount(language: Language, match: re.Match[str], gender: str) -> str:
    parts = match.groupdict()
    scale = (parts["scale"] or "").lower()
    counted = gender if not scale else language.scale_gender if scale != language.thousand else gender or "m"
    words = [say_sign(language, parts["sign"]), say_number(language, parts["number"], counted)]
    if parts["upper"]:
        words += [_between(language, parts), say_number(language, parts["upper"], counted)]
    if parts["scale"]:
        words.append(scale_word(language, parts))
    return " ".join(word for word in words if word)


def _between(language: Language, parts: Mapping[str, str]) -> str:
    """Returns the word between two numbers: of a range, or of a score if the second is not larger."""
    score = language.words.get("score")
    if score is None or parts["scale"]:
        return language.words["to"]
    first, second = (split_number(parts[name], decimal_mark=language.decimal_mark)[0] for name in ("number", "upper"))
    return language.words["to"] if first < second else score


def scale_word(language: Language, parts: Mapping[str, str]) -> str:
    forms = language.scale_letters.get(parts["scale"].lower())
    if forms is None:
        return parts["scale"]
    return forms[0 if is_one(language, parts["number"]) and not parts["upper"] else -1]


def say_sign(language: Language, sign: str | None) -> str:
    if not sign:
        return ""
    plus = language.words["plus"]
    return {"+": plus, "±": f"{plus} {language.words['minus']}"}.get(sign[0], language.words["minus"])


# Money


def build_money_rules(language: Language) -> Iterable[Rule]:
    symbols = alternatives(language.currencies)
    before, after = rf"(?<!\w)(?<!\d[{SPACES}])(?:{symbols})", rf"(?:{symbols})(?!\w)"
    say = partial(_say_money, language)
    flags = re.IGNORECASE
    yield Rule(
        rf"(?P<outer>{MINUS})?(?P<currency>{before}){SPACE}{amount_pattern(language, symbols)}(?!\d)", say, flags
    )
    yield Rule(rf"(?<![^\W\d]){amount_pattern(language, symbols)}{SPACE}(?P<currency>{after})", say, flags)


def _say_money(language: Language, match: re.Match[str]) -> str | None:
    parts = match.groupdict()
    forms = find_forms(language.currencies, parts["currency"])
    if forms is None:
        return None
    one, many, gender = forms[:3]
    minus = language.words["minus"] + " " if parts.get("outer") else ""
    written = parts["number"]
    is_first = match.start("currency") < match.start("number")
    if language.has_english_money and is_first and not parts["upper"] and _ENGLISH_THOUSANDS.fullmatch(written):
        return _say_money_before(language, match, forms)
    whole, mark, fraction = split_number(written, decimal_mark=language.decimal_mark)
    if parts["scale"]:
        scale = scale_word(language, parts)
        return f"{minus}{say_amount(language, match, gender)} {language.of_scale(scale, many)}"
    has_cents = mark and len(fraction) <= 3 and not fraction[2:].strip("0") and not parts["upper"] and len(forms) > 3
    if not has_cents:
        unit = one if whole == 1 and not fraction and not parts["upper"] else many
        return f"{minus}{say_amount(language, match, gender)} {_of_round(language, whole, fraction, unit)}"
    minus += say_sign(language, parts["sign"])
    cents = int(fraction[:2].ljust(2, "0"))
    said = []
    if whole or not cents:
        said.append(f"{language.cardinal(whole, gender)} {_of_round(language, whole, '', one if whole == 1 else many)}")
    if cents:
        minor_gender = forms[5] if len(forms) > 5 else "m"
        said.append(f"{language.cardinal(cents, minor_gender)} {forms[3] if cents == 1 else forms[4]}")
    return f"{minus} {language.cents.join(said)}".strip()


def _say_money_before(language: Language, match: re.Match[str], forms: Forms) -> str:
    minus = say_sign(language, match["sign"] or match["outer"])
    whole = int(match["number"].replace(",", ""))
    return f"{minus} {language.cardinal(whole, forms[2])} {_of_round(language, whole, '', forms[1])}".strip()


def _of_round(language: Language, whole: int, fraction: str, unit: str) -> str:
    """Returns the unit, after round millions with the word for "of" before it, if the language has one."""
    is_round = whole >= 1_000_000 and whole % 1_000_000 == 0 and not fraction
    return language.of_scale("", unit) if is_round else unit


def find_forms(table: Mapping[str, Forms], symbol: str) -> Forms | None:
    """Returns the words of a symbol. Single letters are case-sensitive: 5 M are not metres."""
    plain = re.sub(rf"[{SPACES}]", "", symbol).replace("µ", "μ")
    return table.get(plain) or (table.get(plain.lower()) if len(plain) > 1 else None)


# Units


def build_measure_rules(language: Language) -> Iterable[Rule]:
    units = rf"(?P<unit>°[{SPACES}][CFK]|{alternatives(language.units)})(?!\w)"
    yield Rule(
        rf"(?P<sign>{MINUS})?(?<![\w/])(?:(?P<ones>\d{{1,4}})[{SPACES}])?(?P<n>\d{{1,4}})/(?P<d>\d{{1,4}}){SPACE}{units}",
        partial(_say_part, language),
        re.IGNORECASE,
    )
    say = partial(_say_measure, language)
    yield Rule(rf"(?<![^\W\d]){amount_pattern(language)}{SPACE}{units}", say, re.IGNORECASE)


def _say_measure(language: Language, match: re.Match[str]) -> str | None:
    parts = match.groupdict()
    forms = find_forms(language.units, parts["unit"])
    if forms is None or (parts["unit"] == "s" and re.search(r"\d0s$", match[0])):  # the 80s
        return None
    one, many, gender = (*forms, "m")[:3]
    is_single = is_one(language, parts["number"]) and not parts["upper"]
    amount = say_amount(language, match, gender)
    if parts["scale"]:
        return f"{amount} {language.of_scale(scale_word(language, parts), many)}"
    return f"{amount} {one if is_single else many}"


def _say_part(language: Language, match: re.Match[str]) -> str | None:
    forms = find_forms(language.units, match["unit"])
    if forms is None:
        return None
    gender = (*forms, "m")[2]
    if language.halves and (int(match["n"]), int(match["d"])) == (1, 2):
        ones = f"{language.cardinal(int(match['ones']), gender)}{language.and_fraction}" if match["ones"] else ""
        minus = f"{language.words['minus']} " if match["sign"] else ""
        return f"{minus}{ones}{language.halves[gender or 'm']} {forms[1 if ones and int(match['ones']) > 1 else 0]}"
    said = say_fraction(language, match, gender)
    return f"{said}{language.of_unit}{forms[0]}" if said else None

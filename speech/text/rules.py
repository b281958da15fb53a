"""Rules that say what parts of a text become, tried one after the other: what one took, no later one sees.

Owns how rules are applied and the patterns of numbers. What a language says is in its own module.
"""

import re
from collections.abc import Callable, Iterable
from typing import Final

from speech.text.spans import Replacement

Speak = Callable[[re.Match[str]], str | None]  # what is said instead of a match; None leaves it as it is
Rule = tuple[re.Pattern[str], Speak]

TAKEN: Final = "\0"  # stands for every character that an earlier rule took
MAX_NUMBER_DIGITS: Final = 27  # longer ones are read digit by digit

SPACES: Final = " \u00a0\u2009\u202f"
DASH: Final = "[-\u2010-\u2015\u2212]"
MINUS: Final = r"(?<![^\s(\[{=:$€£¥₹])[-\u2212\u2013]"  # not the hyphen of F-16
# Thousands in groups, or digits alone; then what follows a mark. Digits of other scripts count as well.
NUMBER: Final = (
    rf"(?<!\d)(?<!\d[.,'’])(?:\d{{1,3}}(?:(?:\.\d{{3}}){{1,9}}|(?:,\d{{3}}){{2,9}}|(?:,\d{{3}}){{1,9}}(?=\.\d)|(?:[{SPACES}'’]\d{{3}}){{1,9}})(?!\d)"
    rf"|\d{{1,{MAX_NUMBER_DIGITS}}}(?!\d))(?:[.,]\d{{1,20}}(?!\d|[.,]\d))?"
)
ROMAN: Final = r"(?=[IVXLC])(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})"
_ROMAN_VALUES: Final = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100, "d": 500, "m": 1000}


def compile_rule(pattern: str, speak: Speak, flags: re.RegexFlag = re.NOFLAG) -> Rule:
    return re.compile(pattern, flags), speak


def apply_rules(text: str, rules: Iterable[Rule]) -> list[Replacement]:
    """The replacements of a text, in no order, none overlapping another."""
    found: list[Replacement] = []
    for pattern, speak in rules:

        def take(match: re.Match[str], speak: Speak = speak) -> str:
            spoken = speak(match)
            if spoken is None:
                return match[0]
            start, end = match.span()
            # What is said is a word of its own: "3D" is not "threeD".
            before = " " if start and match.string[start - 1].isalnum() and spoken else ""
            after = " " if end < len(match.string) and match.string[end].isalnum() and spoken else ""
            found.append(Replacement(start, end, f"{before}{spoken}{after}"))
            return TAKEN * (end - start)

        text = pattern.sub(take, text)
    return found


def roman_value(numeral: str) -> int:
    values = [_ROMAN_VALUES[letter] for letter in numeral.lower()]
    return sum(
        -value if value < following else value for value, following in zip(values, [*values[1:], 0], strict=True)
    )


def split_number(written: str, *, decimal_mark: str = ",") -> tuple[int, str, str]:
    """The whole part, the mark and the digits that follow it: "1.234,50" is 1234, "," and "50"."""
    plain = re.sub(rf"[{SPACES}'’]", "", written)
    other = "." if decimal_mark == "," else ","
    marks = [character for character in plain if character in ".,"]
    if not marks:
        return int(plain), "", ""
    last = marks[-1]
    whole, _, fraction = plain.rpartition(last)
    is_grouping = marks.count(last) > 1 or (last == other and len(fraction) == 3 and whole not in {"", "0"})
    if is_grouping:
        return int(re.sub(r"[.,]", "", plain)), "", ""
    return int(re.sub(r"[.,]", "", whole)), last, fraction


def spell_digits(written: str, digits: tuple[str, ...]) -> str:
    """Every digit of a text by its name."""
    return " ".join(digits[int(character)] for character in written if character.isdecimal())


def read_table(table: str) -> dict[str, tuple[str, ...]]:
    """Lines such as `km|kilómetro|kilómetros`: all that has a name, and the forms of its word."""
    rows = [line.strip().split("|") for line in table.strip().splitlines()]
    return {symbol: tuple(forms) for symbols, *forms in rows for symbol in symbols.split()}


def alternatives(words: Iterable[str]) -> str:
    """A pattern of any of them, the longest first."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def build_abbreviation_rule(table: str, *, ignores_case: bool = True) -> Rule:
    """Of lines such as `etc.|etcétera|.`: abbreviation, word, and "." where it may end a sentence."""
    rows = [line.strip().split("|") for line in table.strip().splitlines()]
    if not ignores_case:
        rows += [[f"{row[0][0].upper()}{row[0][1:]}", *row[1:]] for row in rows if row[0][0].islower()]
    words = {_key(row[0], ignores_case): (row[1], len(row) > 2) for row in rows}
    names = alternatives(row[0] for row in rows).replace("\\ ", "[ \u00a0]?")

    def speak(match: re.Match[str]) -> str:
        word, may_end = words[_key(match[0], ignores_case)]
        return f"{word}." if may_end and _ENDS.match(match.string, match.end()) else word

    flags = re.IGNORECASE if ignores_case else re.NOFLAG
    return compile_rule(rf"(?<![\w.])(?:{names})(?![^\W\d])(?:(?<=[\Wº])|(?!\d))", speak, flags)


def _key(abbreviation: str, ignores_case: bool) -> str:
    plain = re.sub("[ \u00a0]", "", abbreviation)
    return plain.lower() if ignores_case else plain


_ENDS: Final = re.compile(r"\s*$|[ \n]+[¿¡«\"“]?[A-ZÀ-ÖØ-ÞĀ-Ž]")


def split_words(words: str) -> list[str]:
    """The words of a table that is written as a text."""
    return words.split()

"""Applies rules that replace parts of a text, one after the other. Later rules do not see text that one has replaced.

The patterns of numbers are here too. Each language has its words in its own module.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache
from typing import Final, NamedTuple

from speech.text.spans import Replacement

Speak = Callable[[re.Match[str]], str | None]  # returns the spoken form of a match; None leaves it unchanged


class Rule(NamedTuple):
    """A pattern and how its matches are spoken. `of_digits` rules never match in a text without digits."""

    pattern: str
    speak: Speak
    flags: re.RegexFlag = re.NOFLAG
    of_digits: bool = True


TAKEN: Final = "\0"  # replaces every character that an earlier rule took
MAX_NUMBER_DIGITS: Final = 27  # longer numbers are read digit by digit

SPACES: Final = " \u00a0\u2009\u202f"
DASH: Final = "[-\u2010-\u2015\u2212]"
MINUS: Final = r"(?<![^\s(\[{=:$€£¥₹])[-\u2212\u2013]"  # not the hyphen of F-16
# Thousands in groups, or digits alone; then the decimals. Digits of other scripts count as well.
NUMBER: Final = (
    rf"(?<!\d)(?<!\d[.,'’])(?:\d{{1,3}}(?:(?:\.\d{{3}}){{1,9}}|(?:,\d{{3}}){{2,9}}|(?:,\d{{3}}){{1,9}}(?=\.\d)|(?:,\d{{2}}){{1,7}},\d{{3}}|(?:[{SPACES}'’]\d{{3}}){{1,9}})(?!\d)"
    rf"|\d{{1,{MAX_NUMBER_DIGITS}}}(?!\d))(?:[.,]\d{{1,20}}(?!\d|[.,]\d))?"
)
ROMAN: Final = r"(?=[IVXLC])(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})"
_DIGIT: Final = re.compile("[\\d¼-¾⅐-⅞]")
_ROMAN_VALUES: Final = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100, "d": 500, "m": 1000}


def apply_rules(text: str, rules: Iterable[Rule], *, has_spaces: bool = True) -> list[Replacement]:
    """Returns the replacements for a text, which never overlap. `has_spaces`: there are spaces between words."""
    found: list[Replacement] = []
    has_digits = _DIGIT.search(text) is not None
    for rule in rules:
        if not has_digits and rule.of_digits:
            continue

        def take(match: re.Match[str], speak: Speak = rule.speak) -> str:
            spoken = speak(match)
            if spoken is None:
                return match[0]
            start, end = match.span()
            # The spoken form must be separate words: "3D" is not "threeD".
            is_word = has_spaces and spoken != ""
            before = " " if is_word and start and _is_of_word(match.string[start - 1]) else ""
            after = " " if is_word and end < len(match.string) and _is_of_word(match.string[end]) else ""
            found.append(Replacement(start, end, f"{before}{spoken}{after}"))
            return TAKEN * (end - start)

        text = _compiled(rule.pattern, rule.flags).sub(take, text)
    return found


def _is_of_word(character: str) -> bool:
    """Whether it is a letter, a digit or a vowel sign, as in Hindi."""
    return unicodedata.category(character)[0] in "LMN"


# Compiles a pattern on first use: compiling all of a language's patterns takes longer than importing it.
_compiled: Final = cache(re.compile)


def roman_value(numeral: str) -> int:
    values = [_ROMAN_VALUES[letter] for letter in numeral.lower()]
    return sum(
        -value if value < following else value for value, following in zip(values, [*values[1:], 0], strict=True)
    )


def split_number(written: str, *, decimal_mark: str = ",") -> tuple[int, str, str]:
    """Returns the whole part, the mark and the decimals: "1.234,50" is 1234, "," and "50"."""
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
    """Reads every digit by its name."""
    return " ".join(digits[int(character)] for character in written if character.isdecimal())


def read_table(table: str) -> dict[str, tuple[str, ...]]:
    """Parses lines such as `km|kilómetro|kilómetros`: a symbol, and the forms of its word."""
    rows = [line.strip().split("|") for line in table.strip().splitlines()]
    return {symbol: tuple(forms) for symbols, *forms in rows for symbol in symbols.split()}


def alternatives(words: Iterable[str]) -> str:
    """Returns a pattern that matches any of the words, the longest first."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def build_abbreviation_rule(table: str, *, ignores_case: bool = True) -> Rule:
    """Builds a rule from lines such as `etc.|etcétera|.`: abbreviation, word, and "." if it may end a sentence."""
    rows = [line.strip().split("|") for line in table.strip().splitlines()]
    if not ignores_case:
        rows += [[f"{row[0][0].upper()}{row[0][1:]}", *row[1:]] for row in rows if row[0][0].islower()]
    words = {_key(row[0], ignores_case): (row[1], len(row) > 2) for row in rows}
    names = alternatives(row[0] for row in rows).replace("\\ ", "[ \u00a0]?")

    def speak(match: re.Match[str]) -> str:
        word, may_end = words[_key(match[0], ignores_case)]
        return f"{word}." if may_end and _ENDS.match(match.string, match.end()) else word

    flags = re.IGNORECASE if ignores_case else re.NOFLAG
    return Rule(rf"(?<![\w\u0900-\u097f.])(?:{names})(?![^\W\d])(?:(?<=[\Wº])|(?!\d))", speak, flags, of_digits=False)


def _key(abbreviation: str, ignores_case: bool) -> str:
    plain = re.sub("[ \u00a0]", "", abbreviation)
    return plain.lower() if ignores_case else plain


_ENDS: Final = re.compile(r"\s*$|[ \n]+[¿¡«\"“]?[A-ZÀ-ÖØ-ÞĀ-Ž]")


def build_roman_rules(words: Iterable[str], speak: Speak) -> list[Rule]:
    """Builds rules for Roman numerals after certain words, and for those of several letters after any name."""
    return [
        Rule(rf"(?<!\w)(?P<word>{alternatives(words)}) (?P<roman>(?=[IVX]){ROMAN})(?!\w|\.\w)", speak, of_digits=False),
        Rule(
            rf"(?<!\w)(?P<word>[A-ZÀ-Ö][^\W\d_]{{2,20}}) (?P<roman>(?=[IVX]{{2}}){ROMAN})(?!\w|\.\w)",
            speak,
            of_digits=False,
        ),
    ]


def split_words(words: str) -> list[str]:
    """Splits a table of words at white space."""
    return words.split()

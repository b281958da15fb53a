"""Rules for phone numbers, which are read digit by digit or in a language's groups."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final

from speech.text.rules import SPACES, Rule, spell_digits

_GAP: Final = rf"(?:[{SPACES}]|[{SPACES}]?[-.][{SPACES}]?)"
_EXTENSION: Final = rf"(?:[{SPACES}](?:ext|int|poste|ramal)\.?[{SPACES}]?(?P<extension>\d{{1,6}}))?"
_START: Final = rf"(?<![\w.,])(?<!\d[{SPACES}])"
_PATTERNS: Final = (
    # +54 911 1234-5678, +55 (11) 3333-4444
    rf"(?<!\w)\+(?P<country>\d{{1,3}})(?P<rest>(?:{_GAP}?\(\d{{1,5}}\))?(?:{_GAP}\(?\d{{1,12}}\)?){{1,6}}){_EXTENSION}(?!\d)",
    rf"(?<!\w)(?P<rest>(?:[0०][{SPACES}]?)?\(\d{{2,5}}\){_GAP}?\d{{3,9}}(?:{_GAP}\d{{2,6}}){{0,3}}){_EXTENSION}(?!\d)",
    # 123-456-789, 1-800-123-4567; 555-1234, not the range 500-1000
    rf"(?<![\w-])(?P<rest>(?:1-)?\d{{3}}-\d{{3}}-\d{{3,4}}){_EXTENSION}(?![\w-])",
    rf"{_START}(?P<rest>\d{{3}}-\d{{6,7}})(?![\w-])",
    r"(?<![\w-])(?P<rest>\d{3}-\d{2}(?!00(?!\d))\d{2})(?![\w-])",
    # 030 1234567, 0411/12345, 06 12 34 56 78, 91 123 45 67, 11 99999-8888
    rf"{_START}(?P<rest>[0०]\d{{1,6}}[{SPACES}]?[/-]?[{SPACES}]?\d{{3,8}}(?:{_GAP}\d{{2,6}}){{0,3}})(?![\w.,]\d|\d)",
    rf"{_START}(?P<rest>0\d(?:{_GAP}\d{{2}}){{4}})(?!\d|{_GAP}\d)",
    rf"{_START}(?P<rest>\d{{2,3}}(?:[{SPACES}]\d{{2,3}})?(?:[{SPACES}]\d{{2}}){{2}}(?:[{SPACES}]\d{{2}})?)(?!\d|[{SPACES}]\d)",
    rf"{_START}(?P<rest>\d{{2}}[{SPACES}]\d{{4,5}}-\d{{4}})(?![\w-])",
)


def build_phone_rules(
    digits: tuple[str, ...],
    words: Mapping[str, str],
    *,
    say_country: Callable[[str], str] | None = None,
    say_groups: Callable[[str], str] | None = None,
) -> Iterable[Rule]:
    """Builds the rules. `say_country` and `say_groups` read the country code and the rest, by default by digits."""
    spell = partial(spell_digits, digits=digits)
    speak = partial(
        _say_phone, words=words, spell=spell, say_country=say_country or spell, say_groups=say_groups or spell
    )
    return [Rule(pattern, speak, re.IGNORECASE) for pattern in _PATTERNS]


def _say_phone(
    match: re.Match[str],
    *,
    words: Mapping[str, str],
    spell: Callable[[str], str],
    say_country: Callable[[str], str],
    say_groups: Callable[[str], str],
) -> str:
    parts = match.groupdict()
    said = [f"{words['plus']} {say_country(parts['country'])}"] if parts.get("country") else []
    said.append(say_groups(parts["rest"]))
    if parts.get("extension"):
        said += [words["extension"], spell(parts["extension"])]
    return " ".join(said)

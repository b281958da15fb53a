"""Rules that find what to replace in a text, the first rule first; a span that one has taken, no other gets.

Shared by languages whose rules are patterns with a function for what each match says.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from speech.text.spans import Replacement

TAKEN: Final = "\ue000"  # stands for every character that a rule has taken; no pattern may match it
THIN_SPACE: Final = "\u2009"  # stands for every space that does not break within a number
_GROUPED: Final = re.compile("(?<=[0-9])[\u00a0\u2009\u202f](?=[0-9]{3}(?![0-9]))")
_SPACES: Final = str.maketrans("\u00a0\u2007\u202f", "   ")
NO_SPACE_BEFORE: Final = frozenset(" \t\n\r([{<\"'“‘«¿¡-–—/_*~|" + TAKEN)

Said = str | list[Replacement] | None
Say = Callable[[re.Match[str]], Said]


@dataclass(frozen=True, slots=True)
class Rule:
    """What is said for each match of a pattern: instead of the group `said`, if there is one, else of all of it.

    None leaves the match as it is. A list replaces parts of it.
    """

    pattern: re.Pattern[str]
    say: Say


def find(text: str, rules: Iterable[Rule]) -> list[Replacement]:
    """The replacements of all rules, in the order of the text, each apart from the words around it."""
    found: dict[int, Replacement] = {}
    text = _GROUPED.sub(THIN_SPACE, text).translate(_SPACES)
    for rule in rules:
        text = "".join(_take(text, rule, found))
    return list(_set_apart(text, [found[start] for start in sorted(found)]))


def _take(text: str, rule: Rule, found: dict[int, Replacement]) -> Iterator[str]:
    """The text with what the rule replaces marked as taken; the replacements go into `found`."""
    at = 0
    group = "said" if "said" in rule.pattern.groupindex else 0
    for match in rule.pattern.finditer(text):
        said = rule.say(match)
        if isinstance(said, str):
            said = [Replacement(*match.span(group), said)]
        for replacement in said or ():
            start, end = replacement.start, replacement.end
            if at <= start < end and TAKEN not in text[start:end]:
                found[start] = replacement
                yield text[at:start]
                yield TAKEN * (end - start)
                at = end
    yield text[at:]


def _set_apart(text: str, replacements: list[Replacement]) -> Iterator[Replacement]:
    """With a space where the first or last word of one would run into what stands beside it."""
    end, last = 0, ""  # where the replacement before ends, and with which character
    for number, replacement in enumerate(replacements):
        spoken = replacement.spoken
        before = last if replacement.start == end and last else text[max(replacement.start - 1, 0) : replacement.start]
        is_next = number + 1 < len(replacements) and replacements[number + 1].start == replacement.end
        after = replacements[number + 1].spoken[:1] if is_next else text[replacement.end : replacement.end + 1]
        if spoken[:1].isalnum() and before and before not in NO_SPACE_BEFORE:
            spoken = f" {spoken}"
        if spoken[-1:].isalnum() and after.isalnum() and not is_next:
            spoken = f"{spoken} "
        end, last = replacement.end, spoken[-1:] or before
        yield Replacement(replacement.start, replacement.end, spoken)

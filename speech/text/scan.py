"""Finds replacements with rules, in order. A span that one rule took is not given to another.

Shared by languages whose rules are a pattern and a function that returns the spoken form of a match.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from speech.text.spans import Replacement

TAKEN: Final = "\ue000"  # replaces every character that a rule has taken; no pattern may match it
THIN_SPACE: Final = "\u2009"  # replaces every non-breaking space inside a number
_GROUPED: Final = re.compile("(?<=[0-9])[\u00a0\u2009\u202f](?=[0-9]{3}(?![0-9]))")
_SPACES: Final = str.maketrans("\u00a0\u2007\u202f", "   ")
NO_SPACE_BEFORE: Final = frozenset(" \t\n\r([{<\"'“‘«¿¡-–—/_*~|" + TAKEN)

Said = str | list[Replacement] | None
Say = Callable[[re.Match[str]], Said]


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern, and the spoken form of each match: it replaces the group `said` or, without one, the whole match.

    None leaves the match unchanged. A list replaces parts of it.
    """

    pattern: re.Pattern[str]
    say: Say


def find(text: str, rules: Iterable[Rule]) -> list[Replacement]:
    """Returns the replacements of all rules, in text order, each separated from the words around it."""
    found: dict[int, Replacement] = {}
    text = _GROUPED.sub(THIN_SPACE, text).translate(_SPACES)
    for rule in rules:
        text = "".join(_take(text, rule, found))
    return list(_set_apart(text, [found[start] for start in sorted(found)]))


def _take(text: str, rule: Rule, found: dict[int, Replacement]) -> Iterator[str]:
    """Yields the text with the rule's replacements marked as taken, and adds them to `found`."""
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
    """Adds spaces to replacements whose first or last word would run into the text next to it."""
    end, last = 0, ""  # the end of the previous replacement, and its last character
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

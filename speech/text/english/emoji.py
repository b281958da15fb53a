"""Rules for emoji, read by their names in Unicode's CLDR: "❤️" is "red heart".

The names are in `emoji.tsv`, one line per emoji without variation selectors and skin tones, which are not read.
"""

import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import Final

from speech.text.english.numbers import cardinal
from speech.text.scan import Rule

_SILENT: Final = dict.fromkeys([0xFE0E, 0xFE0F, *range(0x1F3FB, 0x1F400)])
_LONGEST: Final = 8  # code points of an emoji, which bounds the search
_RUN: Final = re.compile(
    "[\u231a-\u23ff\u25aa-\u25fe\u2600-\u27bf\u2934-\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
    "[\u200d\ufe0e\ufe0f\u2300-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff\U000e0020-\U000e007f]{0,24}"
)
_KEYCAP: Final = re.compile("(?P<key>[0-9#*])\ufe0f?\u20e3")
_KEYS: Final = {"#": "hash", "*": "star"}


@cache
def _names() -> dict[str, str]:
    lines = Path(__file__).with_name("emoji.tsv").read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t") for line in lines if not line.startswith("# "))


def _say_run(match: re.Match[str]) -> str:
    run, names, said = match[0].translate(_SILENT), _names(), []
    at = 0
    while at < len(run):
        for end in range(min(at + _LONGEST, len(run)), at, -1):
            if name := names.get(run[at:end]) or (end == at + 1 and _fallback(run[at])):
                said.append(str(name))
                at = end
                break
        else:
            at += 1
    return " ".join(said)


def _fallback(char: str) -> str:
    """Returns the character's own name if it is a symbol."""
    if unicodedata.category(char) != "So":
        return ""
    return unicodedata.name(char, "").lower().removeprefix("black ").removeprefix("white ")


RULES: Final = (
    Rule(_KEYCAP, lambda match: _KEYS.get(match["key"]) or cardinal(match["key"])),
    Rule(_RUN, _say_run),
)

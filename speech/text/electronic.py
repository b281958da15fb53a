"""Rules for email addresses, URLs and handles: names are spelled, unless everyone reads them as words."""

import re
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final

from speech.text.rules import Rule, split_words

# Read as words in every language. Other names are spelled, so that a listener can write them down.
NAMES: Final = frozenset(
    split_words("""
    com net info gmail hotmail yahoo outlook google facebook microsoft nvidia apple amazon youtube twitter instagram
    wikipedia github icloud linkedin netflix paypal spotify whatsapp tiktok reddit
    """)
)
_TOP: Final = (
    "com|org|net|edu|gov|info|io|ai|app|dev|eu|es|fr|it|pt|br|de|at|ch|be|uk|us|in|mx|ar|cl|pe|jp|cn|me|tv|biz|cat|co"
)
SIGNS: Final = {"+": "+", "=": "=", "?": "?", "#": "#", "&": "&", "%": "%", "~": "~", "!": "!", "|": "|"}
_PART: Final = r"[A-Za-z0-9_-]{1,63}"
_PATTERNS: Final = (
    r"(?<![\w@])(?:https?://|www\.)[^\s<>\"“”]{1,2000}",
    rf"(?<![\w.+!-])[A-Za-z0-9][\w.+!-]{{0,63}}@{_PART}(?:\.{_PART}){{1,5}}",
    rf"(?<![\w.@-])(?:{_PART}\.){{1,4}}(?:{_TOP})(?:/[^\s<>\"“”]{{0,2000}})?(?![\w@]|\.\w)",
)
_FILES: Final = (
    r"(?<!\w)[A-Za-z]:\\[\w\\.-]{0,200}",
    r"(?<![\w/.<])/[a-z]\w{1,30}(?:/[\w.-]{1,60}){1,10}",
    r"(?<![\w.])[A-Za-z]\w{0,40}\.(?:pdf|csv|txt|docx?|xlsx?|pptx?|jpe?g|png|gif|mp[34]|zip|html?|py|js|exe|json)(?!\w)",
)
_HANDLE: Final = r"(?<![\w.@])@[A-Za-z]\w{0,30}(?:\.\w{1,30})?"
_TOKEN: Final = re.compile(r"[^\W\d_]+|\d|.", re.DOTALL)


def build_electronic_rules(
    digits: tuple[str, ...], signs: Mapping[str, str], *, spells_handles: bool, letters: Mapping[str, str]
) -> Iterable[Rule]:
    speak = partial(_say_address, digits=digits, signs=signs, letters=letters)
    patterns = (*_PATTERNS, *_FILES) if letters else _PATTERNS  # in another script, names of files are words
    yield from (Rule(pattern, speak, of_digits=False) for pattern in patterns)
    if spells_handles:
        yield Rule(_HANDLE, speak, of_digits=False)
    else:
        yield Rule(_HANDLE, lambda match: f"{signs['@']} {match[0][1:]}", of_digits=False)


def _say_address(
    match: re.Match[str], *, digits: tuple[str, ...], signs: Mapping[str, str], letters: Mapping[str, str]
) -> str:
    address = match[0]
    # A full stop, comma or bracket at the end belongs to the sentence; marks that are read follow their word at once.
    body = address.rstrip(".,;:!?)]}'’»")
    said = [_say_token(token, digits, signs, letters) for token in _TOKEN.findall(body)]
    return " ".join(word for word in said if word) + address[len(body) :]


def _say_token(token: str, digits: tuple[str, ...], signs: Mapping[str, str], letters: Mapping[str, str]) -> str:
    if token.isdecimal():
        return digits[int(token)]
    if token.isalpha():
        name = token.lower()
        return signs.get(name) or (name if name in NAMES else " ".join(letters.get(letter, letter) for letter in name))
    return signs.get(token, "")

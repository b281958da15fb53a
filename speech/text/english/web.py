"""Rules for URLs, email addresses, hashtags and handles: "test.com" is "test dot com"."""

import re
from typing import Final

from speech.text.english.numbers import spell
from speech.text.english.tables import word_set
from speech.text.scan import Rule

# Endings and names that are read as words; others are read letter by letter.
WORDS: Final = word_set(
    """agency app biz blog cloud club com design dev edu gov info int life live media mil name net news online org shop
    site store studio tech today world"""
)
LETTERS: Final = word_set(
    """ai api asp at au be br ca cc ch cn co css csv de es eu faq fr ftp gif htm html http https io it jp jpeg jpg json
    kr ly me mp3 mp4 nl pdf php pl png ru sdk se sm ssh svg tv txt ui uk url us www xml"""
)
SIGNS: Final = {
    ".": "dot",
    "-": "dash",
    "_": "underscore",
    "/": "slash",
    ":": "colon",
    "@": "at",
    "&": "ampersand",
    "#": "hash",
    "?": "question mark",
    "=": "equals",
    "+": "plus",
    "%": "percent",
    "~": "tilde",
    "!": "exclamation",
    ",": "comma",
    ";": "semicolon",
    "*": "star",
    "$": "dollar",
    "'": "apostrophe",
    "|": "bar",
    "^": "caret",
    "\\": "backslash",
}
_TLDS = (
    "com|org|net|edu|gov|mil|int|info|biz|app|dev|cloud|shop|store|site|online|blog|io|ai|tv|me|co|uk|us|eu|de|fr|it|es"
    "|ca|au|jp|cn|ru|br|nl|se|no|fi|dk|ch|at|be|pl|in|kr|nz|ie|pt|mx|ar|za|tech|news|xyz|gg|ly|sm|fm"
)
_TAIL = r"(?:/[\w\-./?=&%#~+:@!$*;,']{0,300}(?<![.,;:!?'*]))?"
_URL: Final = re.compile(
    rf"(?<![\w@])(?:(?:https?|ftp|file|ssh|wss?)://[\w\-.:@]{{0,200}}(?<![.:]){_TAIL}|www\.[\w\-]{{1,63}}(?:\.[\w\-]{{1,63}}){{1,5}}{_TAIL})",
    re.IGNORECASE,
)
_EMAIL: Final = re.compile(
    r"(?<![\w@.&])(?:mailto:)?[\w][\w.+&\-]{0,63}@[\w\-]{1,63}(?:\.[\w\-]{1,63}){1,5}(?![\w@])" + _TAIL
)
_DOMAIN: Final = re.compile(
    rf"(?<![\w@./$-])(?:[A-Za-z0-9][A-Za-z0-9\-]{{0,62}}\.){{1,4}}(?:{_TLDS})(?![\w-]|\.\w){_TAIL}"
)
_FILE: Final = re.compile(
    r"(?<![\w./\\])(?P<file>[A-Za-z_][\w\-]{0,60})\.(?P<ending>py|js|ts|css|html?|json|xml|ya?ml|csv|tsv|pdf|txt|md|docx?|xlsx?|pptx?"
    r"|jpe?g|png|gif|svg|mp3|mp4|wav|zip|exe|sh|cfg|ini|log|sql|rs|go|cpp|toml)(?![\w]|\.\w)"
)
_PATH: Final = re.compile(
    r"(?<![\w/<>.~:\\])(?:(?:~|\.{1,2})?(?:/[\w.+-]{0,60}\w){2,12}/?|[A-Z]:(?:\\[\w.+-]{0,60}\w){1,12})(?![\w/\\])"
)
_HASHTAG: Final = re.compile(r"(?<![\w&#/@.])#(?P<tag>[A-Za-z_]\w{0,80})(?![\w#$%@]|-[0-9])")
_HANDLE: Final = re.compile(r"(?<![\w@.#/])@(?P<handle>[A-Za-z_][\w.]{0,40}\w|[A-Za-z])(?![\w@])")
_PART: Final = re.compile(r"[A-Za-z]+|[0-9]+|[^\W\d_]+|\S")
_CAMEL: Final = re.compile(r"[A-Z]{2,}(?=[A-Z][a-z]|[0-9_]|$)|[A-Z]?[a-z]+|[A-Z]+|[0-9]+|[^\W\d_A-Za-z]+")


def say_address(address: str) -> str:
    """Reads every sign by its name, and digits one by one."""
    return " ".join(_say_part(part) for part in _PART.findall(address))


def _say_part(part: str) -> str:
    if part[0] in "0123456789":
        return spell(part)
    if part.lower() in LETTERS:
        return part.upper()
    return SIGNS.get(part, part)


def _say_domain(match: re.Match[str]) -> str | None:
    said = match[0]
    before, _, after = said.partition(".")
    # "me.It was": the end of a sentence without a space after it.
    if (
        said.count(".") == 1
        and "/" not in said
        and (
            after != after.lower()
            or (
                after in ("in", "it", "me", "at", "no", "us", "be", "so")
                and len(before) < 12
                and before.isalpha()
                and match.string[match.end() : match.end() + 1] == " "
            )
        )
    ):
        return None
    return say_address(said)


def split_words(name: str) -> str:
    """Splits "ThrowbackThursday" into "Throwback Thursday"; digits are left unchanged."""
    return " ".join(_CAMEL.findall(name))


def _say_name(name: str) -> str:
    words = [
        spell(word) if word[0] in "0123456789" and (len(word) > 4 or word[0] == "0") else word
        for word in _CAMEL.findall(name)
    ]
    return " ".join(_say_number(word) for word in words)


def _say_number(word: str) -> str:
    from speech.text.english.numbers import cardinal, year

    if word[0] not in "0123456789":
        return word
    return year(word) if re.fullmatch("(?:19|20)[0-9]{2}", word) else cardinal(word)


def _say_handle(match: re.Match[str]) -> str:
    return "at " + " ".join(
        SIGNS.get(part, _say_name(part)) if part in "._" else _say_name(part)
        for part in re.findall(r"[._]|[^._]+", match["handle"])
    )


RULES: Final = (
    Rule(_URL, lambda match: say_address(match[0])),
    Rule(_EMAIL, lambda match: say_address(match[0].removeprefix("mailto:"))),
    Rule(_DOMAIN, _say_domain),
    Rule(_PATH, lambda match: say_address(match[0])),
    Rule(_FILE, lambda match: f"{say_address(match['file'])} dot {_say_ending(match['ending'])}"),
    Rule(_HASHTAG, lambda match: f"hashtag {_say_name(match['tag'])}"),
    Rule(_HANDLE, _say_handle),
)


def _say_ending(ending: str) -> str:
    return (
        say_address(ending)
        if ending in LETTERS
        else {"zip": "zip", "log": "log", "go": "go", "exe": "E X E"}.get(ending, ending.upper())
    )

"""Parts of patterns that the English rules share. Every repetition is bounded."""

from typing import Final

from speech.text.english.numbers import decimal

INTEGER: Final = r"(?:[0-9]{1,3}(?:,[0-9]{3}){1,14}(?![0-9])|[0-9]{1,40}(?![0-9]))"
NUMBER: Final = rf"(?:{INTEGER}(?:\.[0-9]{{1,40}}(?![0-9]))?|\.[0-9]{{1,40}}(?![0-9]))"
# Not inside a word or a longer number.
START: Final = r"(?<![\w.$€£¥₹])(?<![0-9],)"
END: Final = r"(?![\w]|[.,][0-9])"
SIGN: Final = r"(?:(?<![\w)%\ue000-])[-−–+±])?"
DASH: Final = r"[-–—−]"
SCALES: Final = r"thousand|million|billion|trillion|quadrillion"

SIGNS: Final = {"-": "minus ", "−": "minus ", "–": "minus ", "+": "plus ", "±": "plus or minus ", "": ""}


def signed(sign: str | None, number: str) -> str:
    """Reads "-", "5.5" as "minus five point five"."""
    return SIGNS[sign or ""] + decimal(number)


def plain(number: str) -> str:
    """Removes the thousands separators."""
    return number.replace(",", "")


def is_one(number: str) -> bool:
    """Whether the noun after the number is singular."""
    return number == "1"

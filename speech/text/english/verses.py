"""Rules for verses of the Bible: "John 3:16" is "John three sixteen"."""

import re
from typing import Final

from speech.text.english.numbers import cardinal
from speech.text.english.patterns import DASH
from speech.text.scan import Rule
from speech.text.spans import Replacement

_BOOKS: Final = (
    "Genesis|Gen|Exodus|Leviticus|Numbers|Deuteronomy|Joshua|Judges|Ruth|Samuel|Kings|Chronicles|Ezra|Nehemiah|Esther|Job"
    "|Psalms?|Proverbs|Ecclesiastes|Isaiah|Jeremiah|Lamentations|Ezekiel|Daniel|Hosea|Joel|Amos|Micah|Zechariah|Malachi"
    "|Matthew|Matt|Mark|Luke|John|Acts|Romans|Corinthians|Cor|Galatians|Ephesians|Philippians|Colossians|Thessalonians"
    "|Timothy|Titus|Hebrews|James|Peter|Jude|Revelation|Rev|Surah|Quran|Qur'an"
)
_VERSE: Final = re.compile(
    rf"(?<!\w)(?:(?P<number>[1-3]) )?(?P<book>{_BOOKS})\.? (?P<chapter>[0-9]{{1,3}}):(?P<verse>[0-9]{{1,3}})"
    rf"(?: ?{DASH} ?(?P<last>[0-9]{{1,3}}))?(?![\w:]|[.][0-9]| ?[ap]\.?m\b)"
)
_NUMBERS: Final = {"1": "first", "2": "second", "3": "third"}


def _say_verse(match: re.Match[str]) -> list[Replacement]:
    said, verse = f"{cardinal(match['chapter'])}", cardinal(match["verse"])
    if match["last"]:
        said += f", verses {verse} to {cardinal(match['last'])}"
    else:
        said += f" {verse}" if len(match["verse"]) > 1 else f", verse {verse}"
    replacements = [Replacement(match.start("chapter"), match.end(), said)]
    if match["number"]:
        replacements.insert(0, Replacement(*match.span("number"), _NUMBERS[match["number"]]))
    return replacements


RULES: Final = (Rule(_VERSE, _say_verse),)

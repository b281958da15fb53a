"""Converts Japanese and Chinese to phonemes with misaki's readers, with the position of every word in the text."""

import importlib
import logging
import re
from collections.abc import Callable, Iterator
from difflib import SequenceMatcher
from typing import Any, Final

from django.conf import settings

from speech.engines.kokoro.reading import Reading
from speech.text.spans import Replacement, SpokenText, apply

# OpenJTalk spells words that are not in its dictionary: WeChat, with six letters, has 22 phonemes. A word in the
# dictionary has about one phoneme per letter.
SPELLED_PHONEMES_A_LETTER: Final = 2.2
_HAN: Final = re.compile("[\u4e00-\u9fff]+|[^\u4e00-\u9fff]+")


def make_japanese_reader() -> Callable[[str], list[Reading]]:
    japanese = importlib.import_module("misaki.ja").JAG2P(version="pyopenjtalk")

    def read(text: str) -> list[Reading]:
        both, tokens = japanese(text)
        # The second half has a pitch mark for each phoneme, which this version of the model does not support.
        return list(_japanese_readings(text, both[: len(both) // 2], tokens))

    return read


def _japanese_readings(text: str, phonemes: str, tokens: list[Any]) -> Iterator[Reading]:
    """Yields every token with the phonemes up to the next one.

    The spelling of a token may differ from the source, but not its length.
    """
    places = [at for at, character in enumerate(text) if not character.isspace()]
    used = done = 0
    for number, token in enumerate(tokens):
        first, used = used, min(used + len("".join(token.text.split())), len(places))
        known = token.phonemes or ""
        end = phonemes.index(known, done) + len(known) if known else done
        if number == len(tokens) - 1:
            end = len(phonemes)
        if first < used:
            yield Reading(phonemes[done:end], places[first], places[used - 1] + 1)
        elif end > done:
            yield Reading(phonemes[done:end], len(text), len(text))
        done = end


def is_spelled(word: str, phonemes: str) -> bool:
    """Whether Japanese reads a Latin word letter by letter, although it is not an abbreviation."""
    return not word.isupper() and len(phonemes) >= SPELLED_PHONEMES_A_LETTER * len(word)


def make_chinese_reader() -> Callable[[str], list[Reading]]:
    """Builds a reader from misaki's steps, which keeps the positions of words."""
    numbers: Any = importlib.import_module("cn2an")
    jieba: Any = importlib.import_module("jieba")
    chinese: Any = importlib.import_module("misaki.zh").ZHG2P
    _keep_word_list_private(jieba)

    def read(text: str) -> list[Reading]:
        written = _alignment(text, numbers.transform(text, "an2cn"))
        readings = []
        for found in _HAN.finditer(written.text):
            for word, start, end in _words(found[0]):
                phonemes = chinese.word2ipa(word) if _is_han(word) else _mapped(word)
                space = " " if _is_han(word) and end < len(found[0]) else ""
                place = written.source_span(found.start() + start, found.start() + end)
                readings.append(Reading(phonemes.replace(chr(815), "") + space, *place))
        return readings

    def _words(run: str) -> list[tuple[str, int, int]]:
        return list(jieba.tokenize(run)) if _is_han(run) else [(run, 0, len(run))]

    def _mapped(marks: str) -> str:
        return str(chinese.map_punctuation(f"x{marks}x"))[1:-1]  # the x keep it from stripping spaces at the ends

    return read


def _is_han(text: str) -> bool:
    return "\u4e00" <= text[:1] <= "\u9fff"


def _alignment(source: str, text: str) -> SpokenText:
    """Maps a text in which numbers were written out back to its source."""
    if source == text:
        return apply(source, ())
    replacements: list[Replacement] = []
    for kind, start, end, spoken_start, spoken_end in SequenceMatcher(None, source, text, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        spoken = text[spoken_start:spoken_end]
        if start < end:
            replacements.append(Replacement(start, end, spoken))
        elif start < len(source) and not (replacements and replacements[-1].end > start):
            replacements.append(Replacement(start, start + 1, spoken + source[start]))
    return apply(source, replacements)


def _keep_word_list_private(jieba: Any) -> None:
    """Moves jieba's cache of its word list to the data directory.

    By default, it loads the cache from a folder to which every user of the machine can write.
    """
    folder = settings.DATA_DIR / "jieba"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    jieba.dt.tmp_dir = str(folder)
    jieba.setLogLevel(logging.WARNING)

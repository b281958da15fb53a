"""Converts text to phonemes, by language, without downloads at run time.

English: misaki's dictionaries, and eSpeak for words missing from them. Japanese: OpenJTalk with the dictionary in its
wheel. Chinese: misaki's own. The others: eSpeak, in its own program. eSpeak does not work for Japanese and Chinese: it
reads their characters by name.
"""

import importlib
import importlib.util
import logging
import re
from collections.abc import Callable
from typing import Any, Final

from django.conf import settings

from speech.engines.base import EngineUnavailable
from speech.engines.espeak.phonemes import PhonemeReader
from speech.engines.kokoro.fair_lock import FairLock
from speech.engines.kokoro.voices import LANGUAGE_OF_TAG, LANGUAGES
from speech.text.normalize import normalize

# The packages that each language needs, by import name.
ENGLISH_PACKAGES: Final = ("misaki", "spacy", "num2words")
PACKAGES: Final = {
    "a": ENGLISH_PACKAGES,
    "b": ENGLISH_PACKAGES,
    "j": ("misaki", "pyopenjtalk"),
    "z": ("misaki", "jieba", "pypinyin", "cn2an"),
}
DICTIONARY_LETTERS: Final = "jz"  # hundreds of megabytes of dictionaries, so optional

# misaki tries every part of a word of several tokens, such as an address: 30 take 0.05 s, 240 take 13 s (measured).
MAX_TOKENS_IN_WORD: Final = 24

# From eSpeak's IPA to the symbols Kokoro was trained on: the E2M tables of both classes in misaki 0.9.4, espeak.py
# (Apache-2.0).
_TIED: Final = (
    *(("a^ɪ", "I"), ("a^ʊ", "W"), ("d^z", "ʣ"), ("d^ʒ", "ʤ"), ("e^ɪ", "A"), ("o^ʊ", "O"), ("ə^ʊ", "Q"), ("s^s", "S")),
    *(("t^s", "ʦ"), ("t^ʃ", "ʧ"), ("ɔ^ɪ", "Y")),
)
_ENGLISH: Final = (
    *(("ʔˌn\u0329", "ʔn"), ("ʔn\u0329", "ʔn"), ("a^ɪ", "I"), ("a^ʊ", "W"), ("d^ʒ", "ʤ"), ("e^ɪ", "A"), ("t^ʃ", "ʧ")),
    *(
        ("ɔ^ɪ", "Y"),
        ("ə^l", "ᵊl"),
        ("ʲo", "jo"),
        ("ʲə", "jə"),
        ("e", "A"),
        ("ʲ", ""),
        ("ɚ", "əɹ"),
        ("r", "ɹ"),
        ("x", "k"),
    ),
    *(("x", "k"), ("ç", "k"), ("ɐ", "ə"), ("ɬ", "l"), ("\u0303", "")),
)
_BRITISH: Final = (("e^ə", "ɛː"), ("iə", "ɪə"), ("ə^ʊ", "Q"))
_AMERICAN: Final = (("o^ʊ", "O"), ("ɜːɹ", "ɜɹ"), ("ɜː", "ɜɹ"), ("ɪə", "iə"), ("ː", ""))
_LANGUAGE_SWITCH: Final = re.compile(r"\(\^?[a-z^-]+\)")  # eSpeak's marker for a word in another language
_LONG_WORD: Final = re.compile(rf"\S{{{MAX_TOKENS_IN_WORD},}}")
# Punctuation that the model renders as pauses, which eSpeak drops. Not the point of 3.5. A run of marks is only matched
# from its first: starting at every mark takes seconds for a long run.
_MARKS: Final = re.compile(r"""((?<![;:,.!?¡¿—…।"«»“”()])[;:,.!?¡¿—…।"«»“”()]+(?=\s|$|["»”)])|(?<!\S)["«“(¡¿]+)""")


def missing_for(tag: str) -> str:
    """Returns why a language cannot be read here; "" if it can. Imports nothing."""
    letter = LANGUAGE_OF_TAG[tag]
    missing = [name for name in PACKAGES.get(letter, ()) if importlib.util.find_spec(name) is None]
    if not missing:
        return ""
    file = "requirements-kokoro-cjk.txt" if letter in DICTIONARY_LETTERS else "requirements.txt"
    return f"{LANGUAGES[letter].name} needs the packages of {file} ({', '.join(missing)})"


class Readers:
    """Holds one reader per language, created on first use. Thread-safe."""

    def __init__(self) -> None:
        self._espeak = PhonemeReader()
        self._readers: dict[str, Callable[[str], str]] = {}
        self._turns = FairLock()

    def phonemes(self, text: str, tag: str) -> str:
        """Returns phonemes and the punctuation between them, including symbols that the model does not support.

        Raises EngineUnavailable, TransientEngineError.
        """
        if not text.strip():
            return ""
        letter = LANGUAGE_OF_TAG[tag]
        with self._turns.mine():  # the dictionaries are stateful while reading
            if letter not in self._readers:
                if reason := missing_for(tag):
                    raise EngineUnavailable(f"{reason}.")
                self._readers[letter] = self._make(letter)
            return self._readers[letter](normalize(text, tag).text)

    def close(self) -> None:
        self._espeak.close()

    def _make(self, letter: str) -> Callable[[str], str]:
        if letter in "ab":
            return _english(self._espeak, is_british=letter == "b")
        if letter == "j":
            japanese = importlib.import_module("misaki.ja").JAG2P(version="pyopenjtalk")
            # It appends a pitch mark for each phoneme, which this version of the model does not support.
            return lambda text: (lambda both: both[: len(both) // 2])(japanese(text)[0])
        if letter == "z":
            _keep_word_list_private(importlib.import_module("jieba"))
            chinese = importlib.import_module("misaki.zh").ZHG2P()
            return lambda text: str(chinese(text)[0])
        identifier = LANGUAGES[letter].espeak
        return lambda text: _with_marks(
            text, lambda part: _replace(self._read(part, identifier), _TIED).replace("-", "")
        )

    def _read(self, text: str, identifier: str) -> str:
        return _LANGUAGE_SWITCH.sub("", self._espeak.read(text, identifier=identifier))


def _keep_word_list_private(jieba: Any) -> None:
    """Caches the word list in a private folder; jieba's default is one where any local user could replace it."""
    folder = settings.DATA_DIR / "jieba"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    jieba.dt.tmp_dir = str(folder)
    jieba.setLogLevel(logging.WARNING)


def _with_marks(text: str, read: Callable[[str], str]) -> str:
    parts = _MARKS.split(text)  # text, mark, text, mark, …
    return "".join(
        part if number % 2 else _padded(part, read(part) if part.strip() else "") for number, part in enumerate(parts)
    )


def _padded(text: str, phonemes: str) -> str:
    """Adds the white space that was around the text to the phonemes."""
    before = " " if text[:1].isspace() else ""
    after = " " if text[-1:].isspace() and text.strip() else ""
    return f"{before}{phonemes.replace('^', '')}{after}"


def _replace(phonemes: str, table: tuple[tuple[str, str], ...]) -> str:
    for old, new in table:
        phonemes = phonemes.replace(old, new)
    return phonemes


def _english(espeak: PhonemeReader, *, is_british: bool) -> Callable[[str], str]:
    """Creates misaki's dictionary reader without its part-of-speech model.

    Its own constructor would download that model; a tokenizer without one and a few rules work nearly as well.
    """
    en: Any = importlib.import_module("misaki.en")
    spacy: Any = importlib.import_module("spacy")
    identifier = "gmw/en" if is_british else "gmw/en-US"

    def unknown_word(token: Any) -> tuple[str, int]:
        phonemes = _replace(espeak.read(token.text, identifier=identifier), _ENGLISH)
        phonemes = re.sub(r"(\S)\u0329", r"ᵊ\1", phonemes).replace("\u0329", "")
        phonemes = _replace(phonemes, _BRITISH if is_british else _AMERICAN)
        return phonemes.replace("o", "ɔ").replace("ɾ", "T").replace("ʔ", "t").replace("^", ""), 2

    class OfflineReader(en.G2P):  # type: ignore[misc]  # misaki carries no types
        def __init__(self) -> None:
            self.version = None
            self.british = is_british
            self.nlp = spacy.blank("en")
            self.lexicon = en.Lexicon(is_british)
            self.fallback = unknown_word
            self.unk = ""

        def tokenize(self, text: str, tokens: Any, features: Any) -> Any:
            found = super().tokenize(text, tokens, features)
            for token in found:
                token.tag = _tag(token.text)
            return found

    reader = OfflineReader()

    def short_word(found: re.Match[str]) -> str:
        tokens = en.subtokenize(found[0])
        starts = range(0, len(tokens), MAX_TOKENS_IN_WORD)
        return " ".join("".join(tokens[start : start + MAX_TOKENS_IN_WORD]) for start in starts)

    # Without its preprocessing, which takes [words](/in this form/) as phonemes: a customer's text is plain text.
    return lambda text: str(reader(_LONG_WORD.sub(short_word, text), preprocess=False)[0])


_TAGS: Final = {
    **dict.fromkeys(".!?", "."),
    **dict.fromkeys(["…", ":", ";", "—", "–"], ":"),
    **dict.fromkeys("$£€", "$"),
    ",": ",",
    "-": "HYPH",
    "(": "-LRB-",
    ")": "-RRB-",
    "“": "``",
    "”": "''",
    '"': "''",
    "a": "DT",
    "the": "DT",
    "to": "TO",
    "in": "IN",
    "by": "IN",
    "i": "PRP",
    "am": "VBP",
    "an": "DT",
    "used": "VBD",
}


def _tag(word: str) -> str:
    """Returns the Penn Treebank tag as far as misaki's pronunciation depends on it; most words count as nouns."""
    if word in _TAGS or word.lower() in _TAGS:
        return _TAGS.get(word) or _TAGS[word.lower()]
    if re.fullmatch(r"[\d.,]+", word):
        return "CD"
    return "NNP" if len(word) > 1 and word.isupper() else "NN"

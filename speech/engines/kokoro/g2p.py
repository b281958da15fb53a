"""Text to phonemes, by language, without a download at run time.

English: misaki's dictionaries, and eSpeak for single words that they lack. Japanese: OpenJTalk with the dictionary in
its wheel. Chinese: misaki's own. The others: eSpeak, in its own program. Not eSpeak for Japanese or Chinese: it reads
their characters by name.
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

# What each language needs, by the names that are imported.
ENGLISH_PACKAGES: Final = ("misaki", "spacy", "num2words")
PACKAGES: Final = {
    "a": ENGLISH_PACKAGES,
    "b": ENGLISH_PACKAGES,
    "j": ("misaki", "pyopenjtalk"),
    "z": ("misaki", "jieba", "pypinyin", "cn2an"),
}
DICTIONARY_LETTERS: Final = "jz"  # hundreds of megabytes of dictionaries, which not everybody wants

# misaki tries every part of a word of several tokens, such as an address: 30 take 0.05 s, 240 of them 13 s (measured).
MAX_TOKENS_IN_WORD: Final = 24

# eSpeak's IPA as Kokoro was trained on it: misaki 0.9.4, espeak.py (Apache-2.0), the tables E2M of either class.
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
_LANGUAGE_SWITCH: Final = re.compile(r"\(\^?[a-z^-]+\)")  # eSpeak's own remark that a word is in another language
_LONG_WORD: Final = re.compile(rf"\S{{{MAX_TOKENS_IN_WORD},}}")
# Marks that the model hears as pauses: eSpeak drops them. Not the point of 3.5.
# A row of marks is tried once, from its first: trying each of them takes seconds for a long row.
_MARKS: Final = re.compile(r"""((?<![;:,.!?¡¿—…।"«»“”()])[;:,.!?¡¿—…।"«»“”()]+(?=\s|$|["»”)])|(?<!\S)["«“(¡¿]+)""")


def missing_for(tag: str) -> str:
    """Why a language cannot be read here; "" when it can. Imports nothing."""
    letter = LANGUAGE_OF_TAG[tag]
    missing = [name for name in PACKAGES.get(letter, ()) if importlib.util.find_spec(name) is None]
    if not missing:
        return ""
    file = "requirements-kokoro-cjk.txt" if letter in DICTIONARY_LETTERS else "requirements.txt"
    return f"{LANGUAGES[letter].name} needs the packages of {file} ({', '.join(missing)})"


class Readers:
    """One reader per language, made when it is first needed. Safe from any thread."""

    def __init__(self) -> None:
        self._espeak = PhonemeReader()
        self._readers: dict[str, Callable[[str], str]] = {}
        self._turns = FairLock()

    def phonemes(self, text: str, tag: str) -> str:
        """Phonemes and the marks between them, not yet reduced to those the model knows.

        Raises EngineUnavailable, TransientEngineError.
        """
        if not text.strip():
            return ""
        letter = LANGUAGE_OF_TAG[tag]
        with self._turns.mine():  # the dictionaries keep state while they read
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
            # It appends a mark of pitch for each phoneme, which this version of the model does not read.
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
    """It keeps its list ready to load, by default where every user of the machine can put another."""
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
    """The phonemes with the white space that was around the text."""
    before = " " if text[:1].isspace() else ""
    after = " " if text[-1:].isspace() and text.strip() else ""
    return f"{before}{phonemes.replace('^', '')}{after}"


def _replace(phonemes: str, table: tuple[tuple[str, str], ...]) -> str:
    for old, new in table:
        phonemes = phonemes.replace(old, new)
    return phonemes


def _english(espeak: PhonemeReader, *, is_british: bool) -> Callable[[str], str]:
    """misaki's dictionary reader. Its own constructor would download a model that tags parts of speech; a tokenizer
    without one and a few rules serve nearly as well.
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

    # Without its preprocessing, which takes [words](/in this form/) for phonemes: a customer's text is text.
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
    """Penn Treebank's part of speech, as far as misaki's pronunciation turns on it; most words are nouns here."""
    if word in _TAGS or word.lower() in _TAGS:
        return _TAGS.get(word) or _TAGS[word.lower()]
    if re.fullmatch(r"[\d.,]+", word):
        return "CD"
    return "NNP" if len(word) > 1 and word.isupper() else "NN"

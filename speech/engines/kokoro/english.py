"""Converts English to phonemes with misaki's dictionaries, a part-of-speech tagger, and eSpeak for unknown words.

Without the tagger's file, a short table decides the part of speech: most words then count as nouns.
"""

import importlib
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from speech.engines.kokoro import tagger
from speech.engines.kokoro.espeak_ipa import replace_all
from speech.engines.kokoro.homographs import add_pronunciations, corrected_tags
from speech.engines.kokoro.reading import Reading

# misaki tries every part of a word that has several tokens, such as an address: 30 tokens take 0.05 s, 240 take 13 s
# (measured).
MAX_TOKENS_IN_WORD: Final = 24

# eSpeak's IPA → the spelling that Kokoro was trained on. From misaki 0.9.4, espeak.py (Apache-2.0), the tables E2M of
# both classes.
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
_LONG_WORD: Final = re.compile(rf"\S{{{MAX_TOKENS_IN_WORD},}}")
_SPACES: Final = re.compile(r"[ \t\u00a0]{2,}")  # misaki takes several spaces for a word

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
_QUOTES: Final = ("``", "''")


def make_reader(read_unknown: Callable[[str], str], *, is_british: bool) -> Callable[[str], list[Reading]]:
    """Builds misaki's reader, without its constructor, which would download a model.

    `read_unknown` returns the phonemes of a word that the dictionaries lack.
    """
    en: Any = importlib.import_module("misaki.en")
    spacy: Any = importlib.import_module("spacy")

    def unknown_word(token: Any) -> tuple[str, int]:
        return read_unknown(token.text), 2

    class OfflineReader(en.G2P):  # type: ignore[misc]  # misaki has no type hints
        def __init__(self) -> None:
            self.version = None
            self.british = is_british
            self.nlp = spacy.blank("en")
            self.has_tagger = tagger.add_to(self.nlp)
            self.lexicon = en.Lexicon(is_british)
            add_pronunciations(self.lexicon.golds, is_british=is_british)
            self.fallback = unknown_word
            self.unk = ""

        def tokenize(self, text: str, tokens: Any, features: Any) -> Any:
            with self.nlp.memory_zone():  # discards new words afterwards, so that memory does not grow
                found = super().tokenize(text, tokens, features)
            words = [token.text for token in found]
            if self.has_tagger:
                tags = corrected_tags(words, [_checked(token.text, token.tag) for token in found])
            else:
                tags = [_guess(word) for word in words]
            for token, tag in zip(found, tags, strict=True):
                token.tag = tag
            return found

    reader = OfflineReader()

    def short_word(found: re.Match[str]) -> str:
        tokens = en.subtokenize(found[0])
        starts = range(0, len(tokens), MAX_TOKENS_IN_WORD)
        return " ".join("".join(tokens[start : start + MAX_TOKENS_IN_WORD]) for start in starts)

    def read(text: str) -> list[Reading]:
        spaced = _LONG_WORD.sub(short_word, _SPACES.sub(" ", text))
        # Without misaki's preprocessing, which would read [words](/in this form/) of a customer's text as phonemes.
        return list(_readings(text, reader(spaced, preprocess=False)[1]))

    return read


def as_dictionary(phonemes: str, *, is_british: bool) -> str:
    """Converts eSpeak's English phonemes to the spelling of the dictionaries."""
    phonemes = replace_all(phonemes, _ENGLISH)
    phonemes = re.sub(r"(\S)\u0329", r"ᵊ\1", phonemes).replace("\u0329", "")
    phonemes = replace_all(phonemes, _BRITISH if is_british else _AMERICAN)
    return phonemes.replace("o", "ɔ").replace("ɾ", "T").replace("ʔ", "t").replace("^", "")


def _readings(text: str, tokens: list[Any]) -> Iterator[Reading]:
    """Yields the tokens with their positions in the text, which may have different spaces than what was read."""
    end = 0
    for token in tokens:
        start = text.find(token.text, end)
        end = start + len(token.text)
        yield Reading((token.phonemes or "") + token.whitespace, start, end)


def _checked(word: str, tag: str) -> str:
    """Returns the tagger's tag, unless it tagged a word as punctuation, which is not spoken, or a mark as a word."""
    if any(character.isalnum() for character in word):
        return tag if tag[:1].isalpha() and tag not in ("NFP", "HYPH") else _guess(word)
    return tag if word == '"' and tag in _QUOTES else _TAGS.get(word, tag)


def _guess(word: str) -> str:
    """Returns a part of speech that is good enough to choose misaki's pronunciation. Most words count as nouns."""
    if word in _TAGS or word.lower() in _TAGS:
        return _TAGS.get(word) or _TAGS[word.lower()]
    if re.fullmatch(r"[\d.,]+", word):
        return "CD"
    return "NNP" if len(word) > 1 and word.isupper() else "NN"

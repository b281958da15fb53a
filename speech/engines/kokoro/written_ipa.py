"""Writes IPA from a `phoneme` element with the symbols that Kokoro was trained on."""

import re
import unicodedata
from typing import Final

Table = tuple[tuple[str, str], ...]

# misaki's symbols for diphthongs and affricates: hexgrad/misaki, EN_PHONES.md.
_COMMON: Final[Table] = (
    *(("aɪ", "I"), ("aʊ", "W"), ("eɪ", "A"), ("ɔɪ", "Y"), ("dʒ", "ʤ"), ("tʃ", "ʧ")),
    *(("oʊ", "O"), ("əʊ", "Q"), ("g", "ɡ"), ("ɫ", "l")),
)
_OTHERS: Final[Table] = (("dz", "ʣ"), ("ts", "ʦ"))
_ENGLISH: Final[Table] = (("r", "ɹ"), ("e", "ɛ"), ("x", "k"), ("ç", "h"), ("ɐ", "ə"), ("ʍ", "w"))
_AMERICAN: Final[Table] = (
    *(("ɑːɹ", "ɑɹ"), ("ɜːɹ", "ɜɹ"), ("ɜː", "ɜɹ"), ("ɪə", "ɪɹ"), ("ɛə", "ɛɹ"), ("ʊə", "ʊɹ"), ("ɹɹ", "ɹ")),
    *(("ɝ", "ɜɹ"), ("ɚ", "əɹ"), ("Q", "O"), ("ɒ", "ɑ"), ("ː", ""), ("a", "æ"), ("ɾ", "T")),
)
_BRITISH: Final[Table] = (("ɝ", "ɜː"), ("ɚ", "ə"), ("O", "Q"), ("æ", "a"), ("ɛə", "ɛː"), ("ɾ", "t"))
_TABLES: Final = {"a": (*_COMMON, *_ENGLISH, *_AMERICAN), "b": (*_COMMON, *_ENGLISH, *_BRITISH)}

_VOWELS: Final = "aeiouyAIOQWYæɐɑɒɔɘəɚɛɜɝɞɤɨɪɯɵøœɶʉʊʌʏᵻᵊ"
_STRESS: Final = re.compile(rf"([ˈˌ])([^{_VOWELS}ˈˌ\s]{{1,8}})(?=[{_VOWELS}])")
_SYLLABIC: Final = re.compile(r"(\w)\u0329")
_TIES: Final = str.maketrans("", "", "\u0361\u035c\u032f.‿/[]")


def to_model_symbols(ipa: str, letter: str) -> str:
    """Returns phonemes in Kokoro's spelling. `letter` is the model's for the language; unknown symbols stay."""
    text = unicodedata.normalize("NFD", ipa).translate(_TIES).replace("c\u0327", "ç").replace("'", "ˈ")
    text = _SYLLABIC.sub(r"ᵊ\1", text)
    for old, new in _TABLES.get(letter, (*_COMMON, *_OTHERS)):
        text = text.replace(old, new)
    return _STRESS.sub(r"\2\1", text)  # the dictionaries write the stress before the vowel

"""Converts eSpeak's phonemes to the spelling that the model was trained on."""

from typing import Final

# From misaki 0.9.4, espeak.py (Apache-2.0), the table E2M of its second class.
_TIED: Final = (
    *(("a^ɪ", "I"), ("a^ʊ", "W"), ("d^z", "ʣ"), ("d^ʒ", "ʤ"), ("e^ɪ", "A"), ("o^ʊ", "O"), ("ə^ʊ", "Q"), ("s^s", "S")),
    *(("t^s", "ʦ"), ("t^ʃ", "ʧ"), ("ɔ^ɪ", "Y")),
)
# Sounds of languages that the model does not speak → the nearest one that it supports.
_NEAREST: Final = str.maketrans(
    {
        **dict(zip("ħɦʜχqɢʛʑʐɬɮʟɭɓɗɠɘɵʉʏɶɞʙʀɺʍɱʝ", "hhhxkɡɡʒʒllllbdɡəøuyœɜbʁɾwmj", strict=True)),
        **dict.fromkeys("0123456789.-^_ʔʕ", None),
    }
)


def replace_all(phonemes: str, table: tuple[tuple[str, str], ...]) -> str:
    for old, new in table:
        phonemes = phonemes.replace(old, new)
    return phonemes


def of_model(phonemes: str) -> str:
    """Converts phonemes of a language that the model speaks."""
    return replace_all(phonemes, _TIED).replace("-", "").replace("^", "")


def nearest_of_model(phonemes: str) -> str:
    """Converts phonemes of any other language, using the nearest sounds that the model supports."""
    return replace_all(phonemes, _TIED).translate(_NEAREST)

"""Converts Kokoro's phonemes to numbers, with the table of its config.json (hexgrad/Kokoro-82M, `vocab`)."""

from collections.abc import Iterator
from typing import Final

from speech.engines.kokoro.pauses import LINE_MS, pause_ms

MAX_PHONEMES: Final = 510  # the model takes 512 positions, including a pad at either end
PAD: Final = 0

_SYMBOLS: Final = (
    *(';:,.!?—…"()“” ' + "\u0303ʣʥʦʨᵝ\uab67AIOQSTWYᵊ"),
    *"abcdefhijklmnopqrstuvwxyz",
    *"ɑɐɒæβɔɕçɖðʤəɚɛɜɟɡɥɨɪʝɯɰŋɳɲɴøɸθœɹɾɻʁɽʂʃʈʧʊʋʌɣɤχʎʒʔˈˌːʰʲ↓→↗↘ᵻ",
)
_NUMBERS: Final = (
    *(1, 2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 31, 33, 35, 36, 39, 41, 42),
    *range(43, 49),
    *range(50, 69),
    *(69, 70, 71, 72, 75, 76, 77, 78, 80, 81, 82, 83, 85, 86, 87, 90, 92, 99, 101, 102, 103, 110, 111, 112, 113, 114),
    *(115, 116, 118, 119, 120, 123, 125, 126, 128, 129, 130, 131, 132, 133, 135, 136, 138, 139, 140, 142, 143, 147),
    *(148, 156, 157, 158, 162, 164, 169, 171, 172, 173, 177),
)
VOCABULARY: Final = dict(zip(_SYMBOLS, _NUMBERS, strict=True))

# Symbols of grapheme-to-phoneme programs that the model spells differently; Japanese palatalised consonants.
SPELLINGS: Final = str.maketrans(
    {
        "g": "ɡ",
        "।": ".",
        "ᶄ": "kʲ",
        "ᶃ": "ɡʲ",
        "ᶀ": "bʲ",
        "ᶆ": "mʲ",
        "ᶇ": "nʲ",
        "ᶈ": "pʲ",
        "ᶉ": "ɾʲ",
        "ᶂ": "ɸʲ",
        "«": "“",
        "»": "”",
    }
)
# A voice pack has a style for each number of phonemes. Those for few phonemes speak too fast.
LEAST_STYLE_ROW: Final = 30
PAUSES: Final = ".!?…", ";:—,", " "  # where a run is cut, best first


def known_symbols(phonemes: str) -> str:
    """Returns the symbols that the model supports, in its spelling."""
    return "".join(symbol for symbol in phonemes.translate(SPELLINGS) if symbol in VOCABULARY)


def spoken_phonemes(phonemes: str) -> str:
    """Returns the phonemes that the model supports, in its spelling; "" if only punctuation is left."""
    known = known_symbols(phonemes).strip()
    return known if any(symbol.isalpha() for symbol in known) else ""


def runs(phonemes: str) -> Iterator[str]:
    """Yields runs of at most MAX_PHONEMES, cut after a sentence, a clause or a word, in this order of preference."""
    while len(phonemes) > MAX_PHONEMES:
        cut = next(
            (at + 1 for marks in PAUSES if (at := max(phonemes.rfind(mark, 1, MAX_PHONEMES) for mark in marks)) > 0),
            MAX_PHONEMES,
        )
        yield phonemes[:cut].strip()
        phonemes = phonemes[cut:].strip()
    if phonemes:
        yield phonemes


def numbers(run: str) -> list[int]:
    """Returns the model's input: the phonemes between two pads."""
    return [PAD, *(VOCABULARY[symbol] for symbol in run), PAD]


def style_row(run: str) -> int:
    """Returns the row of a voice pack for a run."""
    return max(len(run), LEAST_STYLE_ROW) - 1


def with_end(phonemes: str, text: str) -> str:
    """Adds a full stop if a line or a text ends without punctuation, so that the voice falls there, too."""
    is_open = phonemes[-1].isalpha() or phonemes[-1] in "ː"
    return f"{phonemes}." if is_open and pause_ms(text) >= LINE_MS else phonemes

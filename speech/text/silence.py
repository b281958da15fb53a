"""Decides whether a text contains anything to say, before any engine or provider is called.

Letters, digits, and symbols that are read by name, such as %, € or an emoji, count; in SSML also a pause, a substitute
or a pronunciation. Punctuation, white space, invisible characters and drawn lines do not.
"""

import re
import unicodedata

from speech.dialogue import DialogueError, read_dialogue
from speech.ssml import SsmlError, break_ms, read_ssml

SILENCE_MS = 250
SPOKEN_MARKS = frozenset("@#%&*/\\_^§¶†‡‰‱")  # read by name, although Unicode has them as punctuation or modifiers
_MARKDOWN_MARKS = frozenset("#*_~|+=<>\\")  # only structure in Markdown if nothing else is there
# Letters and symbols that are invisible or not read: fillers, box drawings and blocks, Braille, replacement characters.
_UNSPOKEN = "\u115f\u1160\u3164\uffa0\u2500-\u259f\u2800-\u28ff\ufffc\ufffd"
_LETTER_OR_DIGIT = re.compile(rf"[^\W_{_UNSPOKEN}]")
_IS_UNSPOKEN = re.compile(rf"[{_UNSPOKEN}]")
_DRAWN_LINE = re.compile(r"([*_#=~+|^<>/\\])\1{2,}")  # "***", "====": not read
_SKIN_TONES = frozenset(map(chr, range(0x1F3FB, 0x1F400)))  # emoji with names, which Unicode has as modifiers
SLICE_CHARS = 65_536  # checked in one step


def has_speech(text: str, text_format: str = "text", *, is_dialogue: bool = False) -> bool:
    """Returns whether a text of this format contains anything to say. Linear in its length.

    `is_dialogue` ignores the labels of the speakers. Invalid SSML counts as something to say, because the next parser
    reports the error.
    """
    if text_format == "ssml":
        return _ssml_has_speech(text)
    if is_dialogue:
        try:
            return any(_plain_has_speech(turn.text) for turn in read_dialogue(text))
        except DialogueError:
            return True
    return _plain_has_speech(text, unspoken=_MARKDOWN_MARKS if text_format == "markdown" else frozenset())


def silence(rate_hertz: int) -> bytes:
    """Returns the audio of a text with nothing to say: 250 ms of silence, mono, s16le."""
    return bytes(2 * -(-rate_hertz * SILENCE_MS // 1000))


def is_spoken_symbol(char: str) -> bool:
    """Returns whether a character that is neither a letter nor a digit is read by its name."""
    if _IS_UNSPOKEN.match(char):
        return False
    if unicodedata.category(char) in ("Sc", "Sm", "So") or char in _SKIN_TONES:
        return True
    return unicodedata.normalize("NFKC", char) in SPOKEN_MARKS  # also full-width and small ones


def _plain_has_speech(text: str, *, unspoken: frozenset[str] = frozenset()) -> bool:
    if _LETTER_OR_DIGIT.search(text):
        return True
    # In slices, so that other threads can run in between.
    seen = set[str]()
    for start in range(0, len(text), SLICE_CHARS):
        seen.update(_DRAWN_LINE.sub("", text[start : start + SLICE_CHARS]))
    return any(is_spoken_symbol(char) for char in seen - unspoken)


def _ssml_has_speech(text: str) -> bool:
    is_replaced = False  # by a `sub` or a `phoneme`
    try:
        for token in read_ssml(text):
            match token.kind, token.value:
                case "text", said:
                    if not is_replaced and _plain_has_speech(said):
                        return True
                case "open", "break":
                    if break_ms(token.attributes) > 0:
                        return True
                case "open", "sub":
                    if _plain_has_speech(token.attributes["alias"]):
                        return True
                    is_replaced = True
                case "open", "phoneme":
                    if token.attributes["ph"]:
                        return True
                    is_replaced = True
                case "close", "sub" | "phoneme":
                    is_replaced = False
    except SsmlError:
        return True
    return False

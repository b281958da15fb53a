"""Checks whether an audio can be the requested text: long enough, and not silence.

The limits favour the provider: a fast voice, a text full of abbreviations, or a symbol that is skipped must pass; half
of a text must not.

The fastest voices we know are eSpeak's: measured with a sentence in each of its languages, they say 13 letters a second
in English, 16 in Catalan and Greek, 18 in Gaelic, at most; and 22 in French, where every third letter is silent. So 22,
or 30, are faster than any voice, and half of an English text comes to 26. A Chinese character is a syllable, of which
five or six fit into a second, and so is a Hangul block; a kana is a short one. Scripts that write few vowels or many
marks take longer per letter, so only audio that is far too short is detected for them.
"""

import re
from collections.abc import Generator, Iterable

from speech.engines.base import TransientEngineError
from speech.ssml import rate_factor, read_ssml

SECONDS_PER_LETTER = 1 / 22
SECONDS_PER_LETTER_IN = {"fr": 1 / 30}  # by language
SECONDS_PER_KANA = 1 / 13
SECONDS_PER_SYLLABLE = 1 / 10  # Han and Hangul
SECONDS_PER_PAUSE = 0.1
PAUSE = re.compile(r"[.!?…,;:](?=\s)|[。！？、，]")
FORGIVEN_SECONDS = 0.1  # a single word may be mumbled
MAX_REPEATS = 3  # "aaaaaah" is not spoken letter by letter


def least_seconds(text: str, language: str) -> float:
    """Returns the minimum duration of plain text at the voice's normal speed. `language` is a BCP 47 tag."""
    per_letter = SECONDS_PER_LETTER_IN.get(language.partition("-")[0], SECONDS_PER_LETTER)
    seconds, before, repeats = SECONDS_PER_PAUSE * len(PAUSE.findall(text)), "", 0
    for char in text:
        repeats = repeats + 1 if char == before else 1
        before = char
        if repeats <= MAX_REPEATS and char.isalnum():
            seconds += _seconds_of_syllable(char) or per_letter
    return max(0.0, seconds - FORGIVEN_SECONDS)


def least_seconds_of_ssml(markup: str, language: str) -> float:
    """The same for SSML, as if its fastest `prosody` applied to all of it. Raises SsmlError."""
    spoken: list[str] = []
    fastest, written_otherwise = 1.0, 0
    for token in read_ssml(markup):
        if token.kind == "text":
            if not written_otherwise:
                spoken.append(token.value)
        elif token.value in ("sub", "phoneme", "say-as"):  # what is spoken differs from the text inside
            written_otherwise += 1 if token.kind == "open" else -1
        elif token.kind == "open" and "rate" in token.attributes:
            fastest *= max(1.0, rate_factor(token.attributes["rate"]))
    return least_seconds("".join(spoken), language) / fastest


def check_duration(pcm: Iterable[bytes], *, seconds: float, rate_hertz: int) -> Generator[bytes, None, None]:
    """Yields s16le samples unchanged. Raises TransientEngineError at the end if they cannot be the whole text.

    `seconds` is their minimum duration.
    """
    received_bytes, is_silent = 0, True
    for chunk in pcm:
        received_bytes += len(chunk)
        is_silent = is_silent and not chunk.strip(b"\0")
        yield chunk
    received_seconds = received_bytes / 2 / rate_hertz
    if received_seconds < seconds:
        raise TransientEngineError(
            f"The provider returned {received_seconds:.2f} s of audio; this text takes at least {seconds:.2f} s."
        )
    if received_bytes and is_silent and seconds:
        raise TransientEngineError("The provider returned silence.")


def _seconds_of_syllable(char: str) -> float:
    """Returns the minimum duration of a syllable's character, or 0 for any other."""
    code = ord(char)
    if 0x3041 <= code <= 0x30FF:
        return SECONDS_PER_KANA
    if 0x3400 <= code <= 0x9FFF or 0xAC00 <= code <= 0xD7A3 or 0x20000 <= code <= 0x323AF:
        return SECONDS_PER_SYLLABLE
    return 0.0

"""Reads a sentence whose parts are spoken in different ways, so that each word is read as in its sentence."""

from collections.abc import Callable
from typing import Final, NamedTuple

from speech.engines.kokoro.phonemes import known_symbols
from speech.engines.kokoro.voices import LANGUAGES
from speech.engines.kokoro.written_ipa import to_model_symbols

Read = Callable[[str, str], str]  # takes a text and a language's tag, returns phonemes
MARKS: Final = ";:,.!?…—“”()"


class Effect(NamedTuple):
    """How a phoneme is spoken: factors of normal speech, the rate with the request's speed in it."""

    rate: float
    pitch: float
    range: float
    volume: float


class Part(NamedTuple):
    """A part of a sentence. `ipa` replaces how the text is read."""

    text: str
    ipa: str
    letter: str  # of the language
    effect: Effect
    break_ms: int  # after it


def read_parts(parts: list[Part], read: Read) -> list[str]:
    """Returns the phonemes of each part: read together, so that each word is read as in its sentence."""
    found: list[str] = []
    while len(found) < len(parts):
        letter = parts[len(found)].letter
        group = []
        for part in parts[len(found) :]:
            if part.letter != letter:
                break
            group.append(part)
        found += _read_group(group, read)
    return found


def _read_group(group: list[Part], read_any: Read) -> list[str]:
    """Returns the phonemes of parts in one language."""
    tag = LANGUAGES[group[0].letter].tag

    def read(text: str) -> str:
        return known_symbols(read_any(text, tag))

    alone = [_alone(part, read) for part in group]
    if len(group) == 1:
        return alone
    words = read("".join(part.text for part in group)).split()
    counts = [sum(map(_has_letter, phonemes.split())) for phonemes in alone]
    if sum(counts) != sum(map(_has_letter, words)):
        return alone
    together, at = [], 0
    for part, phonemes, count in zip(group, alone, counts, strict=True):
        start, left = at, count
        while at < len(words) and (left or (at > start and not _has_letter(words[at]))):
            left -= _has_letter(words[at])
            at += 1
        read_so = " ".join(words[start:at])
        if part.ipa:
            read_so = phonemes.strip() + read_so[len(read_so.rstrip(MARKS)) :]
        together.append(f"{read_so} " if read_so else "")
    return [_edge(group[0].text[:1]) + together[0], *together[1:]]


def _alone(part: Part, read: Callable[[str], str]) -> str:
    """Returns the phonemes of a part, with the white space around it."""
    phonemes = known_symbols(to_model_symbols(part.ipa, part.letter)) if part.ipa else ""
    if not any(map(_has_letter, phonemes)):
        phonemes = read(part.text)
    return f"{_edge(part.text[:1])}{phonemes.strip()}{_edge(part.text[-1:])}"


def _edge(char: str) -> str:
    return " " if char.isspace() else ""


def _has_letter(word: str) -> bool:
    return any(char.isalpha() for char in word)

"""Shows operators how Kokoro reads a text, word by word, so that they can find the cause of a wrong pronunciation."""

from collections.abc import Iterator
from dataclasses import dataclass

from speech.engines.kokoro import chunks
from speech.engines.kokoro.g2p import Readers
from speech.engines.kokoro.phonemes import spoken_phonemes
from speech.engines.kokoro.reading import Reading, Spoken, join


@dataclass(frozen=True, slots=True)
class Word:
    """A word as written, `source[start:end]` in code points, and its phonemes in the model's spelling."""

    text: str
    phonemes: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Pronunciation:
    """How a text is read.

    `spoken` is the normalized text. `phonemes` includes the punctuation that the model renders as pauses.
    """

    text: str
    spoken: str
    phonemes: str
    words: list[Word]


def pronounce(readers: Readers, text: str, tag: str) -> Pronunciation:
    """Reads a text in the segments in which it is spoken. Raises EngineUnavailable, TransientEngineError."""
    at, spoken, phonemes, words = 0, "", [], list[Word]()
    for piece in chunks.split(text, tag):
        read = readers.read(piece.text, tag)
        spoken += read.said.text
        phonemes.append(spoken_phonemes(join(read.readings)))
        for word in _words(readers, read, piece.text, tag):
            words.append(Word(word.text, word.phonemes, word.start + at, word.end + at))
        at += len(piece.text)
    return Pronunciation(text, spoken, " ".join(filter(None, phonemes)), words)


def _words(readers: Readers, read: Spoken, source: str, tag: str) -> Iterator[Word]:
    """Yields the words in text order. Several spoken words for one span are one word, such as "five dollars" for $5."""
    waiting: Word | None = None
    for reading in _single_words(readers, read, tag):
        phonemes = spoken_phonemes(reading.phonemes).strip('.,;:!?…—"“”() ')
        start, end = read.said.source_span(reading.start, reading.end)
        if not phonemes:
            continue
        if waiting is not None and start < waiting.end:
            start, end, phonemes = waiting.start, max(end, waiting.end), f"{waiting.phonemes} {phonemes}"
        elif waiting is not None:
            yield waiting
        waiting = Word(source[start:end], phonemes, start, end)
    if waiting is not None:
        yield waiting


def _single_words(readers: Readers, read: Spoken, tag: str) -> Iterator[Reading]:
    """Yields the readings, with eSpeak's clauses of several words split into single words where possible."""
    for reading in read.readings:
        clause = read.said.text[reading.start : reading.end]
        written, said = clause.split(), reading.phonemes.split()
        if not written:
            continue
        if len(written) == 1:
            start = reading.start + clause.index(written[0])
            yield Reading(reading.phonemes, start, start + len(written[0]))
            continue
        counts = [1] * len(written)
        if len(written) != len(said):
            counts = [len(join(readers.read(word, tag).readings).split()) for word in written]
        if sum(counts) != len(said):  # eSpeak joins some words, such as "de la"
            yield reading
            continue
        end = used = 0
        for word, count in zip(written, counts, strict=True):
            start = clause.index(word, end)
            end = start + len(word)
            yield Reading(" ".join(said[used : used + count]), reading.start + start, reading.start + end)
            used += count

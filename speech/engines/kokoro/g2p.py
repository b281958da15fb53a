"""Converts text to phonemes, by language, without downloads at run time.

English: misaki's dictionaries, and eSpeak for words missing from them. Japanese: OpenJTalk with the dictionary in its
wheel. Chinese: misaki's own. The others: eSpeak, in its own program. eSpeak does not work for Japanese and Chinese: it
reads their characters by name.

Words in another script are read as a language that uses it: Cyrillic is read as Russian in any text, for example.
"""

import importlib.util
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from speech.engines.base import EngineUnavailable
from speech.engines.espeak.phonemes import PhonemeReader
from speech.engines.kokoro import cjk, english, tagger
from speech.engines.kokoro.espeak_ipa import nearest_of_model, of_model
from speech.engines.kokoro.fair_lock import FairLock
from speech.engines.kokoro.reading import Reading, Spoken, join, shift
from speech.engines.kokoro.scripts import (
    HAN,
    KANA,
    LATIN,
    Run,
    espeak_language,
    fold,
    letter_names,
    split_scripts,
)  # fmt: skip
from speech.engines.kokoro.voices import LANGUAGE_OF_TAG, LANGUAGES
from speech.text.normalize import normalize

Reader = Callable[[str], list[Reading]]

# The packages that each language needs, by import name.
ENGLISH_PACKAGES: Final = ("misaki", "spacy", "num2words")
PACKAGES: Final = {
    "a": ENGLISH_PACKAGES,
    "b": ENGLISH_PACKAGES,
    "j": ("misaki", "pyopenjtalk"),
    "z": ("misaki", "jieba", "pypinyin", "cn2an"),
}
DICTIONARY_LETTERS: Final = "jz"  # hundreds of megabytes of dictionaries, so optional

OWN_SCRIPTS: Final = {"h": ("DEVANAGARI", LATIN)}  # of the languages that eSpeak reads; the others: Latin
READERS_OF_SCRIPTS: Final = {LATIN: "a", HAN: "z", KANA: "j"}

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
        self._readers: dict[str, Reader] = {}
        self._tagger_state = tagger.state()
        self._turns = FairLock()

    def phonemes(self, text: str, tag: str) -> str:
        """Returns phonemes and the punctuation between them, including symbols that the model does not support.

        Raises EngineUnavailable, TransientEngineError.
        """
        return join(self.read(text, tag).readings)

    def read(self, text: str, tag: str) -> Spoken:
        """Returns the phonemes with the spoken form of the text and source spans.

        Spans are of words in English, Japanese and Chinese, else of clauses.

        Raises EngineUnavailable, TransientEngineError.
        """
        spoken = normalize(text, tag)
        if not text.strip():
            return Spoken(spoken, [])
        letter = LANGUAGE_OF_TAG[tag]
        if reason := missing_for(tag):
            raise EngineUnavailable(f"{reason}.")
        with self._turns.mine():  # the dictionaries are stateful while reading
            if self._tagger_state != (state := tagger.state()):  # installed or changed since the last text
                self._tagger_state = state
                for english_letter in "ab":
                    self._readers.pop(english_letter, None)
            return Spoken(spoken, self._reader(letter)(fold(spoken.text)))

    def close(self) -> None:
        self._espeak.close()

    def _reader(self, letter: str) -> Reader:
        if letter not in self._readers:
            self._readers[letter] = self._make(letter)
        return self._readers[letter]

    def _make(self, letter: str) -> Reader:
        match letter:
            case "a" | "b":
                return self._english(letter)
            case "j":
                read = cjk.make_japanese_reader()
                return self._by_script(
                    read, (HAN, KANA), is_readable=lambda word: not cjk.is_spelled(word, join(read(word)))
                )
            case "z":
                return self._by_script(cjk.make_chinese_reader(), (HAN,))
        return lambda text: list(
            _with_marks(text, self._by_script(self._espeak_clauses(letter), OWN_SCRIPTS.get(letter, (LATIN,))))
        )

    def _english(self, letter: str) -> Reader:
        is_british = letter == "b"

        def read_unknown(word: str) -> str:
            """Returns the phonemes of a word that is not in the dictionaries."""
            return " ".join(
                join(self._foreign(word[run.start : run.end], run.script)).strip()
                if run.script
                else self._espeak_english(word[run.start : run.end], is_british=is_british)
                for run in split_scripts(word, (LATIN,))
            )

        return english.make_reader(read_unknown, is_british=is_british)

    def _espeak_english(self, text: str, *, is_british: bool) -> str:
        identifier = LANGUAGES["b" if is_british else "a"].espeak
        return english.as_dictionary(self._espeak.read(text, identifier=identifier), is_british=is_british)

    def _espeak_clauses(self, letter: str) -> Reader:
        identifier = LANGUAGES[letter].espeak
        return lambda text: [Reading(of_model(self._espeak.read(text, identifier=identifier)), 0, len(text))]

    def _by_script(
        self, read_own: Reader, own: tuple[str, ...], *, is_readable: Callable[[str], bool] = lambda word: False
    ) -> Reader:
        """Builds a reader that reads runs in another script than `own` as a language that uses that script.

        `is_readable` returns whether `read_own` knows a Latin word, even though its language uses another script.
        """

        def read(text: str) -> list[Reading]:
            readings: list[Reading] = []
            for run in _joined(text, split_scripts(text, own), is_readable):
                part = text[run.start : run.end]
                if not run.script:
                    readings += shift(read_own(part), run.start) if part.strip() else ()
                    continue
                if _needs_space(text[: run.start][-1:]) and readings and not readings[-1].phonemes.endswith(" "):
                    readings.append(Reading(" ", run.start, run.start))
                readings += shift(self._foreign(part, run.script), run.start)
                if _needs_space(text[run.end : run.end + 1]):
                    readings.append(Reading(" ", run.end, run.end))
            return readings

        return read

    def _foreign(self, text: str, script: str) -> list[Reading]:
        """Reads a run of letters in a script that the text's language does not use."""
        reader = READERS_OF_SCRIPTS.get(script)
        if reader and not missing_for(LANGUAGES[reader].tag):
            return self._reader(reader)(text)
        identifier = espeak_language(text, script)
        if not identifier:
            return [Reading(self._espeak_english(letter_names(text), is_british=False), 0, len(text))]
        return list(
            _with_marks(
                text,
                lambda part: [Reading(nearest_of_model(self._espeak.read(part, identifier=identifier)), 0, len(part))],
            )
        )


def _joined(text: str, runs: Iterable[Run], is_readable: Callable[[str], bool]) -> Iterator[Run]:
    """Yields the runs, and merges runs that the language's own reader can read into its own."""
    own_start = own_end = 0
    for run in runs:
        if run.script and not (run.script == LATIN and is_readable(text[run.start : run.end])):
            if own_start < own_end:
                yield Run("", own_start, own_end)
            yield run
            own_start = own_end = run.end
        else:
            own_end = run.end
    if own_start < own_end:
        yield Run("", own_start, own_end)


def _needs_space(neighbour: str) -> bool:
    return neighbour.isalnum() or neighbour.isspace()


def _with_marks(text: str, read: Reader) -> Iterator[Reading]:
    """Yields clauses from the reader, with the marks and the white space between them."""
    at = 0
    for number, part in enumerate(_MARKS.split(text)):  # text, mark, text, mark, …
        end = at + len(part)
        if number % 2:
            yield Reading(part, at, end)
        elif part:
            if part[0].isspace():
                yield Reading(" ", at, at)
            if part.strip():
                yield from shift(read(part), at)
                if part[-1].isspace():
                    yield Reading(" ", end, end)
        at = end

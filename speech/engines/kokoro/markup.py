"""Plans what the model says for SSML: runs with a factor for each phoneme, and the silences between them.

A sentence is one run of the model, whatever is said louder, slower or higher in it: the network itself changes length
and pitch (`network`). A run ends where a sentence or a paragraph does, at another voice, and at a rate that the model
does not reach. A `break` inside a sentence is spoken as a comma, whose silence is then set (`sound`).

| element | result |
|---|---|
| `break` | exact; inside a sentence the voice pauses as at a comma |
| `p` `s` | the pauses of a paragraph and a sentence |
| `prosody` | `rate` and `pitch` exact; `range` around the mean; `volume` as a gain, limited below full scale |
| `emphasis` | slower, higher and louder; reduced is the opposite; none has no effect |
| `say-as` | see `speech.ssml.say_as` |
| `phoneme` | IPA and X-SAMPA, as far as the model has the sounds |
| `voice` | another voice of the language, by `name` or `gender`; a name that does not exist has no effect |
| `xml:lang` | the same voice reads by the rules of the other language; one that Kokoro lacks has no effect |
| `sub` `mark` | the alias is read; nothing is said |
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from speech.engines.kokoro.parts import MARKS, Effect, Part, Read, read_parts
from speech.engines.kokoro.pauses import LINE_MS, PARAGRAPH_MS, PHRASE_MS, SENTENCE_MS, pause_ms
from speech.engines.kokoro.phonemes import PAUSES
from speech.engines.kokoro.voices import FAMILY, LANGUAGE_OF_TAG, LANGUAGES, PROVIDER, engine_voices, get_rank
from speech.sentences import split_text
from speech.ssml import SPELLED, Edge, Pause, Span, Style, get_words, read_spans

MAX_RUN_PHONEMES: Final = 300  # of a run: so that its sound starts soon
OWN_RATES: Final = (0.5, 2.0)  # what the model generates itself; beyond, its audio is stretched
OWN_PITCHES: Final = (0.5, 2.0)
BREAK_MARK: Final = ","
SPELLED_IPA: Final = {"a": {"A": "ˈeɪ"}, "b": {"A": "ˈeɪ", "Z": "zˈɛd"}}  # where a letter alone is read as a word


EMPHASIS: Final = {
    "none": Effect(1.0, 1.0, 1.0, 1.0),
    "reduced": Effect(1.1, 0.97, 0.8, 0.75),
    "moderate": Effect(0.87, 1.06, 1.15, 1.15),
    "strong": Effect(0.75, 1.12, 1.3, 1.35),
}


class Silence(NamedTuple):
    """At normal speed."""

    milliseconds: int


@dataclass(frozen=True, slots=True)
class Run:
    """What the model says in one go: phonemes, and the effect on each of them."""

    engine_voice: str
    phonemes: str
    effects: list[Effect]
    breaks: list[tuple[int, int]]  # after this phoneme, so many milliseconds
    after_ms: int
    tempo: float  # of the stretch after it


def plan(
    ssml: str, engine_voice: str, *, speed: float, read: Read, has_language: Callable[[str], bool]
) -> Iterator[Run | Silence]:
    """Yields runs and silences in order. Raises SsmlError.

    `has_language` says which languages can be read here. The effects have the `speed`, as far as the model reaches it.
    """
    last: Run | None = None
    is_broken = False  # whether the pause after it is a break
    for item in _plan(ssml, _Planner(engine_voice, speed, read, has_language)):
        match item:
            case Run():
                if last:
                    yield last
                last, is_broken = item, False
            case Silence() if last:
                earlier_ms = last.after_ms if is_broken else 0
                last, is_broken = replace(last, after_ms=earlier_ms + item.milliseconds), True
            case Silence():
                yield item
            case int() if last and not is_broken:
                last = replace(last, after_ms=max(item, last.after_ms))
    if last:
        yield last


def _plan(ssml: str, planner: "_Planner") -> Iterator["Run | Silence | int"]:
    """Yields runs, breaks, and the pause in milliseconds where an element ends."""
    for item in read_spans(ssml):
        yield from planner.take(item)
    yield from planner.end_run(pause_ms(planner.text))


class _Planner:
    def __init__(self, engine_voice: str, speed: float, read: Read, has_language: Callable[[str], bool]) -> None:
        self._own_voice, self._speed, self._read, self._has_language = engine_voice, speed, read, has_language
        self._voice, self._tempo = engine_voice, 1.0
        self._parts: list[Part] = []
        self._waiting_ms = 0  # of breaks without words before them
        self.text = ""  # of the parts

    def take(self, item: Span | Pause | Edge) -> Iterator[Run | Silence | int]:
        match item:
            case Span():
                yield from self._say(item)
            case Pause() if self.text.strip():
                self._parts[-1] = self._parts[-1]._replace(break_ms=self._parts[-1].break_ms + item.milliseconds)
            case Pause():
                self._waiting_ms += item.milliseconds
            case Edge():
                pause = PARAGRAPH_MS if item.element == "p" and item.is_end else SENTENCE_MS
                yield from self.end_run(pause)
                if item.is_end:
                    yield pause

    def _say(self, span: Span) -> Iterator[Run | Silence]:
        letter = self._letter(span.style)
        voice = self._find_voice(span.style)
        effect, tempo = self._effect(span.style)
        if not span.text.strip() and not span.ipa:
            if self._parts and not self._parts[-1].break_ms:
                self._add(Part(span.text, "", letter, effect, 0))
            return
        if (voice, tempo) != (self._voice, self._tempo):
            yield from self.end_run(PHRASE_MS)
        if self._parts and self._parts[-1].break_ms and self._has_ended(letter):
            yield from self.end_run(0)
        if self._waiting_ms:
            yield Silence(self._waiting_ms)
            self._waiting_ms = 0
        self._voice, self._tempo = voice, tempo
        for text, ipa in _parts(span, letter):
            self._add(Part(text, ipa, letter, effect, 0))

    def _add(self, part: Part) -> None:
        self._parts.append(part)
        self.text += part.text or part.ipa

    def _has_ended(self, letter: str) -> bool:
        ending = f"{self.text.rstrip()[-100:]} next"  # in lower case: so an abbreviation does not end a sentence
        return [*split_text(ending, LANGUAGES[letter].tag)][-1] == "next"

    def end_run(self, after_ms: int) -> Iterator[Run | Silence]:
        """Yields the run so far, and the break at its end."""
        break_ms = self._waiting_ms + (self._parts[-1].break_ms if self._parts else 0)
        if self._parts:
            self._parts[-1] = self._parts[-1]._replace(break_ms=0)
        yield from self._runs(break_ms or after_ms)
        if break_ms:
            yield Silence(break_ms)
        self._parts, self._waiting_ms, self.text = [], 0, ""

    def _runs(self, after_ms: int) -> Iterator[Run]:
        symbols: list[tuple[str, Effect]] = []
        breaks: list[tuple[int, int]] = []
        for part, phonemes in zip(self._parts, read_parts(self._parts, self._read), strict=True):
            if not symbols or symbols[-1][0] == " ":
                phonemes = phonemes.lstrip()
            symbols += ((symbol, part.effect) for symbol in phonemes)
            if part.break_ms and any(symbol.isalpha() for symbol, _ in symbols):
                _end_with_mark(symbols)
                breaks.append((len(symbols) - 2, part.break_ms))
        while symbols and symbols[-1][0] == " ":
            symbols.pop()
        if not any(symbol.isalpha() for symbol, _ in symbols):
            return
        if symbols[-1][0] not in MARKS and after_ms >= LINE_MS:
            symbols.append((".", symbols[-1][1]))  # so that the voice falls
        start, text = 0, "".join(symbol for symbol, _ in symbols)
        while start < len(text):
            start += len(text[start:]) - len(text[start:].lstrip())
            end = _run_end(text, start)
            said = symbols[start : start + len(text[start:end].rstrip())]
            yield Run(
                self._voice,
                "".join(symbol for symbol, _ in said),
                [effect for _, effect in said],
                [(at - start, ms) for at, ms in breaks if start <= at < end],
                next(
                    (ms for at, ms in breaks if at == end - 1), after_ms if end == len(text) else pause_ms(text[:end])
                ),
                self._tempo,
            )
            start = end

    def _letter(self, style: Style) -> str:
        """Returns the model's letter for the language."""
        own = self._own_voice[0]
        return next((letter for letter in _letters(style.language) if self._has_language(LANGUAGES[letter].tag)), own)

    def _find_voice(self, style: Style) -> str:
        named = _named_voice(style.name, self._own_voice[0])
        if named or style.gender not in ("female", "male") or self._own_voice[1] == style.gender[0]:
            return named or self._own_voice
        return best_voice(self._own_voice[0], style.gender[0]) or self._own_voice

    def _effect(self, style: Style) -> tuple[Effect, float]:
        """Returns the effect, and the tempo of the stretch for what the model does not reach."""
        wanted = self._speed * style.rate
        rate = min(max(wanted, OWN_RATES[0]), OWN_RATES[1])
        more = EMPHASIS[style.emphasis]
        effect = Effect(
            rate * more.rate, style.pitch * more.pitch, style.range * more.range, style.volume * more.volume
        )
        return effect, wanted / rate


def best_voice(letter: str, gender: str) -> str:
    """Returns the voice of a language with the best grade, or "" if it has none of this gender (`f`, `m`)."""
    voices = [voice for voice in engine_voices() if voice.startswith(letter + gender)]
    return min(voices, key=get_rank, default="")


def _named_voice(name: str, letter: str) -> str:
    """Returns a voice of the language by its name: "Heart", "af_heart" or "kokoro:en-US-Kokoro-Heart"."""
    wanted, prefix = name.lower(), f"{PROVIDER}:{LANGUAGES[letter].tag}-{FAMILY}-".lower()
    voices = [voice for voice in engine_voices() if voice[0] == letter]
    return next((voice for voice in voices if wanted in (voice, voice[3:], f"{prefix}{voice[3:]}")), "")


def _letters(language: str) -> Iterator[str]:
    """Yields the letters for a BCP 47 tag, the exact language first."""
    tags = {tag.lower(): letter for tag, letter in LANGUAGE_OF_TAG.items()}
    if language.lower() in tags:
        yield tags[language.lower()]
    primary = language.lower().partition("-")[0]
    yield from (letter for tag, letter in tags.items() if primary and tag.partition("-")[0] == primary)


def _parts(span: Span, letter: str) -> Iterator[tuple[str, str]]:
    """Yields what is read, each with its IPA or ""."""
    if not span.interpret_as:
        yield span.text, span.ipa
        return
    words = get_words(span.text, span.interpret_as, date_format=span.format, language=LANGUAGES[letter].tag)
    names = SPELLED_IPA.get(letter, {}) if span.interpret_as in SPELLED else {}
    for number, word in enumerate(words):
        yield word if number == len(words) - 1 else f"{word} ", names.get(word, "")


def _end_with_mark(symbols: list[tuple[str, Effect]]) -> None:
    """Ends the phonemes with punctuation and a space."""
    while symbols[-1][0] == " ":
        symbols.pop()
    effect = symbols[-1][1]
    if symbols[-1][0] not in MARKS:
        symbols.append((BREAK_MARK, effect))
    symbols.append((" ", effect))


def _run_end(text: str, start: int) -> int:
    """Returns where a run that starts here ends: after a sentence, a clause or a word if there is more than fits."""
    if len(text) - start <= MAX_RUN_PHONEMES:
        return len(text)
    limit = start + MAX_RUN_PHONEMES
    return next(
        (at + 1 for marks in PAUSES if (at := max(text.rfind(mark, start + 1, limit) for mark in marks)) > start), limit
    )

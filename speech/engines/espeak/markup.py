"""Renders validated SSML from `speech.ssml` as markup for eSpeak NG.

eSpeak's own SSML reads files that a text names, overruns its stacks, and drops breaks, so it only gets what it handles
well. Measured with 1.52, with the voices of the table:

| element | result |
|---|---|
| `p` `s` | end with a pause of 0.75 s and 0.3 s. `xml:lang`: as with `voice` |
| `break` | accurate to 3 % between words. eSpeak drops breaks with no words before them; we insert silence instead |
| `prosody rate` | multiplies with the request's speed: 60 % to 400 % accurate to 8 %; below 50 % stays at 50 % |
| `prosody pitch` | accurate to 5 % within the voice's limits (`Speaker.lowest`, `highest`), then stays there |
| `prosody range` | approximate: from monotonous to lively |
| `prosody volume` | accurate in decibels up to +3.5 dB, and no louder, because it would clip |
| `emphasis` | strong and moderate are slower and higher, strong is 1.6 dB louder, reduced is softer |
| `say-as` | characters, spell-out, verbatim spell; digits, telephone say each digit; others: `speech.ssml.say_as` |
| `sub` | the alias is read |
| `phoneme` | eSpeak supports neither IPA nor X-SAMPA: the text inside is read |
| `voice` `lang` | `xml:lang`, `gender` and `name` choose from our own table; anything not in it has no effect |
| `mark` | says nothing |

Every span of text gets tags of its own (`speech.ssml.spans`). After the end of a sentence eSpeak misses the next tag: a
`prosody` that closes there would go on, one that opens there would not begin. So an utterance ends there.

Emphasis is written as prosody: the library crashes on some texts inside its own (`c]Ė[ī` in Spanish).

Attributes of `speak` are ignored. A higher `speed` shortens pauses in proportion.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape

from speech.engines.espeak.pace import NORMAL_RATE_WPM
from speech.engines.espeak.text import plain_text
from speech.engines.espeak.voices import Spoken, find_spoken
from speech.sentences import split_text
from speech.ssml import SPELLED, Edge, Pause, Span, Style, get_words, read_spans, start_tag

NORMAL_VOLUME, MAX_VOLUME = 100, 150  # on eSpeak's scale; 150 is +3.5 dB
NORMAL_PITCH, MAX_PITCH = 50, 100
ENDING_CHARS = 100  # enough to decide whether a sentence ends
SENTENCE_ENDS = frozenset(".!?…。！？।")
WRITTEN_OUT = frozenset({"ordinal", "fraction", "date"})
INTERPRETATIONS = dict.fromkeys(SPELLED, "characters") | {"digits": "tts:digits", "telephone": "telephone"}


EMPHASIS = {  # factors of the rate, the pitch and the volume
    "none": (1.0, 1.0, 1.0),
    "reduced": (1.0, 0.97, 0.75),
    "moderate": (0.93, 1.04, 1.0),
    "strong": (0.85, 1.08, 1.2),
}


@dataclass(frozen=True, slots=True)
class Utterance:
    """Markup for eSpeak, spoken with one voice."""

    engine_voice: str
    markup: str


@dataclass(frozen=True, slots=True)
class Silence:
    """A pause between utterances, at normal speed."""

    milliseconds: int


def render(ssml: str, engine_voice: str, *, rate_wpm: int) -> Iterator[Utterance | Silence]:
    """Yields utterances and silences in order. `rate_wpm` is the rate outside any prosody. Raises SsmlError."""
    renderer = _Renderer(find_spoken(engine_voice), rate_wpm)
    for item in read_spans(ssml):
        yield from renderer.take(item)
    yield from renderer.end_utterance(is_end=True)


class _Renderer:
    def __init__(self, spoken: Spoken, rate_wpm: int) -> None:
        self._rate_wpm = rate_wpm
        self._own = self._spoken = spoken
        self._tags: list[str] = []  # of the last words
        self._parts: list[str] = []
        self._has_words = False
        self._ending = ""  # of the words so far
        self._pause_ms = 0

    def take(self, item: Span | Pause | Edge) -> Iterator[Utterance | Silence]:
        match item:
            case Span() if item.text.strip():
                yield from self._say(item)
            case Span():
                self._parts.append(escape(plain_text(item.text), quote=False))
            case Pause():
                self._pause_ms += item.milliseconds
            case Edge() if item.is_end:
                self._parts.append(f"</{item.element}>")  # without a start tag, which would add a pause too

    def _say(self, span: Span) -> Iterator[Utterance | Silence]:
        style = span.style
        spoken = self._own.changed(language=style.language, gender=style.gender, name=style.name)
        if spoken != self._spoken:
            yield from self.end_utterance()
            self._spoken = spoken
        tags = self._tags_for(span)
        if tags != self._tags and self._has_ended():
            yield from self.end_utterance()
        self._tags = tags
        if self._pause_ms:
            if self._has_words:
                # Inside a sentence eSpeak's break keeps the intonation. It ignores the rate, so it is scaled here.
                pause_ms = round(self._pause_ms * NORMAL_RATE_WPM / self._rate_wpm)
                self._parts.append(f'<break time="{pause_ms}ms"/>')
                self._pause_ms = 0
            else:
                yield from self.end_utterance()
        text = span.text
        if span.interpret_as in WRITTEN_OUT:
            language = spoken.language.tag
            text = " ".join(get_words(text, span.interpret_as, date_format=span.format, language=language))
        said = escape(plain_text(text), quote=False)
        self._parts += [*tags, said, *(f"</{tag[1:].partition(' ')[0]}>" for tag in reversed(tags))]
        self._has_words, self._ending = True, text.rstrip()[-ENDING_CHARS:]

    def _tags_for(self, span: Span) -> list[str]:
        """Returns eSpeak's own start tags around a span. Plain numbers are on its own scale."""
        style = _with_emphasis(span.style)
        prosody = {
            "rate": f"{round(100 * style.rate)}%" if style.rate != 1 else "",
            "pitch": str(self._pitch_number(style.pitch)) if style.pitch != 1 else "",
            "range": str(min(round(NORMAL_PITCH * style.range), MAX_PITCH)) if style.range != 1 else "",
            "volume": str(min(round(NORMAL_VOLUME * style.volume), MAX_VOLUME)) if style.volume != 1 else "",
        }
        tags = []
        if given := {key: value for key, value in prosody.items() if value}:
            tags.append(start_tag("prosody", given))
        if span.interpret_as in INTERPRETATIONS:
            tags.append(start_tag("say-as", {"interpret-as": INTERPRETATIONS[span.interpret_as]}))
        return tags

    def _pitch_number(self, factor: float) -> int:
        """Returns the pitch on eSpeak's scale of 0 to 100: linear in octaves on either side of 50 (measured)."""
        speaker = self._spoken.speaker
        limit = speaker.highest if factor > 1 else speaker.lowest
        share = min(math.log(factor) / math.log(limit), 1.0)
        return round(NORMAL_PITCH + (MAX_PITCH - NORMAL_PITCH) * (share if factor > 1 else -share))

    def _has_ended(self) -> bool:
        """Whether the last sentence has ended: "Dr." has not."""
        ending = f"{self._ending} next"  # in lower case, which can follow both an abbreviation and a sentence
        return self._has_words and [*split_text(ending, self._spoken.language.tag)][-1] == "next"

    def end_utterance(self, *, is_end: bool = False) -> Iterator[Utterance | Silence]:
        """Yields the collected markup, and the pause after it. At the end the last sentence also gets its pause."""
        if self._has_words or "</p>" in self._parts or "</s>" in self._parts:
            # eSpeak's pause after a sentence, which the end of its input alone does not add.
            is_sentence = not self._pause_ms and (is_end or self._ending[-1:] in SENTENCE_ENDS)
            yield Utterance(self._spoken.engine_voice, "".join(self._parts) + ("</speak>" if is_sentence else ""))
            self._parts, self._has_words = [], False
        if self._pause_ms:
            yield Silence(self._pause_ms)
            self._pause_ms = 0


def _with_emphasis(style: Style) -> Style:
    rate, pitch, volume = EMPHASIS[style.emphasis]
    return replace(style, rate=style.rate * rate, pitch=style.pitch * pitch, volume=style.volume * volume)

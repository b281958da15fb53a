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
| `emphasis` | strong and moderate are slower, strong is 1.6 dB louder, reduced is softer; none has no effect |
| `say-as` | characters, spell-out, verbatim spell; digits, telephone say each digit; others are read unchanged |
| `sub` | the alias is read |
| `phoneme` | eSpeak supports neither IPA nor X-SAMPA: the text inside is read |
| `voice` `lang` | `xml:lang`, `gender` and `name` choose from our own table; anything not in it has no effect |
| `mark` | says nothing |

After the end of a sentence eSpeak misses the next tag: a `prosody` that closes there would go on, one that opens there
would not begin. So an utterance ends there.

Attributes of `speak` are ignored. A higher `speed` shortens pauses in proportion.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from html import escape

from speech.engines.espeak.pace import NORMAL_RATE_WPM
from speech.engines.espeak.text import plain_text
from speech.engines.espeak.voices import Spoken, find_spoken
from speech.sentences import split_text
from speech.ssml import (
    SPELLED,
    Token,
    break_ms,
    pitch_factor,
    range_factor,
    rate_factor,
    read_ssml,
    start_tag,
    volume_factor,
)

NORMAL_VOLUME, MAX_VOLUME = 100, 150  # on eSpeak's scale; 150 is +3.5 dB
NORMAL_PITCH, MAX_PITCH = 50, 100
ENDING_CHARS = 100  # enough to decide whether a sentence ends
SENTENCE_ENDS = frozenset(".!?…。！？।")
VOICE_CHANGING = frozenset({"voice", "lang", "p", "s"})
INTERPRETATIONS = dict.fromkeys(SPELLED, "characters") | {"digits": "tts:digits", "telephone": "telephone"}


@dataclass(frozen=True, slots=True)
class Utterance:
    """Markup for eSpeak, spoken with one voice."""

    engine_voice: str
    markup: str


@dataclass(frozen=True, slots=True)
class Silence:
    """A pause between utterances, at normal speed."""

    milliseconds: int


@dataclass(frozen=True, slots=True)
class _Prosody:
    """The prosody factors in effect at a place in the text."""

    rate: float = 1.0
    pitch: float = 1.0
    range: float = 1.0
    volume: float = 1.0


def render(ssml: str, engine_voice: str, *, rate_wpm: int) -> Iterator[Utterance | Silence]:
    """Yields utterances and silences in order. `rate_wpm` is the rate outside any prosody. Raises SsmlError."""
    renderer = _Renderer(find_spoken(engine_voice), rate_wpm)
    for token in read_ssml(ssml):
        yield from renderer.take(token)
    yield from renderer.end_utterance(is_end=True)


class _Renderer:
    def __init__(self, spoken: Spoken, rate_wpm: int) -> None:
        self._rate_wpm = rate_wpm
        self._voices = [spoken]
        self._prosody = [_Prosody()]
        self._frames: list[tuple[str, str]] = []  # eSpeak's own open elements: start tag and end tag
        self._closings: list[tuple[str, bool]] = []  # per open element: its end tag, and whether it changed the voice
        self._parts: list[str] = []
        self._has_words = False
        self._ending = ""  # of the words so far
        self._pause_ms = 0
        self._is_replaced = False  # inside a sub

    def take(self, token: Token) -> Iterator[Utterance | Silence]:
        if token.kind == "text":
            if not self._is_replaced:
                yield from self._say(token.value)
        elif token.kind == "open":
            yield from self._open(token.value, token.attributes)
        else:
            yield from self._close(token.value)

    def _open(self, name: str, attributes: Mapping[str, str]) -> Iterator[Utterance | Silence]:
        frame: tuple[str, str] | None = None
        changed_voice = False
        if name == "break":
            self._pause_ms += break_ms(attributes)
        elif name == "sub":
            yield from self._say(attributes["alias"])
            self._is_replaced = True
        elif name == "prosody":
            frame = self._open_prosody(attributes), "</prosody>"
        elif name == "emphasis":
            frame = start_tag("emphasis", {"level": attributes.get("level", "moderate")}), "</emphasis>"
        elif name == "say-as" and attributes["interpret-as"] in INTERPRETATIONS:
            tag = start_tag("say-as", {"interpret-as": INTERPRETATIONS[attributes["interpret-as"]]})
            frame = tag, "</say-as>"
        elif name in VOICE_CHANGING:
            spoken = self._voices[-1].changed(
                language=attributes.get("xml:lang", ""),
                gender=attributes.get("gender", ""),
                name=attributes.get("name", ""),
            )
            changed_voice = spoken != self._voices[-1]
            if changed_voice:
                yield from self.end_utterance()
            self._voices.append(spoken)
        if frame is not None:
            yield from self._end_sentence()
            self._frames.append(frame)
            self._parts.append(frame[0])
        self._closings.append((frame[1] if frame else "", changed_voice))

    def _close(self, name: str) -> Iterator[Utterance | Silence]:
        end_tag, changed_voice = self._closings.pop()
        if end_tag:
            yield from self._end_sentence()
            self._frames.pop()
            self._parts.append(end_tag)
        if name == "prosody":
            self._prosody.pop()
        elif name == "sub":
            self._is_replaced = False
        elif name in ("p", "s"):
            self._parts.append(f"</{name}>")  # without a start tag, which would add a pause too
        if name in VOICE_CHANGING:
            if changed_voice:
                yield from self.end_utterance()
            self._voices.pop()

    def _open_prosody(self, attributes: Mapping[str, str]) -> str:
        outer = self._prosody[-1]
        inner = replace(
            outer,
            rate=outer.rate * rate_factor(attributes.get("rate", "default")),
            pitch=outer.pitch * pitch_factor(attributes.get("pitch", "default")),
            range=outer.range * range_factor(attributes.get("range", "default")),
            volume=outer.volume * volume_factor(attributes.get("volume", "default")),
        )
        self._prosody.append(inner)
        # Plain numbers are eSpeak's own scale, and absolute; a rate is always relative to the enclosing one.
        written = {
            "rate": f"{round(100 * inner.rate / outer.rate)}%",
            "pitch": str(self._pitch_number(inner.pitch)),
            "range": str(min(round(NORMAL_PITCH * inner.range), MAX_PITCH)),
            "volume": str(min(round(NORMAL_VOLUME * inner.volume), MAX_VOLUME)),
        }
        return start_tag("prosody", {key: written[key] for key in attributes if key in written})

    def _pitch_number(self, factor: float) -> int:
        """Returns the pitch on eSpeak's scale of 0 to 100: linear in octaves on either side of 50 (measured)."""
        speaker = self._voices[-1].speaker
        limit = speaker.highest if factor > 1 else speaker.lowest
        share = min(math.log(factor) / math.log(limit), 1.0)
        return round(NORMAL_PITCH + (MAX_PITCH - NORMAL_PITCH) * (share if factor > 1 else -share))

    def _say(self, text: str) -> Iterator[Utterance | Silence]:
        if text.strip() and self._pause_ms:
            if self._has_words:
                # Inside a sentence eSpeak's break keeps the intonation. It ignores the rate, so it is scaled here.
                pause_ms = round(self._pause_ms * NORMAL_RATE_WPM / self._rate_wpm)
                self._parts.append(f'<break time="{pause_ms}ms"/>')
                self._pause_ms = 0
            else:
                yield from self.end_utterance()
        self._parts.append(escape(plain_text(text), quote=False))
        if text.strip():
            self._has_words, self._ending = True, text.rstrip()[-ENDING_CHARS:]

    def _end_sentence(self) -> Iterator[Utterance | Silence]:
        """Ends the utterance if its last sentence has ended: "Dr." has not."""
        ending = f"{self._ending} next"  # in lower case, which can follow both an abbreviation and a sentence
        if self._has_words and [*split_text(ending, self._voices[-1].language.tag)][-1] == "next":
            yield from self.end_utterance()

    def end_utterance(self, *, is_end: bool = False) -> Iterator[Utterance | Silence]:
        """Yields the collected markup, and the pause after it. At the end the last sentence also gets its pause."""
        if self._has_words or "</p>" in self._parts or "</s>" in self._parts:
            closing = "".join(end_tag for _, end_tag in reversed(self._frames))
            if not self._pause_ms and (is_end or self._ending[-1:] in SENTENCE_ENDS):
                closing += "</speak>"  # eSpeak's pause after a sentence, which the end of its input alone does not add
            markup = "".join(self._parts) + closing
            yield Utterance(self._voices[-1].engine_voice, markup)
            self._parts = [start for start, _ in self._frames]
            self._has_words = False
        if self._pause_ms:
            yield Silence(self._pause_ms)
            self._pause_ms = 0

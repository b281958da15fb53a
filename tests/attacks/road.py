"""Lists all functions that process a caller's text on its way from the request to the engine.

Functions that are not tested here are in ELSEWHERE, with the reason. `unlisted` finds those that are in neither table.
"""

import importlib
import inspect
import json
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from itertools import islice
from typing import Any

import tts
from accounts.services.idempotency import build_fingerprint
from config.api import canonical_json, parse_json_object
from portal.code_samples import code_samples
from portal.forms import SpeechForm
from speech.audio.formats import Encoding
from speech.audio_bound import Extent, count_spoken_words, measure_extent
from speech.dialogue import read_dialogue
from speech.engines.base import Segment
from speech.engines.espeak.engine import EspeakEngine
from speech.engines.espeak.markup import render
from speech.engines.espeak.phonemes import PhonemeReader
from speech.engines.espeak.text import mark_what_follows, pauses_after, plain_text
from speech.engines.google.engine import GoogleEngine
from speech.engines.google.messages import stream_requests, unary_request
from speech.engines.google.voices import GEMINI
from speech.engines.kokoro import chunks
from speech.engines.kokoro.engine import KokoroEngine
from speech.engines.kokoro.g2p import Readers
from speech.engines.kokoro.markup import plan
from speech.engines.kokoro.pauses import count_marks, pause_ms
from speech.engines.kokoro.phonemes import known_symbols, numbers, runs, spoken_phonemes
from speech.engines.kokoro.scripts import espeak_language, fold, letter_names, split_scripts
from speech.engines.kokoro.words import pronounce
from speech.engines.kokoro.written_ipa import to_model_symbols
from speech.engines.polly.engine import PollyEngine
from speech.engines.polly.markup import for_polly
from speech.engines.polly.voices import FAMILIES
from speech.engines.remote.duration_check import least_seconds, least_seconds_of_ssml
from speech.engines.remote.request_batching import split_for_requests, whole_ssml
from speech.segments import Piece, split_into_pieces, split_ssml
from speech.sentences import split_text
from speech.ssml import MAX_WHOLE_CHARS, check_ssml, get_words, read_spans, read_ssml
from speech.ssml.x_sampa import to_ipa
from speech.text.composition import find_composed
from speech.text.normalize import normalize
from speech.text.silence import has_speech
from tts.api.openai.serializers import OpenAISpeechSerializer
from tts.api.serializers import SpeechSerializer
from tts.requests import SpeechRequest, check_against_voice, check_dialogue, speaker_voice_ids
from tts.resubmit import request_body
from tts.storage.store import expected_bytes
from voices.models import Voice

Work = Callable[[str], object]

SEGMENTS = 3  # how many segments of a text are tested, for functions that take one at a time
PRONOUNCED_CHARS = 1_000  # how much of a text is tested, for functions that convert all of it to phonemes
ANNIE = "gmw/en-US+Annie"
ESPEAK, READER, READERS = EspeakEngine(), PhonemeReader(), Readers()
KOKORO_LANGUAGES = ("en-US", "en-GB", "es-ES", "fr-FR", "hi-IN", "it-IT", "ja-JP", "pt-BR", "zh-CN")


def close() -> None:
    """Ends the programs that the table's functions have started."""
    ESPEAK.close()
    READER.close()
    READERS.close()


def _voice() -> Voice:
    entry = next(entry for entry in ESPEAK.voices() if entry.engine_voice == ANNIE)
    fields = {name: value for name, value in asdict(entry).items() if name != "unavailable_reason"}
    return Voice(**fields | {"supports_multispeaker": True})


def _request(text: str, **fields: Any) -> SpeechRequest:
    return SpeechRequest(text=text, voice_id="espeak:en-US-eSpeak-Annie", **fields)


def _body(text: str) -> dict[str, Any]:
    return {"text": text, "voice_id": "espeak:en-US-eSpeak-Annie"}


def _segments(text: str, *, text_format: str = "text") -> Iterator[Segment]:
    """Yields the first segments, as eSpeak gets them."""
    pieces = ESPEAK.split(text, text_format=text_format, language="en-US")  # type: ignore[arg-type]
    for piece in islice(pieces, SEGMENTS):
        yield Segment(text=piece.text, engine_voice=ANNIE, language="en-US", text_format=text_format)  # type: ignore[arg-type]


def _speak(text: str, *, text_format: str = "text") -> Iterator[bytes]:
    for segment in _segments(text, text_format=text_format):
        yield from islice(ESPEAK.speak(segment), 50)


def _phonemes_of(language: str) -> Work:
    def read(text: str) -> Iterator[str]:
        for piece in islice(chunks.split(text, language), SEGMENTS):
            yield READERS.phonemes(piece.text, language)

    return read


def _normalized_in(language: str) -> Work:
    def said(text: str) -> Iterator[str]:
        for piece in islice(split_text(text, language), SEGMENTS):
            yield normalize(piece, language).text

    return said


def _plan(ssml: str) -> Iterator[object]:
    """What Kokoro gets for the first segments, with a reader that spells."""
    for piece in islice(split_ssml(ssml, "en-US"), SEGMENTS):
        yield from plan(
            piece.text, "af_heart", speed=1.0, read=lambda text, _: text.lower(), has_language=lambda _: True
        )


def _messages(text: str, text_format: str = "text") -> Iterator[object]:
    pieces = GoogleEngine().split(text, text_format=text_format, language="en-US")  # type: ignore[arg-type]
    for piece in islice(pieces, SEGMENTS):
        segment = Segment(text=piece.text, engine_voice="Kore", language="en-US", text_format=text_format)  # type: ignore[arg-type]
        yield unary_request(segment, GEMINI)
        if text_format == "text":
            yield from stream_requests(segment, GEMINI)


# The key is the function's name and, after a space, which of several ways to call it. Generators are read step by step.
TEXT: Mapping[str, Work] = {
    "config.api.parse_json_object": lambda text: parse_json_object(json.dumps(_body(text)).encode()),
    "config.api.parse_json_object unescaped": lambda text: parse_json_object(canonical_json(_body(text)).encode()),
    "config.api.parse_json_object as-it-is": lambda text: parse_json_object(text.encode()),
    "accounts.services.idempotency.build_fingerprint": lambda text: build_fingerprint("/api/v1/tts", _body(text)),
    "tts.storage.store.expected_bytes": lambda text: expected_bytes(
        text=text, extent=Extent(1.0, 0.0), speed=1.0, encoding=Encoding("wav", 24_000, None, 1)
    ),
    "tts.resubmit.request_body": lambda text: request_body(_request(text)),
    "portal.code_samples.code_samples": lambda text: code_samples(_body(text), base_url="http://x", is_streamed=False),
    "speech.audio_bound.count_spoken_words": count_spoken_words,
    "speech.audio_bound.measure_extent": lambda text: measure_extent(text, text_format="text"),
    "speech.dialogue.read_dialogue": read_dialogue,
    "speech.engines.espeak.engine.EspeakEngine.split": lambda text: ESPEAK.split(
        text, text_format="text", language="en-US"
    ),
    "speech.engines.espeak.engine.EspeakEngine.speak": _speak,
    "speech.engines.espeak.phonemes.PhonemeReader.read": lambda text: (
        READER.read(segment.text, identifier="gmw/en-US") for segment in _segments(text)
    ),
    "speech.engines.espeak.text.mark_what_follows": lambda text: mark_what_follows(
        Piece(part, len(part)) for part in split_text(text, "en-US")
    ),
    "speech.engines.espeak.text.plain_text": plain_text,
    "speech.engines.espeak.text.pauses_after": lambda text: [pauses_after(segment.text) for segment in _segments(text)],
    "speech.engines.google.engine.GoogleEngine.split": lambda text: GoogleEngine().split(
        text, text_format="text", language="en-US"
    ),
    "speech.engines.google.messages.unary_request": _messages,
    "speech.engines.google.messages.stream_requests": _messages,
    "speech.engines.kokoro.chunks.split": lambda text: chunks.split(text, "en-US"),
    "speech.engines.kokoro.engine.KokoroEngine.split": lambda text: KokoroEngine().split(
        text, text_format="text", language="ja-JP"
    ),
    **{f"speech.engines.kokoro.g2p.Readers.phonemes {tag}": _phonemes_of(tag) for tag in KOKORO_LANGUAGES},
    "speech.engines.kokoro.pauses.pause_ms": lambda text: [
        pause_ms(piece.text) for piece in chunks.split(text, "en-US")
    ],
    "speech.engines.kokoro.pauses.count_marks": lambda text: [count_marks(run) for run in runs(spoken_phonemes(text))],
    "speech.engines.kokoro.written_ipa.to_model_symbols": lambda text: to_model_symbols(text[:MAX_WHOLE_CHARS], "a"),
    "speech.engines.kokoro.phonemes.spoken_phonemes": spoken_phonemes,
    "speech.engines.kokoro.phonemes.known_symbols": known_symbols,
    "speech.engines.kokoro.phonemes.runs": runs,
    "speech.engines.kokoro.phonemes.numbers": lambda text: [numbers(run) for run in runs(spoken_phonemes(text))],
    "speech.engines.kokoro.scripts.split_scripts": lambda text: split_scripts(text, ("LATIN",)),
    "speech.engines.kokoro.scripts.split_scripts zh": lambda text: split_scripts(text, ("CJK",)),
    "speech.engines.kokoro.scripts.fold": lambda text: [fold(piece.text) for piece in chunks.split(text, "en-US")],
    "speech.engines.kokoro.scripts.letter_names": lambda text: letter_names(text[: chunks.MAX_CHARS]),
    "speech.engines.kokoro.scripts.espeak_language": lambda text: espeak_language(text[: chunks.MAX_CHARS], "ARABIC"),
    "speech.engines.kokoro.words.pronounce": lambda text: pronounce(READERS, text[:PRONOUNCED_CHARS], "en-US"),
    "speech.engines.kokoro.words.pronounce fr": lambda text: pronounce(READERS, text[:PRONOUNCED_CHARS], "fr-FR"),
    "speech.text.composition.find_composed": lambda text: list(find_composed(text)),
    "speech.engines.polly.engine.PollyEngine.split": lambda text: PollyEngine().split(
        text, text_format="text", language="en-US"
    ),
    "speech.engines.remote.request_batching.split_for_requests": lambda text: split_for_requests(
        text, text_format="text", language="th-TH", max_bytes=5_000
    ),
    "speech.engines.remote.duration_check.least_seconds": lambda text: least_seconds(text, "en-US"),
    "portal.forms.SpeechForm": lambda text: SpeechForm(
        _body(text) | {"output_format": "mp3", "speed": "1", "format": "text"}
    ).is_valid(),
    "tts.api.openai.serializers.OpenAISpeechSerializer.validate_input": lambda text: OpenAISpeechSerializer(
        data={"model": "tts-1", "voice": "alloy", "input": text}
    ).speech(),
    "tts.requests.check_against_voice": lambda text: check_against_voice(_request(text), _voice()),
    "tts.requests.check_dialogue": lambda text: check_dialogue(_request(text), _voice(), []),
    "tts.requests.speaker_voice_ids": lambda text: speaker_voice_ids(_request(text)),
    "speech.ssml.say_as.get_words": lambda text: get_words(
        text[:MAX_WHOLE_CHARS], "telephone", date_format="", language="en-US"
    ),
    "speech.ssml.say_as.get_words date": lambda text: get_words(
        text[:MAX_WHOLE_CHARS], "date", date_format="dmy", language="en-US"
    ),
    "speech.ssml.x_sampa.to_ipa": lambda text: to_ipa(text[:MAX_WHOLE_CHARS]),
    "speech.segments.split_into_pieces": lambda text: split_into_pieces(text, text_format="text", language="en-US"),
    "speech.text.silence.has_speech": has_speech,
    "speech.text.silence.has_speech markdown": lambda text: has_speech(text, "markdown"),
    "speech.text.silence.has_speech dialogue": lambda text: has_speech(text, is_dialogue=True),
    "speech.sentences.split_text": lambda text: split_text(text, "en-US"),
    "speech.sentences.split_text de": lambda text: split_text(text, "de-DE"),
    "speech.sentences.split_text hy": lambda text: split_text(text, "hy-AM"),
    "speech.sentences.split_text ja": lambda text: split_text(text, "ja-JP"),
    **{f"speech.text.normalize.normalize {tag}": _normalized_in(tag) for tag in ("de-DE", *KOKORO_LANGUAGES)},
    "speech.text.normalize.normalize whole": lambda text: normalize(text[:20_000], "en-US"),
    "tts.api.serializers.SpeechSerializer.validate_text": lambda text: SpeechSerializer(
        data=_body(text)
    ).speech_request(),
}
SSML: Mapping[str, Work] = {
    "speech.engines.espeak.engine.EspeakEngine.split": lambda ssml: ESPEAK.split(
        ssml, text_format="ssml", language="en-US"
    ),
    "speech.engines.espeak.engine.EspeakEngine.speak": lambda ssml: _speak(ssml, text_format="ssml"),
    "speech.engines.espeak.markup.render": lambda ssml: render(ssml, ANNIE, rate_wpm=175),
    "speech.engines.kokoro.markup.plan": _plan,
    "speech.engines.google.messages.unary_request": lambda ssml: _messages(ssml, "ssml"),
    "speech.engines.polly.markup.for_polly": lambda ssml: for_polly(ssml, FAMILIES["standard"]),
    "speech.engines.remote.request_batching.split_for_requests": lambda ssml: split_for_requests(
        ssml, text_format="ssml", language="en-US", max_bytes=5_000
    ),
    "speech.engines.remote.request_batching.whole_ssml": whole_ssml,
    "speech.engines.remote.duration_check.least_seconds_of_ssml": lambda ssml: least_seconds_of_ssml(ssml, "en-US"),
    "tts.requests.check_against_voice": lambda ssml: check_against_voice(_request(ssml, text_format="ssml"), _voice()),
    "speech.text.silence.has_speech": lambda ssml: has_speech(ssml, "ssml"),
    "speech.segments.split_ssml": lambda ssml: split_ssml(ssml, "en-US"),
    "speech.ssml.reader.read_ssml": read_ssml,
    "speech.ssml.spans.read_spans": read_spans,
    "speech.ssml.reader.check_ssml": check_ssml,
    "speech.audio_bound.measure_extent": lambda text: measure_extent(text, text_format="ssml"),
}

BODIES: Mapping[str, Callable[[bytes], object]] = {"config.api.parse_json_object": parse_json_object}

# Functions that are not run here, and why.
ELSEWHERE: Mapping[str, str] = {
    **dict.fromkeys(
        ("speech.engines.base.Engine.split", "speech.engines.base.Engine.speak"),
        "what every engine has; they are above",
    ),
    **dict.fromkeys(
        (
            "speech.engines.espeak.process.EspeakProcess.synthesise",
            "speech.engines.espeak.process.EspeakProcess.phonemes",
        ),
        "run by EspeakEngine.speak and PhonemeReader.read",
    ),
    **dict.fromkeys(
        (
            "speech.engines.google.calls.synthesize",
            "speech.engines.google.calls.stream",
            "speech.engines.google.engine.GoogleEngine.speak",
            "speech.engines.polly.calls.synthesize",
            "speech.engines.polly.engine.PollyEngine.speak",
        ),
        "calls a provider with one segment; what it does to the text is above",
    ),
    "speech.engines.google.client.Patience.for_text": "only measures the text",
    "tts.worker.keep_speech.SpeechKeeper.end_segment": "keeps the segment and reads nothing of it",
    "speech.engines.kokoro.engine.KokoroEngine.speak": "needs the model; Readers.phonemes, runs and numbers are above",
    "operations.desk.search.search": "an operator's words, not a text to speak",
    "portal.pages.gallery.GalleryFilters.words": "words to search voices for",
    "portal.pages.player.build_player": "gets the first 200 characters",
    **dict.fromkeys(
        (
            "tts.services.voice_previews.audition_key",
            "tts.services.voice_previews.missing_voices",
            "tts.services.voice_previews.request_auditions",
            "tts.services.samples.make_sound",
        ),
        "a sentence: portal.pages.compare takes no longer text",
    ),
    **dict.fromkeys(
        ("tts.services.submit.submit_job", "tts.services.submit.quote_job"), "run by the requests of the test"
    ),
}
TEXT_PARAMETERS = {"text", "ssml", "markup", "phonemes", "run", "segment", "pieces", "request", "body", "value"}
TEXT_TYPES = ("str", "bytes", "Segment", "Piece", "SpeechRequest")
NO_ROAD = (".migrations", ".management", ".child")


def listed() -> set[str]:
    return {name.partition(" ")[0] for name in (*TEXT, *SSML, *BODIES, *ELSEWHERE)}


def on_the_road() -> set[str]:
    """Every public function, and method of a public class, in `tts` that takes a text, by the names of parameters."""
    found = set()
    for info in pkgutil.walk_packages(tts.__path__, "tts."):
        if any(part in f"{info.name}." for part in (f"{part}." for part in NO_ROAD)):
            continue
        module = importlib.import_module(info.name)
        for name, thing in vars(module).items():
            if name.startswith("_") or getattr(thing, "__module__", "") != module.__name__:
                continue
            methods = vars(thing) if inspect.isclass(thing) else {"": thing}
            for method, function in methods.items():
                if inspect.isfunction(function) and not method.startswith("_") and _takes_text(function):
                    found.add(".".join(part for part in (module.__name__, name, method) if part))
    return found


def _takes_text(function: Callable[..., object]) -> bool:
    return any(
        parameter.name in TEXT_PARAMETERS
        and any(kind in inspect.formatannotation(parameter.annotation) for kind in TEXT_TYPES)
        for parameter in inspect.signature(function).parameters.values()
    )

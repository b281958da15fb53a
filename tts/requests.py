"""A request for speech as data, and the check whether a voice supports it.

The capability rules (voice × options) are here. `tts.api.serializers` parses the JSON, `billing` handles the credits.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from config.errors import ValidationFailed
from speech.audio.formats import OUTPUT_FORMATS, Encoding, UnsupportedEncoding, resolve_encoding
from speech.audio_bound import (
    SECONDS_PER_WORD,
    SPARE_SECONDS,
    Extent,
    break_seconds,
    longest_break_seconds,
    measure_extent,
)
from speech.dialogue import DialogueError, read_dialogue
from speech.ssml import SsmlError, check_ssml
from voices.models import Voice

MAX_PROMPT_BYTES = 4_000  # UTF-8; for Gemini's voices, the only ones that take a prompt
# OpenAI's clients may send 4,096 characters of up to 4 bytes. A voice with a lower limit for streams, but not for
# texts, gets them sentence by sentence.
OPENAI_BYTES = 4 * 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechRequest:
    """A parsed request for speech. None means that a field was left out."""

    text: str
    voice_id: str
    model_type: str | None = None
    model: str | None = None
    prompt: str | None = None
    speed: float = 1.0
    text_format: str = "text"
    output_format: str = "wav"
    sample_rate_hertz: int | None = None
    bitrate_kbps: int | None = None
    speaker_type: str = "single"
    voice_speaker_1: str | None = None
    voice_speaker_2: str | None = None
    delivery_mode: str = "async"  # or "stream", through a separate URL; or "direct", in the response itself
    metadata: dict[str, Any] | None = None
    webhook_url: str = ""  # "": the account's endpoint

    @property
    def chars(self) -> int:
        """Billed Unicode code points: the text, including markup, and the prompt."""
        return len(self.text) + len(self.prompt or "")


class Checked(NamedTuple):
    """The encoding of the audio, and the extent of the text."""

    encoding: Encoding
    extent: Extent


def check_against_voice(request: SpeechRequest, voice: Voice) -> Checked:
    """Raises ValidationFailed, by field, for what the voice does not support."""
    if request.model_type is not None and request.model_type != voice.model_type:
        article = "an" if voice.model_type == "ultra" else "a"
        raise ValidationFailed.of_field("model_type", f"{voice.name} is {article} {voice.model_type} voice.")
    only_single = "does not support multiple speakers"
    for field, is_asked, is_supported, refusal in (
        ("model", request.model is not None, voice.supports_prompt, "does not accept a model"),
        ("prompt", request.prompt is not None, voice.supports_prompt, "does not accept a prompt"),
        ("speed", request.speed != 1.0, voice.supports_speed, "does not support a custom speed"),
        ("format", request.text_format == "ssml", voice.supports_ssml, "does not support SSML"),
        ("format", request.text_format == "markup", voice.supports_markup, "does not support markup"),
        ("speaker_type", request.speaker_type == "multi", voice.supports_multispeaker, only_single),
        ("voice_speaker_1", request.voice_speaker_1 is not None, voice.supports_multispeaker, only_single),
        ("voice_speaker_2", request.voice_speaker_2 is not None, voice.supports_multispeaker, only_single),
        ("delivery_mode", request.delivery_mode == "stream", voice.supports_streaming, "does not support streaming"),
        (
            "output_format",
            True,
            # Formats that voices do not list are encoded here for every voice.
            request.output_format in voice.output_formats or request.output_format not in OUTPUT_FORMATS,
            f"does not support {request.output_format}",
        ),
    ):
        if is_asked and not is_supported:
            raise ValidationFailed.of_field(field, f"{voice.name} {refusal}.")
    size_bytes, limit_bytes = len(request.text.encode()), max_bytes(voice, request.delivery_mode)
    if size_bytes > limit_bytes:
        limit = f"{limit_bytes:,} bytes" + (" when streaming" if request.delivery_mode == "stream" else "")
        message = f"The text is {size_bytes:,} bytes. {voice.name} accepts at most {limit}."
        raise ValidationFailed.of_field("text", message)
    _check_model(request, voice)
    try:
        if request.text_format == "ssml":
            check_ssml(request.text)
        extent = measure_extent(request.text, text_format=request.text_format)
    except SsmlError as error:
        raise ValidationFailed.of_field("text", str(error)) from None
    _check_breaks(extent, speed=request.speed)
    try:
        encoding = resolve_encoding(
            output_format=request.output_format,
            engine_rate_hertz=voice.native_rate_hertz,
            sample_rate_hertz=request.sample_rate_hertz,
            bitrate_kbps=request.bitrate_kbps,
        )
    except UnsupportedEncoding as error:
        raise ValidationFailed.of_field(error.field, error.message) from None
    return Checked(encoding, extent)


def _check_breaks(extent: Extent, *, speed: float) -> None:
    """Raises ValidationFailed if the breaks exceed the limit on runaway audio."""
    asked = break_seconds(extent, speed=speed)
    allowed = longest_break_seconds(extent, speed=speed)
    if asked > allowed:
        message = (
            f"The pauses add up to {math.ceil(asked):,} seconds. This text accepts at most {int(allowed):,}:"
            f" {SPARE_SECONDS:g} seconds, and {SECONDS_PER_WORD:g} seconds for each spoken word at the speed asked for."
        )
        raise ValidationFailed.of_field("text", message)


def max_bytes(voice: Voice, delivery_mode: str) -> int:
    """Returns the longest text, in bytes of UTF-8."""
    match delivery_mode:
        case "stream":
            return min(voice.max_text_bytes, voice.max_stream_bytes)
        case "direct":
            return min(voice.max_text_bytes, max(voice.max_stream_bytes, OPENAI_BYTES))
        case _:
            return voice.max_text_bytes


def _check_model(request: SpeechRequest, voice: Voice) -> None:
    models = voice.characteristics.get("models", [])
    if request.model is not None and request.model not in models:
        supported = f"supports only {', '.join(models)}" if models else "does not accept a model"
        message = f"{voice.name} {supported}."
        raise ValidationFailed.of_field("model", message)
    prompt_bytes = len((request.prompt or "").encode())
    if prompt_bytes > MAX_PROMPT_BYTES:
        message = f"The prompt is {prompt_bytes:,} bytes. The maximum is {MAX_PROMPT_BYTES:,} bytes."
        raise ValidationFailed.of_field("prompt", message)


def check_dialogue(request: SpeechRequest, voice: Voice, speakers: Sequence[Voice]) -> None:
    """Checks that the text is a dialogue for these voices. Raises ValidationFailed, by field.

    `speakers` are the voices of `speaker_voice_ids`. `voice` itself does not speak: it sets language and price.
    """
    models = voice.characteristics.get("multispeaker_models", [])
    if request.model is not None and request.model not in models:
        raise ValidationFailed.of_field("model", f"Multiple speakers are supported only with {', '.join(models)}.")
    if request.text_format != "text":
        raise ValidationFailed.of_field("format", "Dialogues support plain text only.")
    for number, speaker in enumerate(speakers, start=1):
        is_of_a_kind = (speaker.provider, speaker.family) == (voice.provider, voice.family)
        if not (is_of_a_kind and speaker.supports_multispeaker and speaker.language == voice.language):
            message = f"Must be a {voice.family} voice of {voice.provider} in {voice.language}, like {voice.name}."
            raise ValidationFailed.of_field(f"voice_speaker_{number}", message)
    try:
        read_dialogue(request.text)
    except DialogueError as error:
        raise ValidationFailed.of_field("text", str(error)) from None


def speaker_voice_ids(request: SpeechRequest) -> list[str]:
    """Returns the speakers of a dialogue, else none. Raises ValidationFailed if one is missing or unexpected."""
    named = {"voice_speaker_1": request.voice_speaker_1, "voice_speaker_2": request.voice_speaker_2}
    if request.speaker_type == "single":
        for field, voice_id in named.items():
            if voice_id is not None:
                raise ValidationFailed.of_field(field, 'Allowed only with speaker_type "multi".')
        return []
    for field, voice_id in named.items():
        if voice_id is None:
            raise ValidationFailed.of_field(field, 'Required with speaker_type "multi".')
    return [voice_id for voice_id in named.values() if voice_id is not None]

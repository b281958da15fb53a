"""What a caller may ask of a voice: the request as data, and whether this voice takes it.

Owns the capability rules (voice × modifiers). The shape of the JSON is `tts.serializers`, credits are `billing`.
"""

from dataclasses import dataclass
from typing import Any

from config.errors import ValidationFailed
from tts.audio.formats import OUTPUT_FORMATS, Encoding, UnsupportedEncoding, resolve_encoding
from tts.ssml import SsmlError, check_ssml
from voices.models import Voice

# OpenAI's clients may send 4,096 characters of up to 4 bytes. A voice that streams less, but speaks as much, gets them
# spoken sentence by sentence.
OPENAI_BYTES = 4 * 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechRequest:
    """A parsed request for speech. None means: not given, take the default."""

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
    delivery_mode: str = "async"  # or "stream", by a URL of its own; or "direct", to the very request
    metadata: dict[str, Any] | None = None

    @property
    def chars(self) -> int:
        """Unicode code points that are billed: the text, markup included, and the prompt."""
        return len(self.text) + len(self.prompt or "")


def check_against_voice(request: SpeechRequest, voice: Voice) -> Encoding:
    """How the audio will be encoded. Raises ValidationFailed, naming the field, for what this voice does not take."""
    if request.model_type is not None and request.model_type != voice.model_type:
        raise ValidationFailed.of_field("model_type", f"{voice.name} is a {voice.model_type} voice.")
    for field, is_asked, is_supported, refusal in (
        ("model", request.model is not None, voice.supports_prompt, "takes no model"),
        ("prompt", request.prompt is not None, voice.supports_prompt, "takes no prompt"),
        ("speed", request.speed != 1.0, voice.supports_speed, "speaks at one speed only"),
        ("format", request.text_format == "ssml", voice.supports_ssml, "does not read SSML"),
        ("format", request.text_format == "markup", voice.supports_markup, "does not read markup"),
        ("speaker_type", request.speaker_type == "multi", voice.supports_multispeaker, "speaks alone"),
        ("voice_speaker_1", request.voice_speaker_1 is not None, voice.supports_multispeaker, "speaks alone"),
        ("voice_speaker_2", request.voice_speaker_2 is not None, voice.supports_multispeaker, "speaks alone"),
        ("delivery_mode", request.delivery_mode == "stream", voice.supports_streaming, "does not stream"),
        (
            "output_format",
            True,
            # What voices do not list, we make for every voice.
            request.output_format in voice.output_formats or request.output_format not in OUTPUT_FORMATS,
            f"does not make {request.output_format}",
        ),
    ):
        if is_asked and not is_supported:
            raise ValidationFailed.of_field(field, f"{voice.name} {refusal}.")
    size_bytes, limit_bytes = len(request.text.encode()), max_bytes(voice, request.delivery_mode)
    if size_bytes > limit_bytes:
        speaks = "streams" if request.delivery_mode == "stream" else "speaks"
        message = f"This is {size_bytes:,} bytes and {voice.name} {speaks} at most {limit_bytes:,}."
        raise ValidationFailed.of_field("text", message)
    if request.text_format == "ssml":
        try:
            check_ssml(request.text)
        except SsmlError as error:
            raise ValidationFailed.of_field("text", str(error)) from None
    try:
        return resolve_encoding(
            output_format=request.output_format,
            engine_rate_hertz=voice.native_rate_hertz,
            sample_rate_hertz=request.sample_rate_hertz,
            bitrate_kbps=request.bitrate_kbps,
        )
    except UnsupportedEncoding as error:
        raise ValidationFailed.of_field(error.field, error.message) from None


def max_bytes(voice: Voice, delivery_mode: str) -> int:
    """The longest text, in bytes of UTF-8."""
    match delivery_mode:
        case "stream":
            return min(voice.max_text_bytes, voice.max_stream_bytes)
        case "direct":
            return min(voice.max_text_bytes, max(voice.max_stream_bytes, OPENAI_BYTES))
        case _:
            return voice.max_text_bytes

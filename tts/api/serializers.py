"""Parses the JSON of speech requests."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from config.api import (
    StrictCharField,
    StrictFloatField,
    StrictIntegerField,
    StrictSerializer,
    canonical_json,
)
from config.errors import ValidationFailed
from speech.audio.formats import OUTPUT_FORMATS, SAMPLE_RATES_HERTZ
from tts.requests import SpeechRequest

MAX_METADATA_BYTES = 4096


@extend_schema_field({"type": "integer", "enum": list(SAMPLE_RATES_HERTZ)})
class SampleRateField(StrictIntegerField):
    """The rates of a format are checked together with the voice, so that the error can name the nearest one."""


@extend_schema_field({"type": "integer", "minimum": 6, "maximum": 320})
class BitrateField(StrictIntegerField):
    """The bitrates of a format are checked together with the voice, like the rates."""


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A sentence as MP3",
            value={"text": "Good morning.", "voice_id": "kokoro:en-US-Kokoro-Heart", "output_format": "mp3"},
            request_only=True,
        )
    ]
)
class SpeechSerializer(StrictSerializer):
    """The body of `POST /tts`."""

    text = StrictCharField(trim_whitespace=False)
    voice_id = StrictCharField(max_length=160, required=False)
    voice = StrictCharField(max_length=160, required=False)
    model_type = serializers.ChoiceField(choices=["premium", "ultra"], required=False)
    model = StrictCharField(max_length=80, required=False)
    prompt = StrictCharField(trim_whitespace=False, required=False)
    speed = StrictFloatField(min_value=0.25, max_value=4.0, default=1.0)
    format = serializers.ChoiceField(choices=["text", "ssml", "markup"], default="text")
    output_format = serializers.ChoiceField(
        choices=list(OUTPUT_FORMATS), required=False, help_text="Default: `wav`, or `ogg_opus` for a stream."
    )
    sample_rate_hertz = SampleRateField(required=False)
    output_bitrate_kbps = BitrateField(required=False)
    speaker_type = serializers.ChoiceField(choices=["single", "multi"], default="single")
    voice_speaker_1 = StrictCharField(max_length=160, required=False)
    voice_speaker_2 = StrictCharField(max_length=160, required=False)
    delivery_mode = serializers.ChoiceField(
        choices=["async", "stream"],
        required=False,
        help_text="`stream` returns the response of `POST /tts/stream`. Default: `async`.",
    )
    webhook_url = StrictCharField(max_length=2048, required=False)
    metadata = serializers.DictField(required=False)

    def validate_text(self, text: str) -> str:
        if not text.strip():
            raise serializers.ValidationError("This field may not be blank.")
        return text

    def validate_sample_rate_hertz(self, rate: int) -> int:
        if rate not in SAMPLE_RATES_HERTZ:
            raise serializers.ValidationError(f"Must be one of {', '.join(map(str, SAMPLE_RATES_HERTZ))}.")
        return rate

    def validate_metadata(self, metadata: dict[str, Any]) -> dict[str, Any]:
        size_bytes = len(canonical_json(metadata).encode())
        if size_bytes > MAX_METADATA_BYTES:
            raise serializers.ValidationError(
                f"The JSON is {size_bytes:,} bytes. The maximum is {MAX_METADATA_BYTES:,} bytes."
            )
        return metadata

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        voices = {attrs[name] for name in ("voice_id", "voice") if name in attrs}
        if not voices:
            raise serializers.ValidationError({"voice_id": ["This field is required."]})
        if len(voices) > 1:
            raise serializers.ValidationError({"voice": ["Must be the same as voice_id."]})
        return attrs

    def speech_request(self, *, is_streamed: bool = False) -> SpeechRequest:
        """Returns the request. With `is_streamed`, the endpoint always streams. Raises ValidationFailed, by field."""
        data = self.parsed()
        delivery_mode = data.get("delivery_mode") or ("stream" if is_streamed else "async")
        if is_streamed and delivery_mode != "stream":
            raise ValidationFailed.of_field("delivery_mode", "This endpoint always streams. Use /api/v1/tts instead.")
        return SpeechRequest(
            text=data["text"],
            voice_id=data["voice_id"] if "voice_id" in data else data["voice"],
            model_type=data.get("model_type"),
            model=data.get("model"),
            prompt=data.get("prompt"),
            speed=data["speed"],
            text_format=data["format"],
            output_format=data.get("output_format") or ("ogg_opus" if delivery_mode == "stream" else "wav"),
            sample_rate_hertz=data.get("sample_rate_hertz"),
            bitrate_kbps=data.get("output_bitrate_kbps"),
            speaker_type=data["speaker_type"],
            voice_speaker_1=data.get("voice_speaker_1"),
            voice_speaker_2=data.get("voice_speaker_2"),
            delivery_mode=delivery_mode,
            metadata=data.get("metadata"),
            webhook_url=data.get("webhook_url", ""),
        )

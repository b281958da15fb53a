"""Serializers for OpenAI's JSON, for requests and for the documentation."""

from dataclasses import dataclass
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from config.api import StrictCharField, StrictFloatField, validation_failed
from voices.models import ModelAlias

# OpenAI's names of the formats → our name, and the media type of the response.
RESPONSE_FORMATS = {
    "mp3": ("mp3", "audio/mpeg"),
    "opus": ("ogg_opus", "audio/opus"),
    "aac": ("aac", "audio/aac"),
    "flac": ("flac", "audio/flac"),
    "wav": ("wav", "audio/wav"),
    "pcm": ("pcm", "audio/pcm"),
}


@dataclass(frozen=True, slots=True)
class OpenAISpeech:
    """A parsed request. `voice` is a name that stands for a voice, or a voice id."""

    model: str
    text: str
    voice: str
    output_format: str
    content_type: str
    speed: float
    is_sse: bool
    instructions: str


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string"},
            {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]},
        ]
    }
)
class VoiceField(serializers.Field[Any, Any, Any, Any]):
    """A string, or an object with an `id`."""

    default_error_messages = {"invalid": "Must be a name or an object with an id."}  # noqa: RUF012 - the base's form

    def to_internal_value(self, data: Any) -> str:
        name = data.get("id") if isinstance(data, dict) else data
        if not isinstance(name, str):
            self.fail("invalid")
        return name

    def to_representation(self, value: Any) -> Any:
        return value


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A sentence as MP3",
            value={"model": "tts-1", "voice": "alloy", "input": "Good morning."},
            request_only=True,
        )
    ]
)
class OpenAISpeechSerializer(serializers.Serializer[Any]):
    """The body of `POST /v1/audio/speech`. As with OpenAI, unknown fields are ignored."""

    model = StrictCharField(max_length=80)
    input = StrictCharField(trim_whitespace=False)
    voice = VoiceField()
    response_format = serializers.ChoiceField(choices=list(RESPONSE_FORMATS), default="mp3", allow_null=True)
    speed = StrictFloatField(min_value=0.25, max_value=4.0, default=1.0, allow_null=True)
    stream_format = serializers.ChoiceField(choices=["audio", "sse"], default="audio", allow_null=True)
    instructions = StrictCharField(trim_whitespace=False, allow_blank=True, default="", allow_null=True)

    def to_internal_value(self, data: Any) -> Any:
        # Clients may send null for a field that they leave out.
        return super().to_internal_value({name: value for name, value in data.items() if value is not None})

    def validate_input(self, text: str) -> str:
        if not text.strip():
            raise serializers.ValidationError("This field may not be blank.")
        return text

    def speech(self) -> OpenAISpeech:
        """Raises ValidationFailed with a message per field."""
        if not self.is_valid():
            raise validation_failed(self.errors)
        data = self.validated_data
        output_format, content_type = RESPONSE_FORMATS[data["response_format"]]
        return OpenAISpeech(
            model=data["model"],
            text=data["input"],
            voice=data["voice"],
            output_format=output_format,
            content_type=content_type,
            speed=data["speed"],
            is_sse=data["stream_format"] == "sse",
            instructions=data["instructions"],
        )


class OpenAIEvent(serializers.Serializer[Any]):
    """A server-sent event."""

    data = serializers.CharField(  # type: ignore[assignment]  # it hides the serializer's own
        help_text="A JSON object. `type` is `speech.audio.delta`, with the audio in base64. The last event is "
        "`speech.audio.done`, with the usage in characters, or `error`."
    )


class OpenAIModel(serializers.Serializer[Any]):
    id = serializers.CharField()
    object = serializers.ChoiceField(["model"])
    created = serializers.IntegerField(help_text="Unix timestamp in seconds.")
    owned_by = serializers.CharField()


class OpenAIModelList(serializers.Serializer[Any]):
    object = serializers.ChoiceField(["list"])
    data = OpenAIModel(many=True)  # type: ignore[assignment]  # the field of that name hides the serializer's own


def model_data(model: ModelAlias) -> dict[str, Any]:
    return {
        "id": model.name,
        "object": "model",
        "created": int(model.created_at.timestamp()),
        "owned_by": "utterance",
    }

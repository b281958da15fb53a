"""Serializers that document the responses of the voices API. `voices.api` builds them."""

from typing import Any, get_args

from rest_framework import serializers

from speech.catalogue import Gender, ModelType, Quality
from voices.sample_texts import SAMPLE_KINDS

EVERY_FORMAT = ["wav", "mp3", "ogg_opus"]


class VoiceSample(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(list(SAMPLE_KINDS), help_text="`sentence` where a language has but one sample.")
    text = serializers.CharField()
    url = serializers.URLField(help_text="An MP3 file, without a key.")
    duration_seconds = serializers.FloatField(min_value=0)


class PublicVoice(serializers.Serializer[Any]):
    voice_id = serializers.CharField(help_text="provider:language-Family-Name")
    name = serializers.CharField()
    provider = serializers.CharField()
    family = serializers.CharField()
    language = serializers.CharField(help_text="BCP 47, such as en-US.")
    language_name = serializers.CharField()
    gender = serializers.ChoiceField(list(get_args(Gender)))
    model_type = serializers.ChoiceField(list(get_args(ModelType)))
    quality = serializers.ChoiceField(
        list(get_args(Quality)), help_text="`basic` voices plainly sound like a machine, and cost less."
    )
    rank = serializers.IntegerField(min_value=0, help_text="The place in lists: the best voice has the lowest number.")
    characteristics = serializers.DictField(
        help_text="Styles, pitch, age, the author's grade and similar characteristics, where known."
    )
    supports_ssml = serializers.BooleanField()
    supports_markup = serializers.BooleanField()
    supports_speed = serializers.BooleanField()
    supports_prompt = serializers.BooleanField()
    supports_multispeaker = serializers.BooleanField()
    supports_streaming = serializers.BooleanField()
    output_formats = serializers.ListField(child=serializers.ChoiceField(EVERY_FORMAT))
    sample_rates = serializers.ListField(child=serializers.IntegerField(), help_text="Hertz.")
    max_text_bytes = serializers.IntegerField(help_text="UTF-8 bytes.")
    max_stream_bytes = serializers.IntegerField(help_text="UTF-8 bytes.")
    credits_per_1000_chars = serializers.RegexField(r"^\d+(\.\d+)?$")
    sample_url = serializers.URLField(allow_null=True, help_text="The first of the samples.")
    samples = VoiceSample(many=True)


class Installing(serializers.Serializer[Any]):
    provider = serializers.CharField()
    percent = serializers.IntegerField(min_value=0, max_value=100)


class VoicePage(serializers.Serializer[Any]):
    voices = PublicVoice(many=True)
    total = serializers.IntegerField(min_value=0)
    page = serializers.IntegerField(min_value=1)
    pages = serializers.IntegerField(min_value=1)
    installing = Installing(
        required=False, allow_null=True, help_text="The engine whose voices are being installed now, if any."
    )

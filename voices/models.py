"""The catalogue: one row per voice, as its engine described it, and whether it may be used here."""

from typing import ClassVar

from django.db import models
from django.utils import timezone


class Voice(models.Model):
    """A voice. What the engine says is refreshed at each sync; `is_enabled` is the operator's and is left alone."""

    voice_id = models.CharField(max_length=160, unique=True)
    name = models.CharField(max_length=80)
    provider = models.CharField(max_length=32)
    family = models.CharField(max_length=64)
    language = models.CharField(max_length=35)  # BCP 47
    language_name = models.CharField(max_length=80)
    gender = models.CharField(max_length=8)
    model_type = models.CharField(max_length=16)
    characteristics = models.JSONField(default=dict)
    supports_ssml = models.BooleanField(default=False)
    supports_markup = models.BooleanField(default=False)
    supports_speed = models.BooleanField(default=False)
    supports_prompt = models.BooleanField(default=False)
    supports_multispeaker = models.BooleanField(default=False)
    supports_streaming = models.BooleanField(default=False)
    output_formats = models.JSONField(default=list)
    sample_rates = models.JSONField(default=list)
    native_rate_hertz = models.PositiveIntegerField()
    max_text_bytes = models.PositiveIntegerField()
    max_stream_bytes = models.PositiveIntegerField()
    engine_voice = models.CharField(max_length=160)

    is_enabled = models.BooleanField(default=True)  # by an operator
    is_listed = models.BooleanField(default=True)  # false once the engine no longer has it
    unavailable_reason = models.CharField(
        max_length=500, blank=True
    )  # why its engine cannot speak here; "" when it can
    # A sentence in this voice, made once by its engine: its name in the audio store, and when that was tried last.
    sample_key = models.CharField(max_length=200, blank=True)
    sample_tried_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["language", "name"], name="voice_language_name")]

    def __str__(self) -> str:
        return self.voice_id

    @property
    def is_usable(self) -> bool:
        return self.is_enabled and self.is_listed and not self.unavailable_reason

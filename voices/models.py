"""The catalogue of voices with their samples, users' favourites, and the names that OpenAI clients send."""

from typing import ClassVar, get_args

from django.db import models
from django.utils import timezone

from accounts.models import User
from speech.catalogue import ModelType, Quality
from voices.sample_texts import SAMPLE_KINDS


class Voice(models.Model):
    """A voice as its engine describes it. Every sync updates it, except `is_enabled`, which operators set."""

    voice_id = models.CharField(max_length=160, unique=True)
    name = models.CharField(max_length=80)
    provider = models.CharField(max_length=32)
    family = models.CharField(max_length=64)
    language = models.CharField(max_length=35)  # BCP 47
    language_name = models.CharField(max_length=80)
    gender = models.CharField(max_length=8)
    model_type = models.CharField(max_length=16)
    # Until the next sync, a voice comes last.
    quality = models.CharField(max_length=8, default="basic")
    rank = models.PositiveIntegerField(default=1000)  # lower first: speech.catalogue.VoiceEntry
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
    sound_version = models.CharField(max_length=80, blank=True)

    is_enabled = models.BooleanField(default=True)  # set by an operator
    is_listed = models.BooleanField(default=True)  # false once the engine no longer has it
    unavailable_reason = models.CharField(max_length=500, blank=True)  # why its engine cannot speak here; "" if it can
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["language", "name"], name="voice_language_name"),
            models.Index(fields=["-quality", "rank"], name="voice_best_first"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(quality__in=get_args(Quality)), name="voice_quality_valid")
        ]

    def __str__(self) -> str:
        return self.voice_id

    @property
    def is_usable(self) -> bool:
        return self.is_enabled and self.is_listed and not self.unavailable_reason


class Sample(models.Model):
    """A short text spoken by a voice: first planned, then generated, and again when text, voice or engine changes.

    Until then the old audio is played, unless its text differs.
    """

    voice = models.ForeignKey(Voice, on_delete=models.CASCADE, related_name="samples")
    kind = models.CharField(max_length=16)
    text = models.TextField()
    version = models.CharField(max_length=16)  # a digest of everything that the audio depends on
    made_version = models.CharField(max_length=16, blank=True)  # the version of the stored audio; "": generate it again
    key = models.CharField(max_length=200, blank=True)  # its name in the audio store; "": not generated yet
    peaks = models.BinaryField(default=bytes)  # the data of its waveform: speech.audio.peaks
    duration_ms = models.PositiveIntegerField(default=0)
    claimed_at = models.DateTimeField(null=True)  # by the worker that generates it
    failed_at = models.DateTimeField(null=True)  # when its engine last failed to generate it

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["voice", "kind"], name="sample_once"),
            models.CheckConstraint(condition=models.Q(kind__in=SAMPLE_KINDS), name="sample_kind_valid"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.voice_id}"


class Favourite(models.Model):
    """A user's favourite voice, private to that user and the same in all accounts. Needs no permission."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="favourites")
    voice = models.ForeignKey(Voice, on_delete=models.CASCADE, related_name="favourites")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "voice"], name="favourite_once")]

    def __str__(self) -> str:
        return f"{self.voice_id} of {self.user_id}"


class ModelAlias(models.Model):
    """A `model` that OpenAI clients may send, and which voices it selects. Not changed by syncs."""

    name = models.CharField(primary_key=True, max_length=80)
    model_type = models.CharField(max_length=16, blank=True)  # of its voices, which decides the price; "": any
    engine_model = models.CharField(max_length=80, blank=True)  # for voices that take a model; "": the engine's default
    is_enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name_plural = "model aliases"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(model_type__in=["", *get_args(ModelType)]), name="model_alias_type_valid"
            )
        ]

    def __str__(self) -> str:
        return self.name


class VoiceAlias(models.Model):
    """A `voice` that OpenAI clients may send: it selects the first usable one of these voices. Set by operators."""

    name = models.CharField(primary_key=True, max_length=80)
    voice_ids = models.JSONField(default=list)  # in order of preference; may name voices of absent engines
    is_enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name_plural = "voice aliases"

    def __str__(self) -> str:
        return self.name

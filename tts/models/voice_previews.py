"""Previews of voices with a visitor's own text."""

import uuid
from typing import ClassVar

from django.db import models
from django.utils import timezone

from voices.models import Voice


class VoicePreviewState(models.TextChoices):
    WAITING = "waiting"
    READY = "ready"
    FAILED = "failed"


class VoicePreview(models.Model):
    """A visitor's own short text in a voice, to compare voices. Free, generated when no job waits, kept for an hour."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    key = models.CharField(max_length=64, unique=True)
    voice = models.ForeignKey(Voice, on_delete=models.CASCADE, related_name="auditions")
    queue = models.CharField(max_length=64)
    text = models.CharField(max_length=200)
    state = models.CharField(max_length=8, choices=VoicePreviewState.choices, default=VoicePreviewState.WAITING)
    attempt = models.PositiveSmallIntegerField(default=0)  # never reset: each attempt has its own file
    tries_left = models.PositiveSmallIntegerField()  # so that a text that kills its worker is not retried forever
    claimed_at = models.DateTimeField(null=True)
    audio_key = models.CharField(max_length=200, blank=True)
    peaks = models.BinaryField(default=b"")
    took_ms = models.PositiveIntegerField(default=0)  # from the claim by a worker until it is stored
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["queue", "created_at"],
                condition=models.Q(state=VoicePreviewState.WAITING),
                name="audition_waiting",
            ),
            models.Index(fields=["created_at"], name="audition_oldest"),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    def get_store_key(self, attempt: int) -> str:
        """Returns the name of its audio in the store, which is unique for each row and attempt."""
        return f"auditions/{str(self.pk)[:2]}/{self.pk}-{attempt}.mp3"

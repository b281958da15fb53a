"""A visitor's own words in a voice."""

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
    """A visitor's own short text in a voice, to compare voices: free, spoken when no job waits, gone after an hour.

    Named by voice and text, so that whoever asks for the same hears what is there.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    key = models.CharField(max_length=64, unique=True)
    voice = models.ForeignKey(Voice, on_delete=models.CASCADE, related_name="auditions")
    queue = models.CharField(max_length=64)
    text = models.CharField(max_length=200)
    state = models.CharField(max_length=8, choices=VoicePreviewState.choices, default=VoicePreviewState.WAITING)
    attempt = models.PositiveSmallIntegerField(default=0)  # of all so far: each has a file of its own
    tries_left = models.PositiveSmallIntegerField()  # a text that kills its worker must not go round
    claimed_at = models.DateTimeField(null=True)
    audio_key = models.CharField(max_length=200, blank=True)
    peaks = models.BinaryField(default=b"")
    took_ms = models.PositiveIntegerField(default=0)  # from the worker's hand to the store
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
        """The name of its sound in the store: no two attempts, of this row or another, have the same."""
        return f"auditions/{str(self.pk)[:2]}/{self.pk}-{attempt}.mp3"

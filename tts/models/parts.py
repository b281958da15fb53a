"""Finished parts of the audio of a running job, each an object in the audio store."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from tts.models.jobs import Job


class AudioPart(models.Model):
    """A part of a job's audio. Its row is written before its object and deleted after it, so no object lacks a row.

    `is_stored` is set once the object is complete. A row where it never is comes from a worker that died or a store
    that was unavailable.
    """

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="%(class)ss")
    attempt = models.PositiveSmallIntegerField()
    # The charged code points of the whole text that are spoken by the end of this part.
    chars = models.PositiveIntegerField()
    is_stored = models.BooleanField(default=False)
    sha256 = models.CharField(max_length=64, default="")  # of the object, which is only used if it still matches
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.key

    @property
    def key(self) -> str:
        """The object's name in the store, which is unique."""
        raise NotImplementedError


class SpeechPart(AudioPart):
    """Samples from the engine, kept so that the next attempt can continue after them: a FLAC file.

    Contains the segments `begins` to `ends` (exclusive) of the text, counted from 0.
    """

    begins = models.PositiveIntegerField()
    ends = models.PositiveIntegerField()
    segment_samples = models.JSONField()  # the length of each segment, in samples
    fingerprint = models.CharField(max_length=64)  # a hash of the segments as they were sent to the engine

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(ends__gt=models.F("begins")), name="speech_part_not_empty"),
        ]

    @property
    def key(self) -> str:
        return f"{str(self.job_id)[:2]}/{self.job_id}-speech-{self.pk}.flac"


class StreamPart(AudioPart):
    """Encoded bytes of a streamed attempt, for readers that are further behind than the relay's buffer.

    Contains the bytes `begins` to `ends` (exclusive) of the attempt's output, counted from 0.
    """

    begins = models.PositiveBigIntegerField()
    ends = models.PositiveBigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(ends__gt=models.F("begins")), name="stream_part_not_empty"),
            # Readers look a part up by position.
            models.UniqueConstraint(
                fields=["job", "attempt", "begins"], condition=models.Q(is_stored=True), name="stream_part_once"
            ),
        ]

    @property
    def key(self) -> str:
        return f"{str(self.job_id)[:2]}/{self.job_id}-stream-{self.pk}.bin"

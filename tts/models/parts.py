"""Parts of a job's audio that are finished while the job runs, each an object in the audio store."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from tts.models.jobs import Job


class AudioPart(models.Model):
    """A row is written before its object and deleted after it, so no object is without a row.

    `is_stored`: the object is there, whole. A row that never gets there is of a worker that died, or of a store that
    was away.
    """

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="%(class)ss")
    attempt = models.PositiveSmallIntegerField()
    # Of the charged code points of the whole text, how many are spoken by its end.
    chars = models.PositiveIntegerField()
    is_stored = models.BooleanField(default=False)
    sha256 = models.CharField(max_length=64, default="")  # of the object: nothing else is used in its place
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.key

    @property
    def key(self) -> str:
        """Its name in the store: no two rows have the same."""
        raise NotImplementedError


class SpeechPart(AudioPart):
    """What the engine has spoken, as it came from it, for another attempt, which then goes on behind it: a FLAC file.

    Segments `begins` to `ends` (exclusive) of the text, counted from 0.
    """

    begins = models.PositiveIntegerField()
    ends = models.PositiveIntegerField()
    segment_samples = models.JSONField()  # how long each is, in samples
    fingerprint = models.CharField(max_length=64)  # of the segments: what was asked of the engine

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(ends__gt=models.F("begins")), name="speech_part_not_empty"),
        ]

    @property
    def key(self) -> str:
        return f"{str(self.job_id)[:2]}/{self.job_id}-speech-{self.pk}.flac"


class StreamPart(AudioPart):
    """Encoded bytes of an attempt that is streamed, for readers that fell behind what the relay holds.

    Bytes `begins` to `ends` (exclusive) of all that the attempt makes, counted from 0.
    """

    begins = models.PositiveBigIntegerField()
    ends = models.PositiveBigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(ends__gt=models.F("begins")), name="stream_part_not_empty"),
            # A reader asks for the part at a byte.
            models.UniqueConstraint(
                fields=["job", "attempt", "begins"], condition=models.Q(is_stored=True), name="stream_part_once"
            ),
        ]

    @property
    def key(self) -> str:
        return f"{str(self.job_id)[:2]}/{self.job_id}-stream-{self.pk}.bin"

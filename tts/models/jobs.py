"""Jobs: one row per text to synthesize."""

import uuid
from typing import ClassVar

from django.db import models
from django.utils import timezone

from accounts.models import Account, AccountOwnedQuerySet, ApiKey


class JobStatus(models.TextChoices):
    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


UNFINISHED = (JobStatus.PENDING, JobStatus.PROCESSING)


class Job(models.Model):
    """A job, from request to audio.

    A worker that claims the job increments `attempt` and keeps `lease_expires_at` in the future. All of its writes are
    fenced by `status='processing', attempt=mine`, so a worker that was presumed dead cannot finish a job that another
    one has claimed.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="jobs")
    api_key = models.ForeignKey(ApiKey, on_delete=models.SET_NULL, null=True, related_name="jobs")
    # The failed job that an operator retried with this one. Unique, so that a second click cannot retry it again.
    retry_of = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="retry")

    # The request.
    voice_id = models.CharField(max_length=160)
    provider = models.CharField(max_length=32)
    queue = models.CharField(max_length=64)
    text = models.TextField()
    text_format = models.CharField(max_length=8, default="text")
    speed = models.FloatField(default=1.0)
    model = models.CharField(max_length=80, blank=True)  # for voices with several models; "": the engine's default
    prompt = models.TextField(blank=True)  # style instructions, billed like the text
    speakers = models.JSONField(null=True)  # for a dialogue: the engine voices of the two speakers
    metadata = models.JSONField(null=True)
    webhook_url = models.CharField(max_length=2048, blank=True)  # for this job only; "": the account's endpoint
    output_format = models.CharField(max_length=16)
    sample_rate_hertz = models.PositiveIntegerField()
    bitrate_kbps = models.PositiveIntegerField(null=True)
    channels = models.PositiveSmallIntegerField(default=1)

    # The price.
    chars_charged = models.PositiveIntegerField()
    cost_microcredits = models.BigIntegerField()
    refunded_microcredits = models.BigIntegerField(default=0)

    # The state.
    status = models.CharField(max_length=16, choices=JobStatus.choices, default=JobStatus.PENDING)
    attempt = models.PositiveSmallIntegerField(default=0)
    lease_expires_at = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)  # a pending job waits until then, because its engine requested a pause
    # Code points: synthesized in this attempt; and sent to a listener, in any attempt (never decreases).
    chars_done = models.PositiveIntegerField(default=0)
    chars_handed_out = models.PositiveIntegerField(default=0)
    is_storing = models.BooleanField(default=False)  # synthesized in this attempt, but not stored yet
    chars_kept = models.PositiveIntegerField(default=0)  # code points that the next attempt need not synthesize again
    audio_ms_done = models.PositiveBigIntegerField(default=0)  # milliseconds of audio synthesized in this attempt
    expected_finish_at = models.DateTimeField(null=True)  # at the speed of this attempt so far; None: unknown
    # The most that it occupies on the disks of this machine until it has ended (tts.storage.capacity).
    expected_bytes = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True)  # of the first attempt
    finished_at = models.DateTimeField(null=True)

    # Streaming: None, or until when the one-time stream URL may be opened, and when it was.
    stream_expires_at = models.DateTimeField(null=True)
    stream_opened_at = models.DateTimeField(null=True)

    # The result.
    audio_key = models.CharField(max_length=200, blank=True)  # name in the audio store
    audio_bytes = models.PositiveBigIntegerField(default=0)
    duration_ms = models.PositiveBigIntegerField(default=0)
    peaks = models.BinaryField(default=b"")  # for the waveform, one byte per peak (speech.audio.peaks)
    # How long the steps of the successful attempt took (tts.timing).
    first_sound_ms = models.PositiveIntegerField(null=True)
    synthesis_ms = models.PositiveIntegerField(null=True)
    encoding_ms = models.PositiveIntegerField(null=True)
    storing_ms = models.PositiveIntegerField(null=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_message = models.CharField(max_length=500, blank=True)
    erased_at = models.DateTimeField(null=True)  # when text, prompt, metadata and audio were deleted

    objects = AccountOwnedQuerySet["Job"].as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["account", "-created_at", "-id"], name="job_account_newest"),
            models.Index(fields=["-created_at", "-id"], name="job_newest"),  # the operators' list of all accounts
            # The queue: what is waiting, for which account and since when; and how many jobs of each account are
            # running.
            models.Index(
                fields=["queue", "account", "created_at"],
                condition=models.Q(status=JobStatus.PENDING),
                name="job_pending",
            ),
            models.Index(
                fields=["account", "lease_expires_at"],
                condition=models.Q(status=JobStatus.PROCESSING),
                name="job_processing",
            ),
            # Adds up the reserved space at every submission.
            models.Index(
                fields=["status", "expected_bytes"],
                condition=models.Q(status__in=UNFINISHED),
                name="job_expected_bytes",
            ),
            models.Index(
                fields=["finished_at"],
                condition=models.Q(erased_at__isnull=True, finished_at__isnull=False),
                name="job_to_erase",
            ),
            # The same, for accounts with their own retention period.
            models.Index(
                fields=["account", "finished_at"],
                condition=models.Q(erased_at__isnull=True, finished_at__isnull=False),
                name="job_to_erase_of_account",
            ),
            # Recently finished jobs, erased or not, for /metrics.
            models.Index(fields=["finished_at"], condition=models.Q(finished_at__isnull=False), name="job_finished"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(status__in=JobStatus.values), name="job_status_valid"),
            models.CheckConstraint(
                condition=models.Q(
                    refunded_microcredits__gte=0, refunded_microcredits__lte=models.F("cost_microcredits")
                ),
                name="job_refund_at_most_cost",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.status} {self.id}"

    @property
    def is_finished(self) -> bool:
        return self.status not in UNFINISHED

    @property
    def is_streamed(self) -> bool:
        return self.stream_expires_at is not None

    @property
    def has_audio(self) -> bool:
        return self.status == JobStatus.COMPLETED and self.erased_at is None

    @property
    def says_nothing(self) -> bool:
        """Whether the text contained nothing to say: the audio is a moment of silence, and the charge was refunded."""
        is_refunded = self.refunded_microcredits == self.cost_microcredits > 0
        return self.status == JobStatus.COMPLETED and self.chars_done == 0 and is_refunded

    @property
    def progress_percent(self) -> int:
        """0 to 100, and 100 only once the audio is available."""
        if self.status == JobStatus.COMPLETED:
            return 100
        return min(99, self.chars_done * 100 // max(1, self.chars_charged))

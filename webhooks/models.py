"""Endpoints, the events that are sent to them, and every attempt.

A delivery is one event for one URL. It stores only the job's ID and builds the body for each attempt, so whatever is
erased from the job is erased here too.
"""

import uuid
from typing import ClassVar

from django.db import models
from django.utils import timezone

from accounts.append_only import TableGuard
from accounts.models import Account, AccountOwnedQuerySet

ATTEMPT_GUARD = TableGuard("webhooks_attempt", "attempt", "attempts are written once", verbs=("UPDATE",))


class DisabledReason(models.TextChoices):
    PAUSED = "paused", "Paused by you"
    GONE = "gone", "The endpoint returned 410 Gone"
    FAILING = "failing", "Every delivery failed for five days"
    OPERATOR = "operator", "Disabled by the administrator of this server"


BY_DECISION = (DisabledReason.PAUSED, DisabledReason.OPERATOR)  # these also stop deliveries to jobs' own URLs


class Endpoint(models.Model):
    """Where an account receives events about its jobs, and the signing secret. At most one per account."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="webhook_endpoint")
    url = models.CharField(max_length=2048)
    secret = models.TextField()  # encrypted, see webhooks.signing_secrets
    previous_secret = models.TextField(blank=True)  # also signs until the time below
    previous_secret_expires_at = models.DateTimeField(null=True)
    disabled_at = models.DateTimeField(null=True)  # None: events are delivered
    disabled_reason = models.CharField(max_length=16, blank=True, choices=DisabledReason.choices)
    owner_told_at = models.DateTimeField(null=True)  # when the owners were emailed that it was disabled
    failing_since = models.DateTimeField(null=True)  # the first failure after the last success
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now)

    objects = AccountOwnedQuerySet["Endpoint"].as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(disabled_at=None, disabled_reason="")
                | models.Q(disabled_at__isnull=False, disabled_reason__in=DisabledReason.values),
                name="endpoint_disabled_with_reason",
            ),
            models.CheckConstraint(
                condition=models.Q(previous_secret="", previous_secret_expires_at=None)
                | (~models.Q(previous_secret="") & models.Q(previous_secret_expires_at__isnull=False)),
                name="endpoint_previous_secret_expires",
            ),
        ]

    def __str__(self) -> str:
        return f"Endpoint of {self.account_id}"  # without the URL: customers put tokens into it

    @property
    def is_enabled(self) -> bool:
        return self.disabled_at is None


class DeliveryState(models.TextChoices):
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"  # after the last attempt, or after a response that makes retries useless
    SKIPPED = "skipped"  # the endpoint was disabled; it can be replayed


class Event(models.TextChoices):
    JOB_COMPLETED = "job.completed"
    JOB_FAILED = "job.failed"
    TEST = "test"


class Delivery(models.Model):
    """An event for one URL.

    A sender claims a delivery by writing its own `claim`, valid until `claim_expires_at`, and may update the row only
    while that claim is there. After a failure, `next_attempt_at` is when the next attempt is due, in database time.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)  # X-TTS-Delivery-ID
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="webhook_deliveries")
    event = models.CharField(max_length=20, choices=Event.choices)
    job_id = models.UUIDField(null=True, db_index=True)  # not a foreign key, because jobs belong to a higher layer
    job_url = models.CharField(max_length=2048, blank=True)  # the job's own URL; "": the account's endpoint
    receiver = models.CharField(max_length=260)  # host:port, which limits the slots of a sender
    created_at = models.DateTimeField(default=timezone.now, editable=False)  # when the event occurred

    state = models.CharField(max_length=12, choices=DeliveryState.choices, default=DeliveryState.PENDING)
    next_attempt_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)  # attempts of this schedule; a replay starts again at 0
    attempts_made = models.PositiveSmallIntegerField(default=0)  # attempts of all schedules
    finished_at = models.DateTimeField(null=True)
    claim = models.UUIDField(null=True)
    claim_expires_at = models.DateTimeField(null=True)

    objects = AccountOwnedQuerySet["Delivery"].as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        indexes: ClassVar = [
            models.Index(fields=["account", "-created_at", "-id"], name="delivery_account_newest"),
            models.Index(fields=["-created_at", "-id"], name="delivery_newest"),  # for the admin page and for deletion
            models.Index(
                fields=["receiver", "next_attempt_at"],
                condition=models.Q(state=DeliveryState.PENDING),
                name="delivery_due",
            ),
            models.Index(fields=["claim"], condition=models.Q(claim__isnull=False), name="delivery_claim"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(state__in=DeliveryState.values), name="delivery_state_valid"),
            models.CheckConstraint(condition=models.Q(event__in=Event.values), name="delivery_event_valid"),
            models.CheckConstraint(
                condition=models.Q(state=DeliveryState.PENDING, next_attempt_at__isnull=False, finished_at=None)
                | (
                    ~models.Q(state=DeliveryState.PENDING)
                    & models.Q(next_attempt_at=None, finished_at__isnull=False, claim=None)
                ),
                name="delivery_pending_has_a_date",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.id}"

    @property
    def uses_job_url(self) -> bool:
        return bool(self.job_url)


class Attempt(models.Model):
    """One attempt, sent or blocked. Written once, when it is over."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveSmallIntegerField()  # X-TTS-Attempt
    started_at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    outcome = models.CharField(max_length=20)  # a `webhooks.client.Outcome`
    status = models.PositiveSmallIntegerField(null=True)  # None: no response
    error = models.CharField(max_length=300, blank=True)  # our message for the customer
    answer = models.TextField(blank=True)  # the first 2 KB of the response

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["delivery", "number"], name="attempt_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.outcome} {self.number} of {self.delivery_id}"

"""What Stripe says about money, as it came and as it is known, and what a person has to look at."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from accounts.models import Account

MAX_ATTEMPTS = 8  # to apply an event of Stripe's; then an operator is told


class Payment(models.Model):
    """What is known about money at Stripe, whether or not we know yet what it was for: refunds may come first."""

    payment_intent_id = models.CharField(max_length=120, primary_key=True)
    invoice_id = models.CharField(max_length=120, blank=True, db_index=True)
    charge_id = models.CharField(max_length=120, blank=True, db_index=True)  # for an operator's search
    refunded = models.PositiveBigIntegerField(default=0)  # in all; it never shrinks

    def __str__(self) -> str:
        return self.payment_intent_id


class DisputeStage(models.IntegerChoices):
    """Stages only go up, so that events may come in any order."""

    INQUIRY = 0  # no money moved
    OPEN = 1  # Stripe withdrew it
    CLOSED = 2


class Dispute(models.Model):
    """A payment that its bank took back, or asks about."""

    dispute_id = models.CharField(max_length=120, primary_key=True)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="disputes")
    amount = models.PositiveBigIntegerField()
    stage = models.PositiveSmallIntegerField(choices=DisputeStage.choices)
    is_won = models.BooleanField(default=False)  # once closed

    def __str__(self) -> str:
        return self.dispute_id


class StripeEvent(models.Model):
    """An event as it came, verified. It is applied once, by a task that may run twice."""

    event_id = models.CharField(max_length=120, primary_key=True)
    type = models.CharField(max_length=120)
    payload = models.BinaryField()
    created_at = models.DateTimeField()  # at Stripe
    received_at = models.DateTimeField(default=timezone.now, editable=False)
    is_reconciled = models.BooleanField(default=False)  # fetched, never delivered
    processed_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["created_at"], condition=models.Q(processed_at__isnull=True), name="stripe_event_waiting"
            ),
            models.Index(fields=["-received_at"], name="stripe_event_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"


class StripeEventLock(models.Model):
    """The one row that whoever applies an event locks: events are applied one after the other, in any order.

    `reconciled_until` is how far Stripe's own list of events was compared with ours.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    reconciled_until = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=models.Q(id=1), name="stripe_cursor_single_row")]

    def __str__(self) -> str:
        return f"Reconciled until {self.reconciled_until}"


class OperatorAlert(models.Model):
    """Something that a person has to look at. The same thing is said once, however often it happens."""

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=40)
    reference = models.CharField(max_length=160)
    message = models.CharField(max_length=500)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, null=True, related_name="operator_alerts")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["kind", "reference"], name="operator_alert_unique")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"

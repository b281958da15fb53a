"""Stripe's events, what they say about payments and disputes, and alerts for operators."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from accounts.models import Account

MAX_ATTEMPTS = 8  # to apply an event; then an operator is alerted


class Payment(models.Model):
    """What is known about a payment at Stripe. The purchase may still be unknown: refunds can arrive first."""

    payment_intent_id = models.CharField(max_length=120, primary_key=True)
    invoice_id = models.CharField(max_length=120, blank=True, db_index=True)
    charge_id = models.CharField(max_length=120, blank=True, db_index=True)  # for the search under /admin
    refunded = models.PositiveBigIntegerField(default=0)  # in total; never decreases

    def __str__(self) -> str:
        return self.payment_intent_id


class DisputeStage(models.IntegerChoices):
    """The stages of a dispute. They only increase, so events may arrive in any order."""

    INQUIRY = 0  # no money was moved
    OPEN = 1  # Stripe withdrew the money
    CLOSED = 2


class Dispute(models.Model):
    """A dispute or an inquiry of a bank about a payment."""

    dispute_id = models.CharField(max_length=120, primary_key=True)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="disputes")
    amount = models.PositiveBigIntegerField()
    stage = models.PositiveSmallIntegerField(choices=DisputeStage.choices)
    is_won = models.BooleanField(default=False)  # set when it is closed

    def __str__(self) -> str:
        return self.dispute_id


class StripeEvent(models.Model):
    """A verified event as it arrived. A task applies it once, even if the task runs twice."""

    event_id = models.CharField(max_length=120, primary_key=True)
    type = models.CharField(max_length=120)
    payload = models.BinaryField()
    created_at = models.DateTimeField()  # when Stripe created it
    received_at = models.DateTimeField(default=timezone.now, editable=False)
    is_reconciled = models.BooleanField(default=False)  # fetched by the reconciliation; it was never delivered
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
    """The single row that is locked while an event is applied, so that events are applied one at a time.

    `reconciled_until` is the time up to which Stripe's list of events was compared with ours.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    reconciled_until = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=models.Q(id=1), name="stripe_cursor_single_row")]

    def __str__(self) -> str:
        return f"Reconciled until {self.reconciled_until}"


class OperatorAlert(models.Model):
    """Something that an operator has to look at. The same problem is reported once, however often it occurs."""

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

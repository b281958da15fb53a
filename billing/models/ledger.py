"""Prices, the ledger and balances.

Credits are stored as integer microcredits: 1 credit = 1,000,000.
"""

import uuid
from typing import ClassVar

from django.db import models
from django.utils import timezone

from accounts.append_only import AppendOnlyModel, AppendOnlyRows
from accounts.models import Account, AccountOwnedQuerySet, ApiKey

MICROCREDITS_PER_CREDIT = 1_000_000


class Price(models.Model):
    """The price of one character. Operators can change it; a job keeps the price it was sold at.

    `code` is a family of voices ("polly:Neural", as in the ids of its voices), or a tier ("premium"), which is what
    families without an enabled row of their own cost.
    """

    code = models.CharField(max_length=100, primary_key=True)
    microcredits_per_character = models.PositiveBigIntegerField()
    is_enabled = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(code__contains=":") | models.Q(is_enabled=True), name="price_of_tier_enabled"
            )
        ]

    def __str__(self) -> str:
        return f"{self.code}: {self.microcredits_per_character} microcredits per character"

    @property
    def is_of_family(self) -> bool:
        return ":" in self.code


class EntryKind(models.TextChoices):
    GRANT = "grant"  # a gift
    ADJUSTMENT = "adjustment"  # an operator's correction, up or down
    CHARGE = "charge"  # a job was accepted
    REFUND = "refund"  # a job failed or was cancelled
    OPERATOR_REFUND = "operator_refund"  # an operator refunded what a job still cost
    TOP_UP = "top_up"  # a pack was paid
    SUBSCRIPTION = "subscription"  # a month of a plan was paid
    CLAWED_BACK = "taken_back"  # Stripe refunded or withdrew the payment; existing rows have this value
    RESTORED = "restored"  # a dispute was won


class LedgerQuerySet(AppendOnlyRows, AccountOwnedQuerySet["LedgerEntry"]):
    """Scopes queries to one tenant and refuses to change rows."""


class LedgerEntry(AppendOnlyModel):
    """One movement of credits, written once. `balance_after` is available minus debt after it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="ledger_entries")
    kind = models.CharField(max_length=16, choices=EntryKind.choices)
    amount_microcredits = models.BigIntegerField()
    balance_after_microcredits = models.BigIntegerField()
    reference = models.CharField(max_length=120, unique=True)  # the cause; unique, so every cause counts once
    job_id = models.UUIDField(null=True)
    actor = models.CharField(max_length=120)  # a label for display
    # For charges: the API key that paid. Not a foreign key, because deleting the key would have to change the row.
    key_id = models.UUIDField(null=True)
    note = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = LedgerQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "ledger entries"
        indexes: ClassVar = [
            models.Index(fields=["account", "-created_at"], name="ledger_account_newest"),
            models.Index(fields=["-created_at", "-id"], name="ledger_newest"),  # for the list under /admin
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["job_id", "kind"], condition=models.Q(job_id__isnull=False), name="ledger_job_kind_unique"
            ),
            models.CheckConstraint(condition=~models.Q(amount_microcredits=0), name="ledger_amount_not_zero"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount_microcredits} {self.reference}"


class KeyMonth(models.Model):
    """What an API key spent in a calendar month (UTC), less its refunds. Updated together with the balance."""

    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="months")
    month = models.DateField()  # the first day of the month
    spent_microcredits = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["api_key", "month"], name="key_month_unique"),
            models.CheckConstraint(condition=models.Q(spent_microcredits__gte=0), name="key_month_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.api_key_id} {self.month:%Y-%m}"


class Balance(models.Model):
    """What an account can spend and what it owes. Always: sum(ledger) = available - debt."""

    account = models.OneToOneField(Account, on_delete=models.PROTECT, primary_key=True, related_name="balance")
    available_microcredits = models.BigIntegerField(default=0)
    debt_microcredits = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(available_microcredits__gte=0), name="balance_available_not_negative"
            ),
            models.CheckConstraint(condition=models.Q(debt_microcredits__gte=0), name="balance_debt_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.available_microcredits} available, {self.debt_microcredits} owed"

    @property
    def spendable_microcredits(self) -> int:
        """What can be spent: nothing while there is debt, because the next credits pay it first."""
        return 0 if self.debt_microcredits else self.available_microcredits

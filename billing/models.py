"""Prices, the ledger, the balances, and what is sold through Stripe.

Credits are integers of microcredits: 1 credit = 1,000,000. Money (`price`, `paid`) is an integer of the currency's
smallest unit, as Stripe counts it: 1000 of usd is $10.00, 1000 of jpy is ¥1000.
"""

import uuid
from typing import ClassVar

from django.db import models
from django.utils import timezone

from accounts.append_only import AppendOnlyModel, AppendOnlyRows
from accounts.models import Account, AccountOwnedQuerySet, ApiKey, Plan

MICROCREDITS_PER_CREDIT = 1_000_000
MAX_ATTEMPTS = 8  # to apply an event of Stripe's; then an operator is told


class Price(models.Model):
    """What one character costs, by tier. Rows an operator changes; a job keeps the price it was sold at."""

    model_type = models.CharField(max_length=16, primary_key=True)
    microcredits_per_character = models.PositiveBigIntegerField()

    def __str__(self) -> str:
        return f"{self.model_type}: {self.microcredits_per_character} microcredits per character"


class EntryKind(models.TextChoices):
    GRANT = "grant"  # a gift
    ADJUSTMENT = "adjustment"  # an operator's correction, up or down
    CHARGE = "charge"  # a job was accepted
    REFUND = "refund"  # a job failed or was cancelled
    TOP_UP = "top_up"  # a pack was paid
    SUBSCRIPTION = "subscription"  # a month of a plan was paid
    TAKEN_BACK = "taken_back"  # Stripe refunded or withdrew the payment
    RESTORED = "restored"  # a dispute was won


class LedgerQuerySet(AppendOnlyRows, AccountOwnedQuerySet["LedgerEntry"]):
    """The tenant wall, and no way to change a row."""


class LedgerEntry(AppendOnlyModel):
    """One movement of credits, written once. `balance_after` is available minus debt after it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="ledger_entries")
    kind = models.CharField(max_length=16, choices=EntryKind.choices)
    amount_microcredits = models.BigIntegerField()
    balance_after_microcredits = models.BigIntegerField()
    reference = models.CharField(max_length=120, unique=True)  # what caused it; makes every cause count once
    job_id = models.UUIDField(null=True)
    actor = models.CharField(max_length=120)
    note = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = LedgerQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "ledger entries"
        indexes: ClassVar = [
            models.Index(fields=["account", "-created_at"], name="ledger_account_newest"),
            models.Index(fields=["-created_at", "-id"], name="ledger_newest"),  # the operator's list of all accounts
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
    """What an API key spent in a calendar month (UTC), less what came back of it. Written with the balance."""

    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="months")
    month = models.DateField()  # its first day
    spent_microcredits = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["api_key", "month"], name="key_month_unique"),
            models.CheckConstraint(condition=models.Q(spent_microcredits__gte=0), name="key_month_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.api_key_id} {self.month:%Y-%m}"


class Balance(models.Model):
    """What an account can spend and what it owes: sum(ledger) = available - debt, always."""

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
        """A debt is paid first, by the next credits."""
        return 0 if self.debt_microcredits else self.available_microcredits


# --- what is sold ---------------------------------------------------------------------------------


class Pack(models.Model):
    """Credits for a price. Rows an operator changes; a purchase keeps what it was sold at."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    credits_microcredits = models.PositiveBigIntegerField()
    price = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    stripe_price_id = models.CharField(max_length=120, blank=True)  # "": the price is written into each Checkout
    is_enabled = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(credits_microcredits__gt=0, price__gt=0), name="pack_is_for_something"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.credits_microcredits / MICROCREDITS_PER_CREDIT:,g} credits"


class StripeCustomer(models.Model):
    """Who an account is at Stripe. `payment_method_id` is the card it let us keep, "" for none."""

    account = models.OneToOneField(Account, on_delete=models.PROTECT, primary_key=True, related_name="stripe_customer")
    customer_id = models.CharField(max_length=120, unique=True)
    payment_method_id = models.CharField(max_length=120, blank=True)

    def __str__(self) -> str:
        return self.customer_id


class SubscriptionState(models.TextChoices):
    CREATED = "created"  # our row; nothing is paid
    ACTIVE = "active"
    PAST_DUE = "past_due"  # a payment failed and Stripe tries again: the plan stays meanwhile
    ENDED = "ended"  # for good


class Subscription(models.Model):
    """A plan that is paid by the month. `synced_at` is when Stripe made the newest event that it was read from."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="subscriptions")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="subscriptions")
    price = models.PositiveBigIntegerField()  # a month
    currency = models.CharField(max_length=3)
    state = models.CharField(max_length=16, choices=SubscriptionState.choices, default=SubscriptionState.CREATED)
    stripe_subscription_id = models.CharField(max_length=120, unique=True, null=True)  # noqa: DJ001
    ends_at = models.DateTimeField(null=True)  # cancelled, and paid until then
    period_ends_at = models.DateTimeField(null=True)
    synced_at = models.DateTimeField(null=True)
    form_token = models.UUIDField(default=uuid.uuid4)  # a form that is sent twice makes one row
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = AccountOwnedQuerySet["Subscription"].as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "form_token"], name="subscription_form_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.plan_id} of {self.account_id}, {self.state}"


class PurchaseKind(models.TextChoices):
    TOP_UP = "top_up"
    RECHARGE = "recharge"  # bought by itself, when credits ran low
    SUBSCRIPTION = "subscription"  # a month of a plan


class PurchaseState(models.TextChoices):
    CREATED = "created"  # our row; Stripe has not answered yet
    OPEN = "open"  # at Stripe, not paid
    PAID = "paid"  # the credits are there
    FAILED = "failed"


class Purchase(models.Model):
    """One payment for credits: what was sold, at which price, and what Stripe calls it.

    It is written before anybody is sent to Stripe. `taken_microcredits` of its credits went back because money did;
    `settlements` counts how often that changed.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="purchases")
    kind = models.CharField(max_length=16, choices=PurchaseKind.choices)
    state = models.CharField(max_length=16, choices=PurchaseState.choices, default=PurchaseState.CREATED)
    pack = models.ForeignKey(Pack, on_delete=models.PROTECT, null=True, related_name="purchases")
    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, null=True, related_name="purchases")
    period_start = models.DateTimeField(null=True)  # of a subscription's month
    credits_microcredits = models.PositiveBigIntegerField()
    price = models.PositiveBigIntegerField()  # before tax
    currency = models.CharField(max_length=3)
    paid = models.PositiveBigIntegerField(null=True)  # with tax
    keeps_card = models.BooleanField(default=False)  # the buyer lets us charge this card again
    stripe_price_id = models.CharField(max_length=120, blank=True)
    checkout_session_id = models.CharField(max_length=120, unique=True, null=True)  # noqa: DJ001
    payment_intent_id = models.CharField(max_length=120, unique=True, null=True)  # noqa: DJ001
    invoice_id = models.CharField(max_length=120, unique=True, null=True)  # noqa: DJ001
    receipt_url = models.URLField(max_length=2000, blank=True)
    taken_microcredits = models.PositiveBigIntegerField(default=0)
    settlements = models.PositiveIntegerField(default=0)
    form_token = models.UUIDField(default=uuid.uuid4)  # a form that is sent twice buys once
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    paid_at = models.DateTimeField(null=True)

    objects = AccountOwnedQuerySet["Purchase"].as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["account", "-created_at"], name="purchase_account_newest"),
            models.Index(fields=["paid_at"], condition=models.Q(state="paid"), name="purchase_paid"),  # revenue
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "form_token"], name="purchase_form_unique"),
            models.UniqueConstraint(fields=["subscription", "period_start"], name="purchase_period_unique"),
            models.UniqueConstraint(
                fields=["account"],
                condition=models.Q(kind="recharge", state__in=["created", "open"]),
                name="purchase_one_recharge_at_once",
            ),
            models.CheckConstraint(
                condition=models.Q(taken_microcredits__lte=models.F("credits_microcredits")),
                name="purchase_takes_no_more_than_it_gave",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="paid") | models.Q(paid__isnull=False, paid_at__isnull=False),
                name="purchase_paid_has_amount",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}, {self.state}"


class Recharge(models.Model):
    """Buys `pack` with the kept card when less than the threshold is left."""

    account = models.OneToOneField(Account, on_delete=models.PROTECT, primary_key=True, related_name="recharge")
    is_on = models.BooleanField(default=False)
    pack = models.ForeignKey(Pack, on_delete=models.PROTECT, related_name="recharges")
    threshold_microcredits = models.PositiveBigIntegerField()
    max_per_month = models.PositiveIntegerField()
    monthly_ceiling = models.PositiveBigIntegerField()  # money, in the pack's currency
    stopped_because = models.CharField(max_length=200, blank=True)
    is_owner_told = models.BooleanField(default=True)  # of the stop, by mail

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["account"], condition=models.Q(is_on=True), name="recharge_on"),
            models.Index(fields=["account"], condition=models.Q(is_owner_told=False), name="recharge_to_tell"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id}: {'on' if self.is_on else 'off'}"


class LowBalanceNotice(models.Model):
    """The owners get one mail when less than the threshold is left, and the next after it was more again."""

    account = models.OneToOneField(Account, on_delete=models.CASCADE, primary_key=True, related_name="low_balance")
    threshold_microcredits = models.PositiveBigIntegerField()
    told_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.account_id}: below {self.threshold_microcredits}"


# --- what Stripe says ------------------------------------------------------------------------------


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


class StripeCursor(models.Model):
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

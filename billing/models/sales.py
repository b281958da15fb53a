"""What is sold, and what was bought: packs, subscriptions, purchases, automatic top-ups.

Money (`price`, `paid`) is an integer in the currency's smallest unit, as at Stripe: 1000 usd is $10.00, 1000 jpy is
¥1000.
"""

import uuid
from typing import ClassVar

from django.db import models
from django.utils import timezone

from accounts.models import Account, AccountOwnedQuerySet, Plan
from billing.models.ledger import MICROCREDITS_PER_CREDIT


class Pack(models.Model):
    """Credits for a price. Operators can change it; a purchase keeps the terms it was sold at."""

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
    """An account's customer at Stripe. `payment_method_id` is the saved card, or "" if there is none."""

    account = models.OneToOneField(Account, on_delete=models.PROTECT, primary_key=True, related_name="stripe_customer")
    customer_id = models.CharField(max_length=120, unique=True)
    payment_method_id = models.CharField(max_length=120, blank=True)

    def __str__(self) -> str:
        return self.customer_id


class SubscriptionState(models.TextChoices):
    CREATED = "created"  # our row exists; nothing is paid
    ACTIVE = "active"
    PAST_DUE = "past_due"  # a payment failed and Stripe retries; the account keeps the plan meanwhile
    ENDED = "ended"  # final


LIVE = (SubscriptionState.ACTIVE, SubscriptionState.PAST_DUE)  # Stripe charges for it


class Subscription(models.Model):
    """A monthly subscription to a plan.

    `plan` and `price` are the latest from Stripe, as of `terms_said_at`; `sold_plan` and `sold_price` are what Checkout
    sold and never change. `synced_at` is the time of the newest Stripe event that updated the state.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="subscriptions")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="subscriptions")
    price = models.PositiveBigIntegerField()  # per month
    currency = models.CharField(max_length=3)  # never changes at Stripe
    sold_plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="+")
    sold_price = models.PositiveBigIntegerField()
    terms_said_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=16, choices=SubscriptionState.choices, default=SubscriptionState.CREATED)
    stripe_subscription_id = models.CharField(max_length=120, unique=True, null=True)  # noqa: DJ001
    ends_at = models.DateTimeField(null=True)  # cancelled, but paid until then
    renewal_paused = models.BooleanField(default=False)  # the account is scheduled for deletion, but may be kept
    period_ends_at = models.DateTimeField(null=True)
    synced_at = models.DateTimeField(null=True)
    form_token = models.UUIDField(default=uuid.uuid4)  # a form that is submitted twice creates one row
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = AccountOwnedQuerySet["Subscription"].as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "form_token"], name="subscription_form_unique"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["account"], condition=models.Q(renewal_paused=True), name="subscription_renewal_paused"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan_id} of {self.account_id}, {self.state}"


class PurchaseKind(models.TextChoices):
    TOP_UP = "top_up"
    RECHARGE = "recharge"  # an automatic top-up
    SUBSCRIPTION = "subscription"  # one month of a plan


class PurchaseState(models.TextChoices):
    CREATED = "created"  # our row exists; Stripe has not answered yet
    OPEN = "open"  # Stripe has it, but it is not paid
    PAID = "paid"  # the credits were added
    FAILED = "failed"


class Purchase(models.Model):
    """One payment for credits: what was sold, at which price, and its IDs at Stripe.

    It is written before the user is sent to Stripe. `taken_microcredits` is how many of its credits were clawed back
    because of refunds and disputes; `settlements` counts how often that changed.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="purchases")
    kind = models.CharField(max_length=16, choices=PurchaseKind.choices)
    state = models.CharField(max_length=16, choices=PurchaseState.choices, default=PurchaseState.CREATED)
    pack = models.ForeignKey(Pack, on_delete=models.PROTECT, null=True, related_name="purchases")
    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, null=True, related_name="purchases")
    period_start = models.DateTimeField(null=True)  # of a subscription's paid month
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, null=True, related_name="+")  # the plan of that month
    credits_microcredits = models.PositiveBigIntegerField()
    price = models.PositiveBigIntegerField()  # before tax
    currency = models.CharField(max_length=3)
    paid = models.PositiveBigIntegerField(null=True)  # with tax
    keeps_card = models.BooleanField(default=False)  # the buyer allows us to charge this card again
    stripe_price_id = models.CharField(max_length=120, blank=True)
    checkout_session_id = models.CharField(max_length=120, unique=True, null=True)  # noqa: DJ001
    payment_intent_id = models.CharField(max_length=120, unique=True, null=True)  # noqa: DJ001
    invoice_id = models.CharField(max_length=120, unique=True, null=True)  # noqa: DJ001
    receipt_url = models.URLField(max_length=2000, blank=True)
    receipt_mailed_at = models.DateTimeField(null=True)
    taken_microcredits = models.PositiveBigIntegerField(default=0)
    settlements = models.PositiveIntegerField(default=0)
    form_token = models.UUIDField(default=uuid.uuid4)  # a form that is submitted twice buys once
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    paid_at = models.DateTimeField(null=True)

    objects = AccountOwnedQuerySet["Purchase"].as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["account", "-created_at"], name="purchase_account_newest"),
            models.Index(fields=["paid_at"], condition=models.Q(state="paid"), name="purchase_paid"),  # revenue
            models.Index(
                fields=["paid_at"],
                condition=models.Q(state="paid", receipt_mailed_at__isnull=True),
                name="purchase_receipt_due",
            ),
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


class AutoTopUp(models.Model):
    """Buys `pack` with the saved card when the balance falls below the threshold."""

    account = models.OneToOneField(Account, on_delete=models.PROTECT, primary_key=True, related_name="recharge")
    is_on = models.BooleanField(default=False)
    pack = models.ForeignKey(Pack, on_delete=models.PROTECT, related_name="recharges")
    threshold_microcredits = models.PositiveBigIntegerField()
    max_per_month = models.PositiveIntegerField()
    monthly_ceiling = models.PositiveBigIntegerField()  # money, in the pack's currency
    stopped_because = models.CharField(max_length=200, blank=True)
    is_owner_told = models.BooleanField(default=True)  # whether the owners got the email that it stopped

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["account"], condition=models.Q(is_on=True), name="recharge_on"),
            models.Index(fields=["account"], condition=models.Q(is_owner_told=False), name="recharge_to_tell"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id}: {'on' if self.is_on else 'off'}"


class LowBalanceNotice(models.Model):
    """Emails the owners once when the balance falls below the threshold, and again only after it has risen above it."""

    account = models.OneToOneField(Account, on_delete=models.CASCADE, primary_key=True, related_name="low_balance")
    threshold_microcredits = models.PositiveBigIntegerField()
    told_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.account_id}: below {self.threshold_microcredits}"

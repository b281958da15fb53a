"""Prices, the ledger, balances, and what is sold through Stripe, one module per topic."""

from billing.models.ledger import (
    MICROCREDITS_PER_CREDIT,
    Balance,
    EntryKind,
    KeyMonth,
    LedgerEntry,
    LedgerQuerySet,
    Price,
)
from billing.models.sales import (
    LIVE,
    AutoTopUp,
    LowBalanceNotice,
    Pack,
    Purchase,
    PurchaseKind,
    PurchaseState,
    StripeCustomer,
    Subscription,
    SubscriptionState,
)
from billing.models.stripe import (
    MAX_ATTEMPTS,
    Dispute,
    DisputeStage,
    OperatorAlert,
    Payment,
    StripeEvent,
    StripeEventLock,
)

__all__ = [
    "LIVE",
    "MAX_ATTEMPTS",
    "MICROCREDITS_PER_CREDIT",
    "AutoTopUp",
    "Balance",
    "Dispute",
    "DisputeStage",
    "EntryKind",
    "KeyMonth",
    "LedgerEntry",
    "LedgerQuerySet",
    "LowBalanceNotice",
    "OperatorAlert",
    "Pack",
    "Payment",
    "Price",
    "Purchase",
    "PurchaseKind",
    "PurchaseState",
    "StripeCustomer",
    "StripeEvent",
    "StripeEventLock",
    "Subscription",
    "SubscriptionState",
]

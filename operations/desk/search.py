"""Finds a customer by any detail: an email, an API key or its visible ends, an ID, a name."""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.db.models.functions import Lower

from accounts.keys import PREFIX
from accounts.models import Account, ApiKey, User
from accounts.selectors import find_keys
from billing.models import Payment, Purchase, StripeCustomer, StripeEvent, Subscription
from tts.models import Job

MAX_HITS = 20  # per kind
STRIPE_ID = re.compile(r"(cus|cs|pi|ch|py|in|sub|du|dp|evt)_[A-Za-z0-9_]{3,110}")


@dataclass(frozen=True, slots=True)
class Hits:
    """The results, at most MAX_HITS of each kind."""

    accounts: Sequence[Account] = ()
    people: Sequence[User] = ()
    keys: Sequence[ApiKey] = ()
    jobs: Sequence[Job] = ()
    payments: Sequence[Purchase | Subscription | StripeEvent] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.accounts or self.people or self.keys or self.jobs or self.payments)


def search(text: str) -> Hits:
    """Searches for a key, an ID, an email or an account name.

    A key may be whole or as pages show it (`tts_ab12…9xyz`), an ID may be ours or Stripe's, and the beginning of an
    email or name is enough.
    """
    text = text.strip()
    if not text:
        return Hits()
    if text.startswith(PREFIX):
        return _of_keys(_find_shown_keys(text))
    if (row_id := _as_uuid(text)) is not None:
        return _by_id(row_id)
    if STRIPE_ID.fullmatch(text):
        return _by_stripe_id(text)
    people = list(
        User.objects.annotate(lower_email=Lower("email"))
        .filter(lower_email__startswith=text.lower())
        .order_by("lower_email")[:MAX_HITS]
    )
    accounts = Account.objects.filter(memberships__user__in=[person.pk for person in people])
    named = Account.objects.filter(name__istartswith=text)
    return Hits(accounts=_accounts(accounts) or _accounts(named), people=people)


def _by_id(row_id: uuid.UUID) -> Hits:
    jobs = list(Job.objects.filter(pk=row_id).defer("text", "metadata").select_related("account"))
    keys = ApiKey.objects.filter(pk=row_id).select_related("account")
    account_ids = [row_id, *(job.account_id for job in jobs), *(key.account_id for key in keys)]
    return Hits(
        accounts=_accounts(Account.objects.filter(pk__in=account_ids)),
        people=list(User.objects.filter(pk=row_id)),
        keys=list(keys),
        jobs=jobs,
    )


def _by_stripe_id(stripe_id: str) -> Hits:
    """Finds rows by a Stripe ID: customer, Checkout, payment, charge, invoice, subscription, dispute or event."""
    named = Q(pk=stripe_id) | Q(charge_id=stripe_id) | Q(disputes=stripe_id)
    payments = Payment.objects.filter(named).values_list("pk", "invoice_id")
    payment_ids = [stripe_id, *(pk for pk, _invoice_id in payments)]
    invoice_ids = [stripe_id, *(invoice_id for _pk, invoice_id in payments if invoice_id)]
    known_as = Q(checkout_session_id=stripe_id) | Q(payment_intent_id__in=payment_ids) | Q(invoice_id__in=invoice_ids)
    purchases = list(Purchase.objects.filter(known_as).select_related("account")[:MAX_HITS])
    subscriptions = list(Subscription.objects.filter(stripe_subscription_id=stripe_id).select_related("account"))
    customers = StripeCustomer.objects.filter(customer_id=stripe_id).values_list("account", flat=True)
    account_ids = [*customers, *(row.account_id for row in purchases), *(row.account_id for row in subscriptions)]
    events = StripeEvent.objects.filter(pk=stripe_id).defer("payload")
    return Hits(
        accounts=_accounts(Account.objects.filter(pk__in=account_ids)),
        payments=[*purchases, *subscriptions, *events],
    )


def _of_keys(keys: QuerySet[ApiKey]) -> Hits:
    found = list(keys.select_related("account").order_by("-created_at")[:MAX_HITS])
    return Hits(accounts=_accounts(Account.objects.filter(pk__in=[key.account_id for key in found])), keys=found)


def _find_shown_keys(text: str) -> QuerySet[ApiKey]:
    prefix, *ends = re.split(r"…|\.\.\.", text, maxsplit=1)
    keys = find_keys(prefix)
    return keys.filter(last_four=ends[0]) if ends and ends[0] else keys


def _accounts(accounts: QuerySet[Account]) -> list[Account]:
    return list(accounts.select_related("plan").order_by("-created_at").distinct()[:MAX_HITS])


def _as_uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None

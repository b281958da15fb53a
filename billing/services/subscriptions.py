"""Monthly subscriptions: created here, updated from Stripe's events, which then set the account's plan.

A subscription's state follows Stripe's. Events may arrive in any order: the one that Stripe created last wins, and the
end is final. Plan and price are read from events and paid invoices alike, so neither has to come first or at all.
"""

import uuid
from datetime import datetime

from django.db import IntegrityError, transaction

from accounts.models import Account, Plan
from billing.errors import SubscribedAlready
from billing.models import LIVE, Purchase, Subscription, SubscriptionState
from billing.services.alerts import raise_alert
from billing.services.purchases import credit_purchase, record_plan, remember_customer, start_month
from config.errors import NotFound

PLAN_AFTERWARDS = "payg"

# https://docs.stripe.com/api/subscriptions/object#subscription_object-status
STATES = {
    "trialing": SubscriptionState.ACTIVE,
    "active": SubscriptionState.ACTIVE,
    "past_due": SubscriptionState.PAST_DUE,
    "incomplete": SubscriptionState.CREATED,
    "incomplete_expired": SubscriptionState.ENDED,
    "unpaid": SubscriptionState.ENDED,
    "canceled": SubscriptionState.ENDED,
    "paused": SubscriptionState.ENDED,
}


@transaction.atomic
def start_subscription(*, account: Account, plan_code: str, form_token: uuid.UUID) -> Subscription:
    """Creates a subscription before the redirect. Raises NotFound (no such plan is sold) or SubscribedAlready."""
    plan = Plan.objects.filter(pk=plan_code, is_sold=True).first()
    if plan is None:
        raise NotFound("There is no such plan to subscribe to.")
    form_token = uuid.uuid5(form_token, plan.pk)  # another choice counts as another form
    Account.objects.select_for_update().get(pk=account.pk)
    if Subscription.objects.for_account(account).filter(state__in=LIVE).exists():
        raise SubscribedAlready
    try:
        with transaction.atomic():
            return Subscription.objects.create(
                account=account,
                plan=plan,
                price=plan.price,
                currency=plan.currency,
                sold_plan=plan,
                sold_price=plan.price,
                form_token=form_token,
            )
    except IntegrityError:
        return Subscription.objects.for_account(account).get(form_token=form_token)


def find_subscription(*, subscription_id: str | None, stripe_subscription_id: str | None) -> Subscription | None:
    rows = Subscription.objects.select_related("account", "plan", "sold_plan")
    found = rows.filter(stripe_subscription_id=stripe_subscription_id).first() if stripe_subscription_id else None
    return found or (rows.filter(pk=subscription_id).first() if subscription_id else None)


@transaction.atomic
def note_checkout(
    *, subscription_id: str | None, stripe_subscription_id: str | None, customer_id: str | None
) -> Subscription | None:
    """Saves Stripe's IDs. Credits nothing: the first invoice does."""
    found = find_subscription(subscription_id=subscription_id, stripe_subscription_id=stripe_subscription_id)
    if found is None or not stripe_subscription_id:
        return None
    row = Subscription.objects.select_for_update().select_related("account", "plan", "sold_plan").get(pk=found.pk)
    if row.stripe_subscription_id is None:
        row.stripe_subscription_id = stripe_subscription_id
        row.save(update_fields=["stripe_subscription_id"])
    elif row.stripe_subscription_id != stripe_subscription_id:
        raise_alert(
            kind="second_subscription",
            reference=stripe_subscription_id,
            message=f"{stripe_subscription_id} was created from the same form as {row.stripe_subscription_id}.",
            account=row.account,
        )
        return None
    if customer_id:
        remember_customer(account=row.account, customer_id=customer_id)
    return row


def plan_of_month(*, subscription: Subscription, stripe_price_id: str, price: int, currency: object) -> Plan | None:
    """Returns the plan for a month at this price, or None if neither a plan nor a sale of ours confirms it.

    A price that no plan names was created by Checkout for this subscription, or agreed at Stripe.
    """
    named = _plan_named(stripe_price_id)
    if named is not None and (named.price, named.currency) == (price, currency):
        return named
    for plan, amount in (
        (subscription.plan, subscription.price),
        (subscription.sold_plan, subscription.sold_price),
    ):
        if (amount, subscription.currency) == (price, currency) and named in (None, plan):
            return plan
    return None


@transaction.atomic
def credit_month(
    *,
    subscription: Subscription,
    plan: Plan,
    price: int,
    said_at: datetime,
    stripe_subscription_id: str | None,
    customer_id: str | None,
    invoice_id: str,
    period_start: datetime,
    paid: int,
    payment_intent_id: str | None,
    receipt_url: str,
) -> bool:
    """Adds the credits of a paid month, once. `said_at` is when Stripe created the invoice.

    The first month sets the subscription's plan unless an event was faster; later the newest invoice or event does.
    """
    row = note_checkout(
        subscription_id=str(subscription.pk), stripe_subscription_id=stripe_subscription_id, customer_id=customer_id
    )
    if row is None:
        return False
    if row.state != SubscriptionState.ENDED:
        _take_terms(row, plan=plan, price=price, currency=row.currency, said_at=said_at)
    if row.state == SubscriptionState.CREATED:
        _set_state(row, SubscriptionState.ACTIVE)
    purchase: Purchase = start_month(
        subscription=row, plan=plan, price=price, period_start=period_start, invoice_id=invoice_id
    )
    return credit_purchase(
        purchase=purchase,
        paid=paid,
        payment_intent_id=payment_intent_id,
        invoice_id=invoice_id,
        receipt_url=receipt_url,
    )


@transaction.atomic
def sync_subscription(
    *,
    subscription_id: str | None,
    stripe_subscription_id: str,
    customer_id: str | None,
    status: str,
    stripe_price_id: str,
    price: int | None,
    currency: str | None,
    ends_at: datetime | None,
    period_ends_at: datetime | None,
    said_at: datetime,
) -> None:
    """Updates the subscription with Stripe's state. Data older than ours is ignored, except that an end is final."""
    row = note_checkout(
        subscription_id=subscription_id, stripe_subscription_id=stripe_subscription_id, customer_id=customer_id
    )
    state = STATES.get(status)
    if row is None or state is None or row.state == SubscriptionState.ENDED:
        return
    is_old = row.synced_at is not None and said_at < row.synced_at
    if is_old and state != SubscriptionState.ENDED:
        return
    Subscription.objects.filter(pk=row.pk).update(ends_at=ends_at, period_ends_at=period_ends_at, synced_at=said_at)
    if price is not None and currency:
        plan = _plan_named(stripe_price_id) or plan_of_month(
            subscription=row, stripe_price_id=stripe_price_id, price=price, currency=currency
        )
        _take_terms(row, plan=plan or row.plan, price=price, currency=currency, said_at=said_at)
    # A paid subscription is active, even if an older event says "incomplete".
    if state != SubscriptionState.CREATED:
        _set_state(row, state)


def _plan_named(stripe_price_id: str) -> Plan | None:
    return Plan.objects.filter(stripe_price_id=stripe_price_id).first() if stripe_price_id else None


def _take_terms(row: Subscription, *, plan: Plan, price: int, currency: str, said_at: datetime) -> None:
    """Updates plan and price as of `said_at`, unless newer ones are known."""
    if row.terms_said_at is not None and said_at < row.terms_said_at:
        return
    if plan != row.plan and row.state in LIVE:
        _leave_plan(row, to=plan.pk)
    row.plan, row.price, row.currency, row.terms_said_at = plan, price, currency, said_at
    row.save(update_fields=["plan", "price", "currency", "terms_said_at"])


def live_subscriptions(*, account: Account) -> list[Subscription]:
    """Returns the subscriptions that Stripe charges for."""
    return list(Subscription.objects.for_account(account).filter(state__in=LIVE))


@transaction.atomic
def end_subscription(*, subscription: Subscription) -> None:
    """Ends a subscription that we cancelled at Stripe. Stripe's event then changes nothing."""
    row = Subscription.objects.select_for_update().select_related("account", "plan").get(pk=subscription.pk)
    if row.state != SubscriptionState.ENDED:
        _set_state(row, SubscriptionState.ENDED)


def _set_state(row: Subscription, state: SubscriptionState) -> None:
    Subscription.objects.filter(pk=row.pk).update(state=state)
    row.state = state
    if state in LIVE:
        _take_plan(row)
    elif state == SubscriptionState.ENDED:
        _leave_plan(row, to=PLAN_AFTERWARDS)


def _take_plan(row: Subscription) -> None:
    """Gives the account the subscription's plan, unless an operator set another plan (enterprise)."""
    before = Account.objects.select_for_update().get(pk=row.account_id).plan_id
    if before in ("free", PLAN_AFTERWARDS) and before != row.plan_id:
        Account.objects.filter(pk=row.account_id).update(plan=row.plan_id)
        record_plan(account=row.account, before=before, after=row.plan_id, reason="The subscription is paid.")
    others = Subscription.objects.filter(account=row.account_id, state__in=LIVE).exclude(pk=row.pk)
    if others.exists():
        raise_alert(
            kind="second_subscription",
            reference=str(row.pk),
            message="An account pays for two subscriptions. Cancel and refund one of them at Stripe.",
            account=row.account,
        )


def _leave_plan(row: Subscription, *, to: str) -> None:
    """Removes the subscription's plan, unless another subscription pays for it or the account has another plan."""
    others = Subscription.objects.filter(account=row.account_id, plan=row.plan_id, state__in=LIVE).exclude(pk=row.pk)
    if others.exists():
        return
    if Account.objects.filter(pk=row.account_id, plan=row.plan_id).update(plan=to):
        reason = "The subscription has ended." if to == PLAN_AFTERWARDS else "The subscription was changed."
        record_plan(account=row.account, before=row.plan_id, after=to, reason=reason)


def as_uuid(value: object) -> str | None:
    """Returns a UUID in canonical form, or None."""
    try:
        return str(uuid.UUID(value)) if isinstance(value, str) else None
    except ValueError:
        return None

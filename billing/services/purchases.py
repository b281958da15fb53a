"""Purchases of credits: recorded before the user is sent to Stripe, credited when Stripe says paid, and clawed back.

Owns the states of `Purchase` and what refunds and disputes take. It never calls Stripe: `billing.gateway` does.
`billing.services.stripe_events` interprets Stripe's events.
"""

import uuid
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Sum
from django.utils import timezone

from accounts.models import Account, Plan
from accounts.services import audit
from accounts.services.audit import SYSTEM
from billing.models import (
    Dispute,
    DisputeStage,
    EntryKind,
    Pack,
    Payment,
    Purchase,
    PurchaseKind,
    PurchaseState,
    StripeCustomer,
    Subscription,
)
from billing.services.ledger import claw_back, credit_payment

UNPAID = (PurchaseState.CREATED, PurchaseState.OPEN, PurchaseState.FAILED)


@transaction.atomic
def start_top_up(*, account: Account, pack: Pack, form_token: uuid.UUID, keeps_card: bool = False) -> Purchase:
    """Creates a purchase before the redirect. The same form submitted again returns the same purchase, in any state.

    A form that is submitted again with another choice, after returning from Stripe, counts as another form.
    """
    form_token = uuid.uuid5(form_token, f"{pack.pk} {keeps_card}")
    try:
        with transaction.atomic():
            return Purchase.objects.create(
                account=account,
                kind=PurchaseKind.TOP_UP,
                pack=pack,
                credits_microcredits=pack.credits_microcredits,
                price=pack.price,
                currency=pack.currency,
                stripe_price_id=pack.stripe_price_id,
                keeps_card=keeps_card,
                form_token=form_token,
            )
    except IntegrityError:
        return Purchase.objects.for_account(account).get(form_token=form_token)


def mark_opened(
    *, purchase: Purchase, checkout_session_id: str | None = None, payment_intent_id: str | None = None
) -> None:
    """Records that Stripe has it. Does nothing if an event was faster and it is already paid."""
    changes = {"checkout_session_id": checkout_session_id, "payment_intent_id": payment_intent_id}
    rows = Purchase.objects.filter(pk=purchase.pk, state__in=UNPAID)
    rows.exclude(kind=PurchaseKind.RECHARGE, state=PurchaseState.FAILED).update(
        state=PurchaseState.OPEN, **{name: value for name, value in changes.items() if value}
    )


def mark_failed(*, purchase: Purchase) -> bool:
    """Records a failure: Stripe was unavailable, the card was declined, or time ran out.

    A late payment still counts.
    """
    return bool(
        Purchase.objects.filter(pk=purchase.pk, state__in=(PurchaseState.CREATED, PurchaseState.OPEN)).update(
            state=PurchaseState.FAILED
        )
    )


@transaction.atomic
def start_month(
    *, subscription: Subscription, plan: Plan, price: int, period_start: datetime, invoice_id: str
) -> Purchase:
    """Returns the purchase for a paid month: one per subscription and period, however often Stripe reports it."""
    try:
        with transaction.atomic():
            return Purchase.objects.create(
                account=subscription.account,
                kind=PurchaseKind.SUBSCRIPTION,
                subscription=subscription,
                plan=plan,
                period_start=period_start,
                credits_microcredits=plan.monthly_microcredits,
                price=price,
                currency=subscription.currency,
                invoice_id=invoice_id,
            )
    except IntegrityError:
        return Purchase.objects.get(subscription=subscription, period_start=period_start)


@transaction.atomic
def credit_purchase(
    *,
    purchase: Purchase,
    paid: int,
    payment_intent_id: str | None,
    invoice_id: str | None = None,
    receipt_url: str = "",
) -> bool:
    """Adds the credits. `paid` includes tax, in the currency's smallest unit. Returns False if already credited.

    The first top-up moves the account from free to pay as you go. Earlier refunds are clawed back immediately.
    """
    found: dict[str, object] = {"receipt_url": receipt_url} if receipt_url else {}
    if payment_intent_id:
        found["payment_intent_id"] = payment_intent_id
    if invoice_id:
        found["invoice_id"] = invoice_id
    if not Purchase.objects.filter(pk=purchase.pk, state__in=UNPAID).update(
        state=PurchaseState.PAID, paid=paid, paid_at=timezone.now(), **found
    ):
        return False
    account = purchase.account
    is_month = purchase.kind == PurchaseKind.SUBSCRIPTION
    if purchase.credits_microcredits:
        credit_payment(
            account=account,
            kind=EntryKind.SUBSCRIPTION if is_month else EntryKind.TOP_UP,
            amount_microcredits=purchase.credits_microcredits,
            reference=f"purchase:{purchase.pk}",
            note="One month of a plan." if is_month else "Bought.",
        )
    if not is_month:
        leave_free_plan(account=account)
    settle(purchase=purchase)
    return True


@transaction.atomic
def leave_free_plan(*, account: Account) -> None:
    """Moves an account from free to pay as you go."""
    if Account.objects.filter(pk=account.pk, plan="free").update(plan="payg"):
        record_plan(account=account, before="free", after="payg", reason="The first credits were bought.")


def record_plan(*, account: Account, before: str, after: str, reason: str) -> None:
    audit.record(
        actor=SYSTEM,
        action="account.plan_changed",
        reason=reason,
        target_type="account",
        target_id=account.pk,
        account=account,
        before={"plan": before},
        after={"plan": after},
    )


@transaction.atomic
def settle(*, purchase: Purchase) -> None:
    """Claws back or restores the difference between the refunded money and the credits taken so far.

    It computes from everything known, not from the last event, so the order and repetition of events do not matter.
    """
    row = Purchase.objects.select_for_update().select_related("account").get(pk=purchase.pk)
    if row.state != PurchaseState.PAID:
        return
    wanted = _share(row.credits_microcredits, _money_gone(row), row.paid or 0)
    difference = wanted - row.taken_microcredits
    if not difference:
        return
    reference = f"settle:{row.pk}:{row.settlements + 1}"
    if difference > 0:
        note = "The payment was refunded at Stripe or disputed."
        claw_back(account=row.account, amount_microcredits=difference, reference=reference, note=note)
    else:
        credit_payment(
            account=row.account,
            kind=EntryKind.RESTORED,
            amount_microcredits=-difference,
            reference=reference,
            note="The payment dispute was won.",
        )
    Purchase.objects.filter(pk=row.pk).update(taken_microcredits=wanted, settlements=row.settlements + 1)


def _money_gone(purchase: Purchase) -> int:
    """Returns the money refunded or disputed, in the currency's smallest unit; at most what was paid."""
    payment = Payment.objects.filter(pk=purchase.payment_intent_id).first() if purchase.payment_intent_id else None
    if payment is None and purchase.invoice_id:
        payment = Payment.objects.filter(invoice_id=purchase.invoice_id).first()
    if payment is None:
        return 0
    lost = Dispute.objects.filter(payment=payment, stage__gte=DisputeStage.OPEN, is_won=False)
    disputed: int = lost.aggregate(total=Sum("amount"))["total"] or 0
    return min(payment.refunded + disputed, purchase.paid or 0)


def _share(credits: int, money: int, of: int) -> int:
    """Returns the credits for a share of the money, rounded down in the customer's favour.

    All money takes all credits.
    """
    return credits * money // of if of else 0


@transaction.atomic
def remember_customer(*, account: Account, customer_id: str) -> None:
    """Saves the Stripe customer. The first one is kept, because it has the cards and invoices."""
    StripeCustomer.objects.get_or_create(account=account, defaults={"customer_id": customer_id})


def keep_card(*, account: Account, customer_id: str, payment_method_id: str) -> None:
    StripeCustomer.objects.filter(account=account, customer_id=customer_id).update(payment_method_id=payment_method_id)


def forget_card(*, customer: StripeCustomer) -> None:
    """Deletes this card. Another one that was saved in the meantime stays."""
    kept = StripeCustomer.objects.filter(pk=customer.pk, payment_method_id=customer.payment_method_id)
    kept.update(payment_method_id="")

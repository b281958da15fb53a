"""Purchases of credits: our row before anybody is sent to Stripe, the credit when Stripe says paid, and the way back.

Owns the states of `Purchase` and what refunds and disputes take. It asks Stripe nothing: that is `billing.gateway`.
What Stripe's events mean is `billing.services.stripe_events`.
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
    """Our row, before the redirect. The same form sent again gives the same row, whatever has become of it.

    Sent again with another choice, by whoever came back from Stripe, it is another form.
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
    """Stripe has it. Changes nothing when an event was quicker and it is paid."""
    changes = {"checkout_session_id": checkout_session_id, "payment_intent_id": payment_intent_id}
    rows = Purchase.objects.filter(pk=purchase.pk, state__in=UNPAID)
    rows.exclude(kind=PurchaseKind.RECHARGE, state=PurchaseState.FAILED).update(
        state=PurchaseState.OPEN, **{name: value for name, value in changes.items() if value}
    )


def mark_failed(*, purchase: Purchase) -> bool:
    """Stripe was out of reach, the card was declined, or nobody paid in time. A late payment still counts."""
    return bool(
        Purchase.objects.filter(pk=purchase.pk, state__in=(PurchaseState.CREATED, PurchaseState.OPEN)).update(
            state=PurchaseState.FAILED
        )
    )


@transaction.atomic
def start_month(
    *, subscription: Subscription, plan: Plan, price: int, period_start: datetime, invoice_id: str
) -> Purchase:
    """The row of a paid month; one per subscription and period, however often Stripe says so."""
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
    """It is paid: `paid` with tax, in the currency's smallest unit. False when the credits were there already.

    The first top-up moves the account from free to pay as you go. What was refunded before is taken at once.
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
    """Whoever has paid once pays as they go."""
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
    """Takes or restores what is between what money went back and what credits did.

    It looks at all that is known, not at what happened last: so neither the order of events nor their repetition
    matters.
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
    """In the currency's smallest unit; never more than was paid."""
    payment = Payment.objects.filter(pk=purchase.payment_intent_id).first() if purchase.payment_intent_id else None
    if payment is None and purchase.invoice_id:
        payment = Payment.objects.filter(invoice_id=purchase.invoice_id).first()
    if payment is None:
        return 0
    lost = Dispute.objects.filter(payment=payment, stage__gte=DisputeStage.OPEN, is_won=False)
    disputed: int = lost.aggregate(total=Sum("amount"))["total"] or 0
    return min(payment.refunded + disputed, purchase.paid or 0)


def _share(credits: int, money: int, of: int) -> int:
    """Pro rata, rounded down: nobody loses a microcredit more than went back. All for all."""
    return credits * money // of if of else 0


@transaction.atomic
def remember_customer(*, account: Account, customer_id: str) -> None:
    """The first one stays: its cards and invoices are there."""
    StripeCustomer.objects.get_or_create(account=account, defaults={"customer_id": customer_id})


def keep_card(*, account: Account, customer_id: str, payment_method_id: str) -> None:
    StripeCustomer.objects.filter(account=account, customer_id=customer_id).update(payment_method_id=payment_method_id)


def forget_card(*, customer: StripeCustomer) -> None:
    """That one; another, kept meanwhile, stays."""
    kept = StripeCustomer.objects.filter(pk=customer.pk, payment_method_id=customer.payment_method_id)
    kept.update(payment_method_id="")

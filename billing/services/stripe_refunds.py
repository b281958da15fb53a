"""Handles events about refunds, disputes and charges."""

from django.db.models import Q

from billing.models import Dispute, DisputeStage, Payment, Purchase, StripeEvent
from billing.services.purchases import settle
from billing.services.stripe_objects import NotOurs, Object, get_id, number, our_id


def charge_refunded(charge: Object, event: StripeEvent) -> None:
    """Records a refund. `amount_refunded` is the total so far, so the largest value seen is the right one."""
    if intent_id := _note_charge(charge):
        refunded = number(charge.get("amount_refunded"))
        Payment.objects.filter(pk=intent_id, refunded__lt=refunded).update(refunded=refunded)
        settle_payment(intent_id)
    if url := charge.get("receipt_url"):
        _keep_receipt(charge, str(url))


def charge_succeeded(charge: Object, event: StripeEvent) -> None:
    """Records the receipt's URL. Credits nothing."""
    _note_charge(charge)
    if url := charge.get("receipt_url"):
        _keep_receipt(charge, str(url))


def _note_charge(charge: Object) -> str | None:
    """Records a charge. Returns its payment's ID, or None if there is none."""
    intent_id = get_id(charge.get("payment_intent"))
    if intent_id:
        Payment.objects.update_or_create(pk=intent_id, defaults={"charge_id": get_id(charge) or ""})
    return intent_id


def _keep_receipt(charge: Object, url: str) -> None:
    purchase_id = our_id(charge, "purchase")
    if purchase_id and url.startswith("https://") and len(url) <= 2000:
        Purchase.objects.filter(pk=purchase_id, receipt_url="").update(receipt_url=url)


def refund_failed(refund: Object, event: StripeEvent) -> None:
    raise NotOurs("a refund failed and the money is back at Stripe. Adjust the credits manually")


def dispute_changed(dispute: Object, event: StripeEvent) -> None:
    intent_id, dispute_id = get_id(dispute.get("payment_intent")), get_id(dispute)
    if not intent_id or not dispute_id:
        raise NotOurs("a dispute without a payment")
    status = str(dispute.get("status"))
    stage = DisputeStage.OPEN
    if status.startswith("warning_"):
        stage = DisputeStage.INQUIRY
    elif status in {"won", "lost", "prevented"}:
        stage = DisputeStage.CLOSED
    is_won = status in {"won", "prevented"}
    Payment.objects.get_or_create(pk=intent_id)
    values = {"payment_id": intent_id, "amount": number(dispute.get("amount")), "stage": stage, "is_won": is_won}
    row, is_new = Dispute.objects.get_or_create(pk=dispute_id, defaults=values)
    if not is_new:
        Dispute.objects.filter(pk=row.pk, stage__lt=stage).update(**values)
    settle_payment(intent_id)


def settle_payment(intent_id: str) -> None:
    invoice_id = Payment.objects.values_list("invoice_id", flat=True).get(pk=intent_id)
    paid_for = Q(payment_intent_id=intent_id) | (Q(invoice_id=invoice_id) if invoice_id else Q())
    for purchase in Purchase.objects.filter(paid_for):
        settle(purchase=purchase)

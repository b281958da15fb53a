"""Automatic top-ups: when they are due, what limits them, and what ends them."""

import uuid
from datetime import timedelta

import httpx
import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from accounts.models import Account, Role
from billing import gateway
from billing.auto_top_up import recharge_account
from billing.models import AutoTopUp, Pack, Purchase, PurchaseKind
from billing.reconciliation import reconcile
from billing.selectors import accounts_to_recharge, get_balance
from billing.services.auto_top_up import save_recharge
from billing.services.ledger import charge_job
from billing.services.purchases import keep_card, start_top_up
from billing.tasks import sweep_payments
from tests.factories import make_account, make_user
from tests.peers.stripe_helpers import CREDIT, deliver, event
from tests.peers.stripe_peer import API_KEY, DECLINED_LATER, GOOD_CARD, StripePeer
from tests.support.ports import free_port

pytestmark = pytest.mark.django_db


def with_card(stripe: StripePeer, card: str = GOOD_CARD, *, name: str = "Acme") -> Account:
    """An account that bought 1,000 credits, let us keep the card, and tops up below 500."""
    acme = make_account(name, plan="free", credits=0)
    make_user(f"alice@{name.lower()}.example", acme)
    make_user(f"bob@{name.lower()}.example", acme, Role.DEVELOPER)
    pack = Pack.objects.get(credits_microcredits=1_000 * CREDIT)
    purchase = start_top_up(account=acme, pack=pack, form_token=uuid.uuid4(), keeps_card=True)
    stripe.pay(gateway.open_checkout(purchase)[1], card=card)
    reconcile()
    switch_on(acme)
    return acme


def switch_on(account: Account, **changes: int) -> None:
    values = {"threshold_microcredits": 500 * CREDIT, "max_per_month": 2, "monthly_ceiling": 5_000} | changes
    pack = Pack.objects.get(credits_microcredits=1_000 * CREDIT)
    save_recharge(account=account, is_on=True, pack=pack, **values)


def spend(account: Account, credits: int) -> None:
    charge_job(account=account, job_id=uuid.uuid4(), cost_microcredits=credits * CREDIT, actor="key:1")


def available(account: Account) -> float:
    return get_balance(account).available_microcredits / CREDIT


def recharges(account: Account) -> list[str]:
    rows = Purchase.objects.filter(account=account, kind=PurchaseKind.RECHARGE).order_by("created_at")
    return list(rows.values_list("state", flat=True))


def test_below_the_threshold_the_pack_is_bought_and_its_event_credits(stripe: StripePeer):
    acme = with_card(stripe)
    assert accounts_to_recharge() == []
    spend(acme, 501)
    assert accounts_to_recharge() == [acme.pk]
    sweep_payments()
    assert recharges(acme) == ["open"]
    assert available(acme) == 499  # charged; the credits come with the event
    sweep_payments()
    assert recharges(acme) == ["open"]  # one at a time
    reconcile()
    assert (recharges(acme), available(acme)) == (["paid"], 1_499)
    reconcile()
    assert available(acme) == 1_499


def test_so_many_times_a_month_and_no_more(stripe: StripePeer):
    acme = with_card(stripe)
    for _ in range(4):
        spend(acme, int(available(acme)))
        sweep_payments()
        reconcile()
    assert recharges(acme) == ["paid", "paid"]
    assert available(acme) == 0
    with time_machine.travel(timezone.now() + timedelta(days=32)):
        assert recharge_account(acme) is not None


def test_never_more_money_than_the_ceiling(stripe: StripePeer):
    acme = with_card(stripe)
    switch_on(acme, max_per_month=50, monthly_ceiling=1_999)
    for _ in range(3):
        spend(acme, int(available(acme)))
        sweep_payments()
        reconcile()
    assert recharges(acme) == ["paid"]


def test_a_declined_card_stops_it_and_tells_the_owner_once(stripe: StripePeer):
    acme = with_card(stripe, DECLINED_LATER)
    spend(acme, 900)
    for _ in range(3):
        sweep_payments()
        reconcile()
    assert recharges(acme) == ["failed"]
    row = AutoTopUp.objects.get()
    assert (row.is_on, row.stopped_because, row.is_owner_told) == (False, "The card was declined.", True)
    assert available(acme) == 100
    (message,) = mail.outbox
    assert message.to == ["alice@acme.example"]
    assert message.subject == "Your credits are no longer topped up automatically"
    assert "The card was declined." in message.body
    assert "http://127.0.0.1:8000/billing" in message.body
    switch_on(acme)
    sweep_payments()
    assert recharges(acme) == ["failed", "failed"]


@pytest.mark.parametrize("what", ["payment_methods/{card}/detach", "customers/{customer}"], ids=["card", "customer"])
def test_a_card_that_was_removed_at_stripe_stops_it_at_once_and_tells_the_owner(stripe: StripePeer, what: str):
    acme = with_card(stripe)
    spend(acme, 900)
    customer = acme.stripe_customer
    path = what.format(card=customer.payment_method_id, customer=customer.customer_id)
    method = "POST" if path.endswith("detach") else "DELETE"
    httpx.request(method, f"{stripe.url}/v1/{path}", auth=(API_KEY, "")).raise_for_status()
    for _ in range(2):
        sweep_payments()
        reconcile()
    assert (recharges(acme), available(acme)) == (["failed"], 100)
    row = AutoTopUp.objects.get()
    assert (row.is_on, row.is_owner_told) == (False, True)
    (message,) = mail.outbox
    assert message.to == ["alice@acme.example"]
    assert "The saved card can no longer be charged. Save a card with your next purchase." in message.body
    customer.refresh_from_db()
    assert customer.payment_method_id == ""  # it cannot be switched on with that one


def test_stripe_away_is_asked_again_and_charged_once(stripe: StripePeer, settings):
    acme = with_card(stripe)
    spend(acme, 900)
    settings.STRIPE_API_BASE = f"http://127.0.0.1:{free_port()}"
    sweep_payments()
    assert recharges(acme) == ["created"]
    settings.STRIPE_API_BASE = stripe.url
    sweep_payments()
    reconcile()
    assert (recharges(acme), available(acme)) == (["paid"], 1_100)


def test_a_day_without_an_answer_ends_it(stripe: StripePeer, settings):
    acme = with_card(stripe)
    spend(acme, 900)
    settings.STRIPE_API_BASE = f"http://127.0.0.1:{free_port()}"
    sweep_payments()
    with time_machine.travel(timezone.now() + timedelta(hours=21)):
        sweep_payments()
    assert recharges(acme) == ["failed"]
    assert AutoTopUp.objects.get().is_on is False


def test_a_card_that_nobody_let_us_keep_is_not_kept(stripe: StripePeer):
    acme = make_account("Acme", credits=0)
    purchase = start_top_up(account=acme, pack=Pack.objects.all()[0], form_token=uuid.uuid4())
    keep_card(account=acme, customer_id="cus_none", payment_method_id="pm_1")  # no such customer: nothing happens
    stripe.pay(gateway.open_checkout(purchase)[1])
    reconcile()
    assert acme.stripe_customer.payment_method_id == ""
    switch_on(acme, threshold_microcredits=10**15)
    assert recharge_account(acme) is None


def test_the_event_of_another_account_credits_nothing(stripe: StripePeer):
    acme = with_card(stripe)
    spend(acme, 900)
    sweep_payments()
    purchase = Purchase.objects.get(kind=PurchaseKind.RECHARGE)
    intent = {
        "id": "pi_1", "amount_received": 1_000, "currency": "usd",
        "metadata": {"purchase": str(purchase.pk), "account": str(uuid.uuid4())},
    }  # fmt: skip
    deliver(event("payment_intent.succeeded", intent))
    assert available(acme) == 100

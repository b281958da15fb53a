"""Answers of Stripe's that are lost, late, cut or nonsense: it is said, our row is marked, nobody pays twice."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
import requests
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import Account
from billing import gateway
from billing.errors import PaymentsUnavailable
from billing.models import AutoTopUp, LedgerEntry, Pack, Purchase, PurchaseKind, StripeCustomer, Subscription
from billing.reconciliation import reconcile
from billing.selectors import get_balance
from billing.tasks import sweep_payments
from tests.billing.test_auto_top_up import spend, with_card
from tests.billing.test_billing_page import shown
from tests.factories import make_account, make_user
from tests.peers.fault_proxy import FAULTS, Fault, FaultProxy
from tests.peers.stripe_helpers import CREDIT
from tests.peers.stripe_peer import StripePeer

pytestmark = pytest.mark.django_db

each_fault = pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
AWAY = "The payment service is unavailable. You were not charged. Try again in a minute."


@pytest.fixture
def client(acme: Account) -> Client:
    client = Client()
    client.force_login(make_user("alice@acme.example", acme))
    return client


def available(account: Account) -> float:
    return get_balance(account).available_microcredits / CREDIT


def payments_of(purchase: Purchase) -> int:
    """How often its card was charged at Stripe."""
    events = gateway.list_events(since=timezone.now() - timedelta(hours=1), types=["payment_intent.succeeded"])
    ours = [event["data"]["object"]["metadata"].get("purchase") for event in events]
    return ours.count(str(purchase.pk))


def test_who_waits_for_stripe_holds_no_connection_to_the_database(
    committed_db: None, stripe: StripePeer, monkeypatch: Any
):
    held = []
    request = requests.Session.request

    def look_and_ask(*arguments: Any, **options: Any) -> requests.Response:
        held.append(connection.connection is not None)
        return request(*arguments, **options)

    monkeypatch.setattr(requests.Session, "request", look_and_ask)
    client = Client()
    client.force_login(make_user("bob@globex.example", make_account("Globex", plan="payg")))
    pack = Pack.objects.get(credits_microcredits=1_000 * CREDIT)
    assert client.post("/billing/buy", {"pack": pack.pk, "token": str(uuid.uuid4())}).status_code == 302
    assert held == [False]


@each_fault
def test_a_pack_whose_checkout_did_not_open_is_bought_once_by_the_same_form(
    acme: Account, client: Client, stripe: StripePeer, faulty: FaultProxy, fault: Fault
):
    pack = Pack.objects.get(credits_microcredits=1_000 * CREDIT)
    form = {"pack": pack.pk, "token": str(uuid.uuid4())}
    faulty.fault = fault
    answer = client.post("/billing/buy", form)
    assert answer.status_code == 503
    assert AWAY in shown(answer)
    assert Purchase.objects.get().state == "failed"
    assert LedgerEntry.objects.count() == 0
    faulty.fault = None
    answer = client.post("/billing/buy", form)
    assert answer.status_code == 302
    stripe.pay(answer.headers["Location"])
    reconcile()
    purchase = Purchase.objects.get()
    assert (purchase.state, available(acme), payments_of(purchase)) == ("paid", 1_000, 1)


@each_fault
def test_a_plan_whose_checkout_did_not_open_is_bought_once_by_the_same_form(
    acme: Account, client: Client, stripe: StripePeer, faulty: FaultProxy, fault: Fault
):
    form = {"plan": "pro", "token": str(uuid.uuid4())}
    faulty.fault = fault
    answer = client.post("/billing/subscribe", form)
    assert answer.status_code == 503
    assert AWAY in shown(answer)
    assert (Subscription.objects.get().state, Account.objects.get(pk=acme.pk).plan_id) == ("created", "payg")
    faulty.fault = None
    answer = client.post("/billing/subscribe", form)
    assert answer.status_code == 302
    stripe.pay(answer.headers["Location"])
    reconcile()
    assert (Subscription.objects.get().state, Account.objects.get(pk=acme.pk).plan_id) == ("active", "pro")
    assert (Purchase.objects.count(), available(acme)) == (1, 3_000)


@each_fault
def test_a_portal_that_did_not_open_is_said_and_opens_the_next_time(
    acme: Account, client: Client, stripe: StripePeer, faulty: FaultProxy, fault: Fault
):
    """Where a subscription is ended, too: what is not there cannot end it."""
    url = client.post("/billing/subscribe", {"plan": "pro", "token": str(uuid.uuid4())}).headers["Location"]
    stripe.pay(url)
    reconcile()
    customer = StripeCustomer.objects.get()
    faulty.fault = fault
    answer = client.post("/billing/portal")
    assert answer.status_code == 503
    assert AWAY in shown(answer)
    assert (Subscription.objects.get().state, Subscription.objects.get().ends_at) == ("active", None)
    faulty.fault = None
    assert client.post("/billing/portal").headers["Location"].endswith(f"/_config/portal/{customer.customer_id}")


@each_fault
def test_an_automatic_top_up_without_an_answer_is_asked_again_and_charged_once(
    stripe: StripePeer, faulty: FaultProxy, fault: Fault
):
    acme = with_card(stripe)
    spend(acme, 900)
    faulty.fault = fault
    sweep_payments()
    purchase = Purchase.objects.get(kind=PurchaseKind.RECHARGE)
    assert (purchase.state, AutoTopUp.objects.get().is_on, available(acme)) == ("created", True, 100)
    faulty.fault = None
    sweep_payments()
    sweep_payments()
    reconcile()
    purchase.refresh_from_db()
    assert (purchase.state, available(acme), payments_of(purchase)) == ("paid", 1_100, 1)


def test_a_stripe_that_hangs_holds_up_one_sweep_once_and_the_others_wait_for_the_next(
    stripe: StripePeer, faulty: FaultProxy
):
    accounts = [with_card(stripe, name=name) for name in ("Acme", "Globex", "Initech")]
    for account in accounts:
        spend(account, 900)
    faulty.asked.clear()
    faulty.fault = FAULTS["silent"]
    sweep_payments()
    assert faulty.asked == ["/v1/payment_intents"]
    sweep_payments()
    asked_for = Purchase.objects.filter(kind=PurchaseKind.RECHARGE).values_list("account", flat=True)
    assert (len(faulty.asked), len(set(asked_for))) == (2, 2)  # another one's turn
    faulty.fault = None
    sweep_payments()
    reconcile()
    assert [available(account) for account in accounts] == [1_100] * 3


@each_fault
def test_a_list_of_events_that_is_none_is_fetched_the_next_time(
    acme: Account, client: Client, stripe: StripePeer, faulty: FaultProxy, fault: Fault
):
    pack = Pack.objects.get(credits_microcredits=1_000 * CREDIT)
    answer: Any = client.post("/billing/buy", {"pack": pack.pk, "token": str(uuid.uuid4())})
    stripe.pay(answer.headers["Location"])
    faulty.fault = fault
    with pytest.raises(PaymentsUnavailable):
        reconcile()
    assert available(acme) == 0
    faulty.fault = None
    reconcile()
    assert available(acme) == 1_000

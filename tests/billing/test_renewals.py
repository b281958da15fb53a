"""A subscription is not renewed while its account is about to be deleted, and goes on when the account is kept."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Account
from accounts.services.account_deletion import ask_for_deletion, keep_account
from accounts.services.audit import SYSTEM
from billing import gateway
from billing.errors import PaymentsUnavailable
from billing.models import Subscription
from billing.reconciliation import reconcile
from billing.tasks import sweep_payments
from tests.billing.test_subscriptions import plan_of, subscribed
from tests.factories import make_user
from tests.peers.fault_proxy import FAULTS, Fault, FaultProxy
from tests.peers.stripe_peer import StripePeer

pytestmark = pytest.mark.django_db


@pytest.fixture
def pro(acme: Account, stripe: StripePeer) -> str:
    """Stripe's id of Acme's subscription."""
    client = Client()
    client.force_login(make_user("alice@acme.example", acme))
    return subscribed(client, stripe)


def row() -> Subscription:
    return Subscription.objects.get()


def is_renewed_at_stripe(stripe_id: str) -> bool:
    """By the newest event that it made."""
    events = gateway.list_events(since=timezone.now() - timedelta(hours=1), types=["customer.subscription.updated"])
    ours = [event["data"]["object"] for event in events if event["data"]["object"]["id"] == stripe_id]
    return ours[0]["cancel_at_period_end"] is False


def test_it_is_held_at_once_and_goes_on_when_the_account_is_kept(acme: Account, pro: str):
    ask_for_deletion(account=acme, actor=SYSTEM)
    sweep_payments()
    assert (row().renewal_paused, row().ends_at) == (True, row().period_ends_at)
    assert not is_renewed_at_stripe(pro)
    keep_account(account=acme, actor=SYSTEM)
    sweep_payments()
    assert (row().renewal_paused, row().ends_at) == (False, None)
    reconcile()
    assert row().ends_at is None
    assert is_renewed_at_stripe(pro)
    assert plan_of(acme) == "pro"


def test_what_its_owner_had_cancelled_stays_cancelled(acme: Account, pro: str, stripe: StripePeer):
    stripe.press(f"subscription/{pro}", do="cancel")
    reconcile()
    ask_for_deletion(account=acme, actor=SYSTEM)
    sweep_payments()
    assert not row().renewal_paused
    keep_account(account=acme, actor=SYSTEM)
    sweep_payments()
    assert row().ends_at is not None
    assert not is_renewed_at_stripe(pro)


def test_stripe_is_asked_once_about_each_change_and_about_nothing_else(acme: Account, pro: str, faulty: FaultProxy):
    sweep_payments()
    assert faulty.asked == []
    ask_for_deletion(account=acme, actor=SYSTEM)
    sweep_payments()
    sweep_payments()
    assert faulty.asked == [f"/v1/subscriptions/{pro}"]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_stripe_that_does_not_answer_is_asked_again_either_way(
    acme: Account, pro: str, faulty: FaultProxy, fault: Fault
):
    ask_for_deletion(account=acme, actor=SYSTEM)
    faulty.fault = fault
    sweep_payments()
    assert (row().renewal_paused, row().ends_at) == (True, None)
    faulty.fault = None
    sweep_payments()
    assert row().ends_at is not None
    keep_account(account=acme, actor=SYSTEM)
    faulty.fault = fault
    sweep_payments()
    assert row().renewal_paused
    faulty.fault = None
    sweep_payments()
    assert not row().renewal_paused
    assert is_renewed_at_stripe(pro)


def test_kept_before_stripe_answered_it_goes_on_all_the_same(acme: Account, pro: str, faulty: FaultProxy):
    ask_for_deletion(account=acme, actor=SYSTEM)
    faulty.fault = FAULTS["lost"]
    sweep_payments()
    keep_account(account=acme, actor=SYSTEM)
    faulty.fault = None
    sweep_payments()
    assert not row().renewal_paused
    assert is_renewed_at_stripe(pro)


def test_one_that_ended_meanwhile_is_left_alone(acme: Account, pro: str, stripe: StripePeer, faulty: FaultProxy):
    ask_for_deletion(account=acme, actor=SYSTEM)
    sweep_payments()
    stripe.press(f"subscription/{pro}", do="end")
    reconcile()
    keep_account(account=acme, actor=SYSTEM)
    faulty.asked.clear()
    sweep_payments()
    assert faulty.asked == []
    assert (row().state, plan_of(acme)) == ("ended", "payg")


def test_one_that_stripe_does_not_know_has_nothing_to_renew(pro: str):
    Subscription.objects.update(stripe_subscription_id="sub_of_nobody")
    gateway.set_renewal(row(), is_on=False)


def test_an_answer_that_changed_nothing_is_no_answer(pro: str, faulty: FaultProxy):
    faulty.fault = Fault(body=b'{"object": "subscription", "id": "sub_1", "cancel_at_period_end": false}')
    with pytest.raises(PaymentsUnavailable):
        gateway.set_renewal(row(), is_on=False)


def test_without_stripe_nothing_is_asked(acme: Account, pro: str, settings: Any):
    ask_for_deletion(account=acme, actor=SYSTEM)
    settings.STRIPE_API_KEY = ""
    sweep_payments()
    assert not row().renewal_paused

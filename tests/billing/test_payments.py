"""What Stripe's events do to credits: once each, in any order, and never without a paid row of ours."""

import itertools
import uuid
from typing import Any

import pytest

from accounts.models import Account, AuditEntry
from billing.errors import InsufficientCredits
from billing.models import OperatorAlert, Purchase, StripeEvent
from billing.selectors import find_ledger_mismatches, get_balance, list_entries
from billing.services.ledger import charge_job
from tests.factories import make_account
from tests.peers.stripe_helpers import (
    CREDIT,
    SECRET,
    completed,
    deliver,
    dispute,
    event,
    make_purchase,
    refunded,
    session_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def secrets(settings):
    settings.STRIPE_WEBHOOK_SECRETS = [SECRET]


@pytest.fixture
def acme(db) -> Account:
    return make_account("Acme", plan="free", credits=0)


@pytest.fixture
def purchase(acme: Account) -> Purchase:
    """1,000 credits for $10.00."""
    return make_purchase(acme)


def money(account: Account) -> tuple[float, float]:
    """Available and owed, in credits."""
    balance = get_balance(account)
    assert find_ledger_mismatches()[1] == []
    return balance.available_microcredits / CREDIT, balance.debt_microcredits / CREDIT


def spend(account: Account, credits: int) -> None:
    charge_job(account=account, job_id=uuid.uuid4(), cost_microcredits=credits * CREDIT, actor="key:1")


def kinds(account: Account) -> list[str]:
    return [entry.kind for entry in list_entries(account=account).order_by("created_at")]


# --- credits --------------------------------------------------------------------------------------


def test_a_paid_checkout_brings_its_credits_and_ends_the_free_plan(acme: Account, purchase: Purchase):
    deliver(completed(purchase))
    assert money(acme) == (1_000, 0)
    acme.refresh_from_db()
    purchase.refresh_from_db()
    assert (acme.plan_id, purchase.state, purchase.paid) == ("payg", "paid", 1_000)
    entry = AuditEntry.objects.get(account=acme)
    assert (entry.actor, entry.action, entry.before, entry.after) == (
        "system", "account.plan_changed", {"plan": "free"}, {"plan": "payg"},
    )  # fmt: skip


@pytest.mark.parametrize("plan", ["payg", "pro", "enterprise"])
def test_a_plan_that_is_not_free_stays(plan: str):
    acme = make_account("Acme", plan=plan, credits=0)
    deliver(completed(make_purchase(acme)))
    acme.refresh_from_db()
    assert acme.plan_id == plan


def test_the_same_checkout_under_other_event_ids_credits_once(acme: Account, purchase: Purchase):
    for _ in range(3):
        deliver(completed(purchase))
    assert StripeEvent.objects.count() == 3
    assert money(acme) == (1_000, 0)


def test_nothing_else_credits_a_pack(acme: Account, purchase: Purchase):
    ours = {"purchase": str(purchase.pk), "account": str(acme.pk)}
    for kind in ("payment_intent.succeeded", "charge.succeeded", "invoice.paid", "payment_intent.created"):
        thing = {
            "id": "x_1", "metadata": ours, "currency": "usd", "amount": 1_000, "amount_received": 1_000,
            "subtotal": 1_000, "amount_paid": 1_000, "billing_reason": "manual", "customer": "cus_1",
            "payment_method": "pm_1",
        }  # fmt: skip
        deliver(event(kind, thing))
    assert money(acme) == (0, 0)
    assert OperatorAlert.objects.count() == 0


def test_completed_but_unpaid_is_credited_when_the_bank_has_paid(acme: Account, purchase: Purchase):
    deliver(completed(purchase, payment_status="unpaid"))
    assert money(acme) == (0, 0)
    deliver(event("checkout.session.async_payment_succeeded", session_of(purchase)))
    assert money(acme) == (1_000, 0)


def test_a_bank_that_does_not_pay_credits_nothing(acme: Account, purchase: Purchase):
    deliver(completed(purchase, payment_status="unpaid"))
    deliver(event("checkout.session.async_payment_failed", session_of(purchase, payment_status="unpaid")))
    purchase.refresh_from_db()
    assert purchase.state == "failed"
    assert money(acme) == (0, 0)


def test_a_payment_that_comes_after_we_gave_it_up_counts(acme: Account, purchase: Purchase):
    deliver(event("checkout.session.expired", session_of(purchase, payment_status="unpaid")))
    deliver(completed(purchase))
    assert money(acme) == (1_000, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"currency": "eur"},
        {"amount_subtotal": 999},
        {"amount_subtotal": 1_001},
        {"amount_subtotal": None},
        {"amount_subtotal": True},
        {"client_reference_id": "somebody else"},
        {"client_reference_id": None},
        {"metadata": {"purchase": "00000000-0000-4000-8000-000000000000"}},
    ],
    ids=str,
)
def test_what_differs_from_our_row_credits_nothing_and_is_told(
    acme: Account, purchase: Purchase, changes: dict[str, Any]
):
    what = completed(purchase, **changes)
    deliver(what)
    assert money(acme) == (0, 0)
    purchase.refresh_from_db()
    acme.refresh_from_db()
    assert (purchase.state, acme.plan_id) == ("created", "free")
    assert OperatorAlert.objects.get().reference == what["id"]
    assert StripeEvent.objects.get().processed_at is not None


def test_tax_is_not_part_of_the_price(acme: Account, purchase: Purchase):
    deliver(completed(purchase, amount_total=1_190))
    assert money(acme) == (1_000, 0)
    deliver(refunded(purchase, 595))
    assert money(acme) == (500, 0)


def test_what_others_sell_at_the_same_stripe_account_is_not_our_affair(acme: Account, purchase: Purchase):
    deliver(completed(purchase, metadata={"order": "77"}))
    deliver(completed(purchase, metadata=None))
    assert money(acme) == (0, 0)
    assert OperatorAlert.objects.count() == 0


# --- refunds and disputes -------------------------------------------------------------------------


def test_a_refund_takes_its_share_and_the_next_only_the_difference(acme: Account, purchase: Purchase):
    deliver(completed(purchase))
    deliver(refunded(purchase, 250))
    assert money(acme) == (750, 0)
    deliver(refunded(purchase, 400))
    assert money(acme) == (600, 0)
    deliver(refunded(purchase, 250))  # the first one, late
    assert money(acme) == (600, 0)
    deliver(refunded(purchase, 1_000))
    assert money(acme) == (0, 0)
    assert kinds(acme) == ["top_up", "taken_back", "taken_back", "taken_back"]


def test_what_was_spent_becomes_debt_which_blocks_and_is_paid_first(acme: Account, purchase: Purchase):
    deliver(completed(purchase))
    spend(acme, 700)
    deliver(refunded(purchase, 1_000))
    assert money(acme) == (0, 700)
    with pytest.raises(InsufficientCredits):
        spend(acme, 1)
    deliver(completed(make_purchase(acme)))
    assert money(acme) == (300, 0)


def test_a_dispute_takes_and_won_restores(acme: Account, purchase: Purchase):
    deliver(completed(purchase))
    deliver(dispute(purchase, "needs_response"))
    assert money(acme) == (0, 0)
    deliver(dispute(purchase, "under_review"))
    assert money(acme) == (0, 0)
    deliver(dispute(purchase, "won"))
    assert money(acme) == (1_000, 0)
    deliver(dispute(purchase, "needs_response"))  # late
    assert money(acme) == (1_000, 0)
    assert kinds(acme) == ["top_up", "taken_back", "restored"]


def test_a_dispute_that_is_lost_takes_for_good(acme: Account, purchase: Purchase):
    deliver(completed(purchase))
    deliver(dispute(purchase, "lost"))
    assert money(acme) == (0, 0)


def test_an_inquiry_moves_nothing(acme: Account, purchase: Purchase):
    deliver(completed(purchase))
    deliver(dispute(purchase, "warning_needs_response"))
    deliver(dispute(purchase, "warning_closed"))
    assert money(acme) == (1_000, 0)


def test_a_refund_and_a_dispute_take_no_more_than_all(acme: Account, purchase: Purchase):
    deliver(completed(purchase))
    deliver(refunded(purchase, 600))
    deliver(dispute(purchase, "lost"))
    assert money(acme) == (0, 0)


def test_a_second_dispute_counts_beside_the_first(acme: Account, purchase: Purchase):
    deliver(completed(purchase))
    deliver(dispute(purchase, "lost", amount=300))
    deliver(dispute(purchase, "needs_response", amount=200, number=2))
    assert money(acme) == (500, 0)
    deliver(dispute(purchase, "won", amount=200, number=2))
    assert money(acme) == (700, 0)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))), ids=str)
def test_any_order_ends_in_the_same_balance(acme: Account, purchase: Purchase, order: tuple[int, ...]):
    events = [
        completed(purchase),
        refunded(purchase, 300),
        dispute(purchase, "needs_response", amount=500),
        dispute(purchase, "won", amount=500),
    ]
    for number in order:
        deliver(events[number])
        deliver(events[number])
    assert money(acme) == (700, 0)


def test_a_refund_that_failed_is_for_an_operator(acme: Account, purchase: Purchase):
    deliver(completed(purchase))
    deliver(event("refund.failed", {"id": "re_1", "payment_intent": "pi_1"}))
    assert "Adjust the credits manually" in OperatorAlert.objects.get().message
    assert money(acme) == (1_000, 0)

"""Pro by the month: paid, renewed, failed, changed and ended; at Stripe's peer, and as events in any order."""

import itertools
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Account, AuditEntry, Plan
from billing.models import LedgerEntry, OperatorAlert, Purchase, Subscription
from billing.reconciliation import reconcile
from billing.selectors import find_ledger_mismatches, get_balance
from billing.services.subscriptions import start_subscription
from tests.factories import make_account, make_user
from tests.peers.stripe_helpers import CREDIT, FIXTURES, deliver, event
from tests.peers.stripe_peer import StripePeer

pytestmark = pytest.mark.django_db

STRIPE_ID = "sub_1"
BEGAN = 1_700_000_000


@pytest.fixture
def client_of_acme(acme: Account) -> Client:
    client = Client()
    client.force_login(make_user("alice@acme.example", acme))
    return client


def plan_of(account: Account) -> str:
    return Account.objects.get(pk=account.pk).plan_id


def credits(account: Account) -> float:
    assert find_ledger_mismatches()[1] == []
    balance = get_balance(account)
    return (balance.available_microcredits - balance.debt_microcredits) / CREDIT


def subscribe(client: Client, **changes: str) -> Any:
    return client.post("/billing/subscribe", {"plan": "pro", "token": str(uuid.uuid4())} | changes)


def subscribed(client: Client, stripe: StripePeer) -> str:
    """Stripe's id of a paid subscription."""
    answer = stripe.pay(subscribe(client).headers["Location"])
    reconcile()
    return str(answer["subscription"])


# --- at Stripe's peer -----------------------------------------------------------------------------


def test_pro_begins_with_its_first_payment(acme: Account, client_of_acme: Client, stripe: StripePeer):
    answer = subscribe(client_of_acme)
    row = Subscription.objects.get()
    page = f"/billing/subscribed/{row.pk}"
    assert b'http-equiv="refresh"' in client_of_acme.get(page).content
    stripe.pay(answer.headers["Location"])
    assert (plan_of(acme), credits(acme)) == ("payg", 0)
    reconcile()
    assert (plan_of(acme), credits(acme)) == ("pro", 3_000)
    assert "You are on the Pro plan" in client_of_acme.get(page).content.decode()
    assert "$29.00 per month" in " ".join(
        client_of_acme.get("/billing").content.decode().replace("<small>", "").split()
    )
    assert [entry.after for entry in AuditEntry.objects.filter(account=acme)] == [{"plan": "pro"}]
    row.refresh_from_db()
    assert (row.state, row.price, row.currency) == ("active", 2_900, "usd")


def test_every_month_brings_its_credits_once(acme: Account, client_of_acme: Client, stripe: StripePeer):
    stripe_id = subscribed(client_of_acme, stripe)
    stripe.press(f"subscription/{stripe_id}", do="renew")
    reconcile()
    reconcile()
    assert credits(acme) == 6_000
    assert Purchase.objects.filter(kind="subscription", state="paid").count() == 2


def test_a_failed_payment_leaves_the_plan_while_stripe_tries_again(
    acme: Account, client_of_acme: Client, stripe: StripePeer
):
    stripe_id = subscribed(client_of_acme, stripe)
    stripe.press(f"subscription/{stripe_id}", do="fail")
    reconcile()
    assert plan_of(acme) == "pro"
    assert "The last payment for Pro failed" in client_of_acme.get("/billing").content.decode()
    stripe.press(f"subscription/{stripe_id}", do="recover")
    reconcile()
    assert "The last payment for Pro failed" not in client_of_acme.get("/billing").content.decode()


def test_the_end_leads_to_pay_as_you_go_and_is_final(acme: Account, client_of_acme: Client, stripe: StripePeer):
    stripe_id = subscribed(client_of_acme, stripe)
    stripe.press(f"subscription/{stripe_id}", do="cancel")
    reconcile()
    assert plan_of(acme) == "pro"
    assert "cancelled, ends on" in client_of_acme.get("/billing").content.decode()
    stripe.press(f"subscription/{stripe_id}", do="end")
    reconcile()
    assert plan_of(acme) == "payg"
    stripe.press(f"subscription/{stripe_id}", do="recover")
    reconcile()
    assert (plan_of(acme), credits(acme)) == ("payg", 3_000)


def test_a_refunded_month_is_found_by_its_invoice(acme: Account, client_of_acme: Client, stripe: StripePeer):
    stripe_id = subscribed(client_of_acme, stripe)
    intent_id = stripe.press(f"subscription/{stripe_id}", do="renew")["payment_intent"]
    back = {
        "kind": "charge.refunded",
        "object": {"payment_intent": intent_id, "amount_refunded": 2_900, "metadata": {}},
    }
    stripe.press("back", back)
    reconcile()
    assert credits(acme) == 3_000


def test_who_has_a_subscription_gets_no_second_one(acme: Account, client_of_acme: Client, stripe: StripePeer):
    subscribed(client_of_acme, stripe)
    answer = subscribe(client_of_acme)
    assert answer.status_code == 409
    assert "This account already has a subscription." in answer.content.decode()
    assert Subscription.objects.count() == 1


@pytest.mark.parametrize("plan", ["enterprise", "free", "nonsense"])
def test_what_is_not_sold_cannot_be_had(client_of_acme: Client, stripe_keys, plan: str):
    assert subscribe(client_of_acme, plan=plan).status_code == 404
    assert Subscription.objects.count() == 0


def test_a_month_of_another_plan_counts_although_nobody_told_of_the_change(
    acme: Account, client_of_acme: Client, stripe: StripePeer, team: Plan
):
    stripe_id = subscribed(client_of_acme, stripe)
    stripe.press(f"subscription/{stripe_id}", do="change", price="price_team", amount=9_900, is_told=0)
    stripe.press(f"subscription/{stripe_id}", do="renew", is_told=0)
    reconcile()
    assert (plan_of(acme), credits(acme)) == ("team", 15_000)


# --- as events ------------------------------------------------------------------------------------


@pytest.fixture
def subscription(acme: Account, stripe_keys) -> Subscription:
    return start_subscription(account=acme, plan_code="pro", form_token=uuid.uuid4())


def ours(subscription: Subscription) -> dict[str, str]:
    return {"subscription": str(subscription.pk), "account": str(subscription.account_id)}


def invoice(
    subscription: Subscription,
    *,
    number: int = 1,
    reason: str = "subscription_create",
    price_id: str = "price_1",
    at: int = -30,
    **changes: Any,
) -> Any:
    """Written `at` seconds from now."""
    details = {"subscription": STRIPE_ID, "metadata": ours(subscription)}
    line = {
        "period": {"start": BEGAN + number, "end": BEGAN + number + 1}, "parent": None,
        "pricing": {"type": "price_details", "price_details": {"price": price_id}},
    }  # fmt: skip
    values = {
        "id": f"in_{number}", "billing_reason": reason, "currency": "usd", "subtotal": 2_900, "amount_paid": 2_900,
        "customer": "cus_1", "parent": {"subscription_details": details}, "lines": {"data": [line]},
        "created": int(timezone.now().timestamp()) + at,
    }  # fmt: skip
    return event("invoice.paid", FIXTURES["invoice"] | values | changes)


def changed(
    subscription: Subscription, status: str, *, at: int = 0, price_id: str = "price_1", price: int = 2_900
) -> Any:
    item = {"price": {"id": price_id, "unit_amount": price, "currency": "usd"}, "current_period_end": BEGAN + 99}
    values = {
        "id": STRIPE_ID, "status": status, "metadata": ours(subscription), "customer": "cus_1",
        "items": {"data": [item]}, "cancel_at": None, "cancel_at_period_end": False,
    }  # fmt: skip
    kind = "deleted" if status == "canceled" else "updated"
    created = int(timezone.now().timestamp()) + at
    return event(f"customer.subscription.{kind}", FIXTURES["subscription"] | values, created=created)


def test_only_a_month_credits(acme: Account, subscription: Subscription):
    deliver(changed(subscription, "active"))
    for reason in ("subscription_update", "manual", "subscription_threshold"):
        deliver(invoice(subscription, reason=reason))
    assert (plan_of(acme), credits(acme)) == ("pro", 0)


def test_the_same_period_credits_once_whatever_the_invoice(acme: Account, subscription: Subscription):
    deliver(invoice(subscription))
    deliver(invoice(subscription))
    deliver(invoice(subscription, id="in_other"))
    deliver(invoice(subscription, reason="subscription_cycle"))
    assert credits(acme) == 3_000
    deliver(invoice(subscription, number=2, reason="subscription_cycle"))
    assert credits(acme) == 6_000


def test_an_invoice_that_names_another_account_credits_nothing(acme: Account, subscription: Subscription):
    other = {"subscription": str(subscription.pk), "account": str(make_account("Globex").pk)}
    deliver(invoice(subscription, parent={"subscription_details": {"subscription": STRIPE_ID, "metadata": other}}))
    assert LedgerEntry.objects.filter(account=acme).count() == 0
    assert OperatorAlert.objects.get().kind == "event_refused"


def test_a_month_is_credited_although_its_invoice_corrects_the_one_before(acme: Account, subscription: Subscription):
    """After a change of plan in the middle of a month Stripe adds what the rest of it costs more, or less."""

    def line(amount: int, *, proration: bool) -> dict[str, Any]:
        details = {"proration": proration, "subscription": STRIPE_ID}
        period = {"start": BEGAN + 2 - proration, "end": BEGAN + 3}
        return {"amount": amount, "period": period, "parent": {"subscription_item_details": details}}

    lines = [line(1_750, proration=True), line(-850, proration=True), line(2_900, proration=False)]
    months: dict[str, Any] = {"subtotal": 3_800, "amount_paid": 3_800, "lines": {"data": lines}}
    deliver(invoice(subscription, number=2, reason="subscription_cycle", **months))
    assert (plan_of(acme), credits(acme)) == ("pro", 3_000)


@pytest.mark.parametrize(
    "changes", [{"currency": "eur"}, {"subtotal": 2_899}, {"lines": {"data": []}}, {"amount_paid": None}], ids=str
)
def test_an_invoice_that_differs_from_our_row_credits_nothing(
    acme: Account, subscription: Subscription, changes: dict[str, Any]
):
    deliver(invoice(subscription, **changes))
    assert (plan_of(acme), LedgerEntry.objects.count()) == ("payg", 0)
    assert OperatorAlert.objects.get().kind == "event_refused"


def test_the_invoice_of_another_product_is_not_our_affair(acme: Account, subscription: Subscription):
    deliver(invoice(subscription, parent={"subscription_details": {"subscription": "sub_other", "metadata": {}}}))
    assert credits(acme) == 0
    assert OperatorAlert.objects.count() == 0


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))), ids=str)
def test_any_order_ends_in_the_same_plan_and_balance(acme: Account, subscription: Subscription, order: tuple[int, ...]):
    events = [
        changed(subscription, "incomplete", at=-30),
        invoice(subscription),
        changed(subscription, "active", at=-20),
        changed(subscription, "past_due", at=-10),
    ]
    for number in order:
        deliver(events[number])
    assert (plan_of(acme), credits(acme)) == ("pro", 3_000)
    assert Subscription.objects.get().state == "past_due"


def test_an_end_that_comes_first_holds_and_the_paid_month_counts(acme: Account, subscription: Subscription):
    deliver(changed(subscription, "canceled"))
    deliver(changed(subscription, "active", at=-20))
    deliver(invoice(subscription))
    assert (plan_of(acme), credits(acme)) == ("payg", 3_000)


def test_an_operators_plan_is_left_alone(acme: Account, subscription: Subscription):
    Account.objects.filter(pk=acme.pk).update(plan="enterprise")
    deliver(invoice(subscription))
    assert plan_of(acme) == "enterprise"
    deliver(changed(subscription, "canceled"))
    assert (plan_of(acme), credits(acme)) == ("enterprise", 3_000)


@pytest.fixture
def team(db) -> Plan:
    return Plan.objects.create(
        code="team", name="Team", generate_limit=500, read_limit=20_000, is_sold=True, price=9_900,
        monthly_microcredits=12_000 * CREDIT, stripe_price_id="price_team",
    )  # fmt: skip


def team_month(subscription: Subscription, **changes: Any) -> Any:
    values: dict[str, Any] = {"price_id": "price_team", "subtotal": 9_900, "amount_paid": 9_900}
    return invoice(subscription, number=2, at=-5, reason="subscription_cycle", **values | changes)


def test_a_change_at_stripe_changes_plan_and_price(acme: Account, subscription: Subscription, team: Plan):
    deliver(invoice(subscription))
    deliver(changed(subscription, "active", at=-10, price_id="price_team", price=9_900))
    assert plan_of(acme) == "team"
    deliver(team_month(subscription))
    assert credits(acme) == 15_000
    deliver(changed(subscription, "canceled", at=1))
    assert plan_of(acme) == "payg"


@pytest.mark.parametrize("is_lost", [False, True], ids=["told", "lost"])
@pytest.mark.parametrize("order", list(itertools.permutations(range(4))), ids=str)
def test_a_change_of_plan_ends_the_same_in_any_order_and_when_its_event_is_lost(
    acme: Account, subscription: Subscription, team: Plan, order: tuple[int, ...], is_lost: bool
):
    """By the price of the invoice's line: a month of Pro, then one of Team, each with its own credits."""
    events = [
        invoice(subscription, at=-40),
        changed(subscription, "active", at=-39),
        team_month(subscription),
        changed(subscription, "active", at=-10, price_id="price_team", price=9_900),
    ]
    for number in order:
        if not (is_lost and number == 3):
            deliver(events[number])
    assert (plan_of(acme), credits(acme), OperatorAlert.objects.count()) == ("team", 15_000, 0)
    row = Subscription.objects.get()
    assert (row.plan_id, row.price, row.state) == ("team", 9_900, "active")
    months = Purchase.objects.order_by("period_start").values_list("plan", "price", "credits_microcredits")
    assert list(months) == [("pro", 2_900, 3_000 * CREDIT), ("team", 9_900, 12_000 * CREDIT)]


def test_back_to_what_was_sold_although_the_first_month_is_told_last(
    acme: Account, subscription: Subscription, team: Plan
):
    """Its price has no name here: Checkout wrote it."""
    deliver(team_month(subscription))
    deliver(invoice(subscription, number=3, reason="subscription_cycle", at=-1))
    deliver(invoice(subscription))
    assert (plan_of(acme), credits(acme)) == ("pro", 18_000)


@pytest.mark.parametrize(
    "changes",
    [{"subtotal": 9_899}, {"currency": "eur"}, {"subtotal": 2_900}, {"price_id": "price_unknown"}],
    ids=str,
)
def test_a_month_at_another_price_than_its_plan_has_credits_nothing(
    acme: Account, subscription: Subscription, team: Plan, changes: dict[str, Any]
):
    deliver(invoice(subscription))
    deliver(team_month(subscription, **changes))
    assert (plan_of(acme), credits(acme)) == ("pro", 3_000)
    assert OperatorAlert.objects.get().kind == "event_refused"


def test_a_price_that_was_agreed_at_stripe_is_known_from_its_event(acme: Account, subscription: Subscription):
    deliver(changed(subscription, "active", at=-20, price_id="price_agreed", price=1_900))
    deliver(invoice(subscription, price_id="price_agreed", subtotal=1_900, amount_paid=1_900))
    assert (plan_of(acme), credits(acme)) == ("pro", 3_000)


def test_something_extra_on_an_invoice_does_not_keep_its_month_from_counting(acme: Account, subscription: Subscription):
    """Corrections of old periods, too, may come as items of an invoice."""
    month = {
        "amount": 2_900, "period": {"start": BEGAN, "end": BEGAN + 1},
        "parent": {"type": "subscription_item_details", "subscription_item_details": {"proration": False}},
    }  # fmt: skip
    extra = {
        "amount": 500, "period": {"start": BEGAN + 7, "end": BEGAN + 7},
        "parent": {"type": "invoice_item_details", "invoice_item_details": {"proration": False}},
    }  # fmt: skip
    deliver(invoice(subscription, lines={"data": [extra, month]}, subtotal=3_400, amount_paid=3_400))
    assert credits(acme) == 3_000
    assert Purchase.objects.filter(period_start=datetime.fromtimestamp(BEGAN, UTC)).count() == 1


def test_two_subscriptions_are_told_to_operators(acme: Account, subscription: Subscription):
    second = start_subscription(account=acme, plan_code="pro", form_token=uuid.uuid4())
    deliver(invoice(subscription))
    other = {"subscription": "sub_2", "metadata": ours(second)}
    deliver(invoice(second, parent={"subscription_details": other}, id="in_2nd"))
    assert OperatorAlert.objects.get().kind == "second_subscription"
    assert (plan_of(acme), credits(acme)) == ("pro", 6_000)
    deliver(changed(subscription, "canceled"))
    assert plan_of(acme) == "pro"  # the other one still pays

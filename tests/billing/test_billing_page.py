"""`/billing`: who sees what, who may pay, and what happens between our row and Stripe's event."""

import re
import uuid
from typing import Any

import pytest
from django.test import Client

from accounts.models import Account, Plan, Role
from billing.models import AutoTopUp, LedgerEntry, Pack, Purchase, StripeCustomer, StripeEvent, Subscription
from billing.reconciliation import reconcile
from billing.selectors import get_balance
from billing.services.ledger import charge_job
from billing.services.purchases import keep_card, remember_customer
from billing.services.stripe_events import apply_event
from tests.factories import make_account, make_user
from tests.peers.stripe_helpers import CREDIT, completed, deliver, dispute, make_purchase
from tests.peers.stripe_peer import StripePeer
from tests.support.ports import free_port

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(db) -> Account:
    return make_account("Acme", plan="free", credits=0)


def sign_in(account: Account, role: Role = Role.OWNER) -> Client:
    client = Client()
    client.force_login(make_user(f"{role}@{account.name.lower()}.example", account, role))
    return client


def shown(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", response.content.decode()).split())


def buy(client: Client, **changes: Any) -> Any:
    pack = Pack.objects.get(credits_microcredits=1_000 * CREDIT)
    return client.post("/billing/buy", {"pack": pack.pk, "token": str(uuid.uuid4())} | changes)


def work() -> None:
    """What the worker would do."""
    for event_id in StripeEvent.objects.filter(processed_at=None).values_list("pk", flat=True):
        apply_event(event_id=event_id)


# --- who ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "role, sees, pays",
    [
        (Role.OWNER, 200, 400),
        (Role.ADMIN, 200, 400),
        (Role.BILLING, 200, 400),
        (Role.VIEWER, 200, 403),
        (Role.DEVELOPER, 403, 403),
    ],
)
def test_who_sees_and_who_pays(acme: Account, stripe_keys, role: Role, sees: int, pays: int):
    client = sign_in(acme, role)
    page = client.get("/billing")
    assert page.status_code == sees
    assert ("Pay with Stripe" in shown(page)) is (pays != 403)
    for path in ("buy", "subscribe", "recharge"):
        assert client.post(f"/billing/{path}", {}).status_code == pays, path
    assert client.post("/billing/portal", {}).status_code == (403 if pays == 403 else 404)
    assert Purchase.objects.count() == Subscription.objects.count() == AutoTopUp.objects.count() == 0


def test_another_accounts_purchase_is_not_there(acme: Account):
    theirs = make_purchase(make_account("Globex"))
    client = sign_in(acme)
    for path in (f"/billing/bought/{theirs.pk}", f"/billing/not-bought/{theirs.pk}"):
        assert client.get(path).status_code == 404
        assert client.get(path.replace(str(theirs.pk), str(uuid.uuid4()))).status_code == 404


def test_without_a_key_the_page_says_that_nothing_is_sold(acme: Account):
    client = sign_in(acme)
    assert "Payments are not set up on this server" in shown(client.get("/billing"))
    answer = buy(client)
    assert answer.status_code == 503
    assert "Ask its administrator to add credits." in shown(answer)
    assert client.post("/billing/subscribe", {"plan": "pro", "token": str(uuid.uuid4())}).status_code == 503
    assert Purchase.objects.count() == Subscription.objects.count() == 0


# --- buying ---------------------------------------------------------------------------------------


def test_a_pack_from_the_page_to_the_credits(acme: Account, stripe: StripePeer):
    client = sign_in(acme)
    page = shown(client.get("/billing"))
    assert "1,000 credits $10.00 5,000 credits $47.50 20,000 credits $180.00" in page
    answer = buy(client)
    purchase = Purchase.objects.get()
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(f"{stripe.url}/_config/checkout/cs_test_")
    assert f"form-action 'self' {stripe.url};" in answer.headers["Content-Security-Policy"]
    assert (purchase.state, purchase.price, purchase.currency) == ("open", 1_000, "usd")

    success = f"/billing/bought/{purchase.pk}"
    waiting = client.get(success)
    assert "Waiting for Stripe" in shown(waiting)
    assert b'http-equiv="refresh"' in waiting.content
    assert "The purchase of 1,000 credits was cancelled" in shown(client.get(f"/billing/not-bought/{purchase.pk}"))

    stripe.pay(answer.headers["Location"])
    assert get_balance(acme).available_microcredits == 0  # coming back, and paying, prove nothing: the event does
    reconcile()
    paid = client.get(success)
    assert "1,000 credits added" in shown(paid)
    assert b'http-equiv="refresh"' not in paid.content
    assert client.get(f"/billing/not-bought/{purchase.pk}").headers["Location"] == success
    assert "1,000 credits Paid $10.00" in shown(client.get("/billing"))
    acme.refresh_from_db()
    assert acme.plan_id == "payg"


def test_a_form_that_is_sent_twice_buys_once(acme: Account, stripe: StripePeer):
    client, token = sign_in(acme), str(uuid.uuid4())
    first, second = buy(client, token=token), buy(client, token=token)
    assert first.headers["Location"] == second.headers["Location"]
    assert Purchase.objects.count() == 1
    stripe.pay(first.headers["Location"])
    reconcile()
    assert buy(client, token=token).headers["Location"] == f"/billing/bought/{Purchase.objects.get().pk}"
    assert get_balance(acme).available_microcredits == 1_000 * CREDIT


@pytest.mark.parametrize("paid_first", [False, True])
def test_another_choice_with_the_form_of_before_buys_that_and_not_the_first(
    acme: Account, stripe: StripePeer, paid_first: bool
):
    client, token = sign_in(acme), str(uuid.uuid4())
    first = buy(client, token=token)
    if paid_first:
        stripe.pay(first.headers["Location"])
        reconcile()
    other = Pack.objects.get(credits_microcredits=5_000 * CREDIT)
    second = buy(client, token=token, pack=other.pk)
    third = buy(client, token=token, pack=other.pk, keeps_card="on")
    assert len({response.headers["Location"] for response in (first, second, third)}) == 3
    bought = Purchase.objects.order_by("created_at").values_list("price", "keeps_card")
    assert list(bought) == [(1_000, False), (4_750, False), (4_750, True)]
    assert buy(client, token=token, pack=other.pk).headers["Location"] == second.headers["Location"]


def test_another_plan_with_the_form_of_before_is_that_plan(acme: Account, stripe: StripePeer):
    Plan.objects.create(
        code="team", name="Team", generate_limit=500, read_limit=20_000, is_sold=True, price=9_900,
        monthly_microcredits=12_000 * CREDIT,
    )  # fmt: skip
    client, token = sign_in(acme), str(uuid.uuid4())
    for plan in ("pro", "team", "pro"):
        assert client.post("/billing/subscribe", {"plan": plan, "token": token}).status_code == 302
    assert sorted(Subscription.objects.values_list("plan", "price")) == [("pro", 2_900), ("team", 9_900)]


def test_stripe_away_at_checkout_is_said_and_marked_and_costs_nothing(acme: Account, stripe_keys, settings):
    settings.STRIPE_API_BASE = f"http://127.0.0.1:{free_port()}"
    answer = buy(sign_in(acme))
    assert answer.status_code == 503
    assert "The payment service is unavailable. You were not charged." in shown(answer)
    assert Purchase.objects.get().state == "failed"
    assert LedgerEntry.objects.count() == 0


def test_after_stripe_was_away_the_same_form_buys_once(acme: Account, stripe: StripePeer, settings):
    client, token = sign_in(acme), str(uuid.uuid4())
    settings.STRIPE_API_BASE = f"http://127.0.0.1:{free_port()}"
    assert buy(client, token=token).status_code == 503
    settings.STRIPE_API_BASE = stripe.url
    answer = buy(client, token=token)
    assert answer.status_code == 302
    stripe.pay(answer.headers["Location"])
    reconcile()
    assert Purchase.objects.get().state == "paid"
    assert get_balance(acme).available_microcredits == 1_000 * CREDIT


def test_a_pack_that_is_off_sale_cannot_be_bought(acme: Account, stripe: StripePeer):
    pack = Pack.objects.get(credits_microcredits=1_000 * CREDIT)
    Pack.objects.filter(pk=pack.pk).update(is_enabled=False)
    answer = sign_in(acme).post("/billing/buy", {"pack": pack.pk, "token": str(uuid.uuid4())})
    assert answer.status_code == 400
    assert "That pack is no longer on sale" in shown(answer)
    assert Purchase.objects.count() == 0


def test_a_bank_that_takes_days(acme: Account, stripe: StripePeer):
    url = buy(sign_in(acme)).headers["Location"]
    stripe.pay(url, status="unpaid")
    reconcile()
    assert get_balance(acme).available_microcredits == 0
    stripe.press(f"late/{url.rpartition('/')[2]}")
    reconcile()
    assert get_balance(acme).available_microcredits == 1_000 * CREDIT


def test_stripes_own_deliveries_three_times_each_credit_once(delivering_stripe: StripePeer):
    acme = make_account("Acme", plan="free", credits=0)
    url = buy(sign_in(acme)).headers["Location"]
    assert delivering_stripe.pay(url, times=3)["statuses"] == [200, 200, 200]
    work()
    assert get_balance(acme).available_microcredits == 1_000 * CREDIT
    assert StripeEvent.objects.filter(is_reconciled=True).count() == 0
    assert reconcile()[1] == 0


# --- what it shows --------------------------------------------------------------------------------


def test_a_debt_is_shown(acme: Account, stripe_keys):
    purchase = make_purchase(acme)
    deliver(completed(purchase))
    charge_job(account=acme, job_id=uuid.uuid4(), cost_microcredits=700 * CREDIT, actor="key:1")
    deliver(dispute(purchase, "needs_response"))
    page = shown(sign_in(acme).get("/billing"))
    assert "700.00 credits are owed" in page
    assert "1,000 credits Reversed $10.00" in page


def test_the_portal_is_for_customers_of_stripe(acme: Account, stripe: StripePeer):
    client = sign_in(acme)
    stripe.pay(buy(client).headers["Location"])
    reconcile()
    answer = client.post("/billing/portal")
    customer = StripeCustomer.objects.get(account=acme)
    assert answer.headers["Location"] == f"{stripe.url}/_config/portal/{customer.customer_id}"


# --- automatic top-ups: the form ------------------------------------------------------------------


def recharge_form(**changes: Any) -> dict[str, Any]:
    pack = Pack.objects.get(credits_microcredits=1_000 * CREDIT)
    values = {"is_on": "on", "threshold": "50.5", "pack": pack.pk, "max_per_month": 3, "monthly_ceiling": "30"}
    return values | changes


def test_automatic_top_ups_need_a_card(acme: Account, stripe_keys):
    client = sign_in(acme)
    answer = client.post("/billing/recharge", recharge_form())
    assert answer.status_code == 400
    assert "No card is saved." in shown(answer)
    assert AutoTopUp.objects.count() == 0


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"threshold": "many"}, "is not a number of credits"),
        ({"threshold": "0"}, "Enter a number above 0."),
        ({"threshold": ""}, "Enter a number of credits."),
        ({"max_per_month": "0"}, "Enter a number of at least 1."),
        ({"max_per_month": "101"}, "Enter a number of at most 100."),
        ({"monthly_ceiling": "9.99"}, "This is less than the price of the pack."),
        ({"monthly_ceiling": "10.001"}, "is not an amount"),
        ({"monthly_ceiling": "-30"}, "is not an amount"),
        ({"pack": "00000000-0000-4000-8000-000000000000"}, "That pack is no longer on sale."),
    ],
    ids=str,
)
def test_what_is_wrong_is_said(acme: Account, stripe_keys, changes: dict[str, Any], message: str):
    answer = sign_in(acme).post("/billing/recharge", recharge_form(**changes))
    assert answer.status_code == 400
    assert message in shown(answer).replace("&#x27;", "'")
    assert AutoTopUp.objects.count() == 0


def test_automatic_top_ups_are_saved_exactly(acme: Account, stripe_keys):
    remember_customer(account=acme, customer_id="cus_1")
    keep_card(account=acme, customer_id="cus_1", payment_method_id="pm_1")
    client = sign_in(acme)
    assert client.post("/billing/recharge", recharge_form()).status_code == 302
    row = AutoTopUp.objects.get()
    assert (row.is_on, row.threshold_microcredits, row.max_per_month, row.monthly_ceiling) == (
        True, 50_500_000, 3, 3_000,
    )  # fmt: skip
    page = client.get("/billing")
    assert 'value="50.5"' in page.content.decode()
    client.post("/billing/recharge", recharge_form(is_on=""))
    assert AutoTopUp.objects.get().is_on is False

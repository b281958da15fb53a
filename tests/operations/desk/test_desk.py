"""The operator's desk: three roles, a limit on refunds, Stripe's ids, a wrong adjustment taken back, the first page."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Account, AuditEntry, User
from accounts.operators import ADMINISTRATOR_MAY, BILLING_MAY, SUPPORT_MAY, has_permission
from accounts.services.audit import SYSTEM
from billing.models import (
    Balance,
    Dispute,
    LedgerEntry,
    OperatorAlert,
    Pack,
    Payment,
    Purchase,
    StripeCustomer,
    StripeEvent,
    Subscription,
)
from billing.services.ledger import adjust_credits, charge_job
from tests.factories import make_account, make_job
from tests.operations.desk.test_search import NOTHING, find, is_linked
from tests.support.rows import text_of
from tts.models import Job, JobStatus

CREDIT = 1_000_000
WHY = {"reason": "The customer asked."}

# --- roles ----------------------------------------------------------------------------------------


def test_each_role_may_what_the_table_says(ada: User, bea: User, sam: User, alice: User):
    for user, allowed in ((ada, ADMINISTRATOR_MAY), (bea, BILLING_MAY), (sam, SUPPORT_MAY), (alice, frozenset())):
        assert {action for action in ADMINISTRATOR_MAY if has_permission(user, action)} == allowed


def test_billing_adjusts_credits_and_does_not_suspend(billing_staff: Client, account: Account):
    url = f"/admin/accounts/account/{account.pk}"
    assert billing_staff.post(f"{url}/do/adjust-credits/", {"credits": "5", **WHY}).status_code == 302
    assert billing_staff.post(f"{url}/do/suspend/", WHY).status_code == 403
    page = billing_staff.get(f"{url}/change/").content.decode()
    assert "Adjust credits" in page
    assert ">Suspend<" not in page


# --- refunds --------------------------------------------------------------------------------------


def paid_job(account: Account, credits: int) -> Job:
    job = make_job(account, status=JobStatus.COMPLETED, cost_microcredits=credits * CREDIT, text="Paid for.")
    charge_job(account=account, job_id=job.pk, cost_microcredits=credits * CREDIT, actor="test")
    return job


def test_support_refunds_up_to_the_limit(support: Client, account: Account, settings):
    settings.SUPPORT_REFUND_LIMIT = 20
    assert support.post(f"/admin/tts/job/{paid_job(account, 20).pk}/do/refund/", WHY).status_code == 302
    assert Balance.objects.get(account=account).available_microcredits == 100 * CREDIT


def test_above_the_limit_support_is_refused_and_it_is_in_the_audit_trail(
    support: Client, sam: User, account: Account, settings
):
    settings.SUPPORT_REFUND_LIMIT = 20
    job = paid_job(account, 21)
    answer = support.post(f"/admin/tts/job/{job.pk}/do/refund/", WHY)
    told = "Support can refund at most 20 credits per job; this refund is 21.00."
    assert told in text_of(answer.content.decode())
    assert answer.status_code == 409
    assert Balance.objects.get(account=account).available_microcredits == 79 * CREDIT
    job.refresh_from_db()
    assert job.refunded_microcredits == 0
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor_user_id, entry.account) == ("job.refund_refused", sam.pk, account)
    assert (entry.target_id, entry.after, entry.reason) == (str(job.pk), {"refused": told}, WHY["reason"])


def test_billing_and_administrators_go_further(
    billing_staff: Client, administrator: Client, account: Account, settings
):
    settings.SUPPORT_REFUND_LIMIT = 20
    for client in (billing_staff, administrator):
        assert client.post(f"/admin/tts/job/{paid_job(account, 30).pk}/do/refund/", WHY).status_code == 302


# --- a wrong adjustment ---------------------------------------------------------------------------


def test_an_adjustment_is_reversed_once(administrator: Client, ada: User, account: Account):
    adjust_credits(account=account, amount_microcredits=40 * CREDIT, actor=SYSTEM, reason="A slip.")
    entry = LedgerEntry.objects.get(kind="adjustment")
    url = f"/admin/billing/ledgerentry/{entry.pk}/do/reverse/"
    assert administrator.post(url, WHY).status_code == 302
    assert Balance.objects.get(account=account).available_microcredits == 100 * CREDIT
    again = administrator.post(url, WHY)
    assert "This has already been done." in again.content.decode()
    assert Balance.objects.get(account=account).available_microcredits == 100 * CREDIT
    assert AuditEntry.objects.filter(action="credits.adjusted", actor_user_id=ada.pk).count() == 1
    reversal = LedgerEntry.objects.get(reference=f"adjustment:reversal:{entry.pk}")
    page = administrator.get(f"/admin/billing/ledgerentry/{reversal.pk}/change/").content.decode()
    assert ">Reverse<" not in page  # a reversal is corrected by an adjustment of its own


def test_what_was_spent_meanwhile_cannot_be_taken_back(administrator: Client, account: Account):
    adjust_credits(account=account, amount_microcredits=40 * CREDIT, actor=SYSTEM, reason="A slip.")
    entry = LedgerEntry.objects.get(kind="adjustment")
    paid_job(account, 120)
    answer = administrator.post(f"/admin/billing/ledgerentry/{entry.pk}/do/reverse/", WHY)
    assert "40 credits cannot be deducted" in answer.content.decode()
    assert Balance.objects.get(account=account).available_microcredits == 20 * CREDIT


def test_a_charge_has_nothing_to_reverse(administrator: Client, account: Account):
    paid_job(account, 1)
    entry = LedgerEntry.objects.get(kind="charge")
    assert ">Reverse<" not in administrator.get(f"/admin/billing/ledgerentry/{entry.pk}/change/").content.decode()


# --- Stripe's ids ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "stripe_id", ["cus_One", "cs_test_One", "pi_One", "ch_One", "in_One", "du_One", " pi_One ", "sub_One", "evt_One"]
)
def test_any_id_of_stripes_finds_what_it_is_of(administrator: Client, account: Account, stripe_id: str):
    other = make_account("Globex")
    StripeCustomer.objects.create(account=account, customer_id="cus_One")
    purchase = Purchase.objects.create(
        account=account, kind="top_up", credits_microcredits=1, price=1000, currency="usd",
        checkout_session_id="cs_test_One", payment_intent_id="pi_One", invoice_id="in_One",
    )  # fmt: skip
    payment = Payment.objects.create(payment_intent_id="pi_One", charge_id="ch_One")
    Dispute.objects.create(dispute_id="du_One", payment=payment, amount=1, stage=1)
    subscription = Subscription.objects.create(
        account=account, plan_id="pro", price=1, currency="usd", sold_plan_id="pro", sold_price=1,
        stripe_subscription_id="sub_One",
    )  # fmt: skip
    StripeEvent.objects.create(event_id="evt_One", type="charge.succeeded", payload=b"{}", created_at=timezone.now())
    page = find(administrator, stripe_id)
    if stripe_id == "evt_One":
        assert "charge.succeeded evt_One" in page
        return
    assert is_linked(page, "accounts", "account", account.pk)
    assert not is_linked(page, "accounts", "account", other.pk)
    if stripe_id == "sub_One":
        assert is_linked(page, "billing", "subscription", subscription.pk)
    elif stripe_id != "cus_One":
        assert is_linked(page, "billing", "purchase", purchase.pk)


def test_an_id_that_was_never_heard_of_finds_nothing(administrator: Client, account: Account):
    assert NOTHING in find(administrator, "pi_Nobody")


# --- the pages ------------------------------------------------------------------------------------


def test_the_first_page_shows_what_matters(administrator: Client, account: Account, voices):
    hour_ago = timezone.now() - timedelta(minutes=90)
    make_job(account, status=JobStatus.COMPLETED)
    make_job(account, status=JobStatus.PENDING, created_at=hour_ago)
    for _ in range(2):
        make_job(account, status=JobStatus.FAILED, error_code="GENERATION_FAILED", error_message="It stopped.")
    OperatorAlert.objects.create(kind="event_refused", reference="evt_1", message="Another currency.", account=account)
    OperatorAlert.objects.create(kind="old", reference="evt_2", message="Long ago.", resolved_at=timezone.now())
    pack = Pack.objects.all()[0]
    for number, paid_at in enumerate([timezone.now(), timezone.now() - timedelta(days=100)]):
        Purchase.objects.create(
            account=account, kind="top_up", state="paid", pack=pack, credits_microcredits=1, price=1000,
            currency="usd", paid=1190 + number, paid_at=paid_at,
        )  # fmt: skip
    text = text_of(administrator.get("/admin/").content.decode())
    for told in (
        "Jobs queued 1",
        "Failed jobs, last 24 hours 2",
        "Credits outstanding 100.00",
        "$11.90",
        "speech.espeak 1 1 h",
        "2 espeak GENERATION_FAILED It stopped.",
        "Another currency.",
    ):
        assert told in text, told
    assert "Long ago." not in text


def test_the_account_page_shows_its_money_and_its_receiver(administrator: Client, account: Account):
    Purchase.objects.create(account=account, kind="top_up", credits_microcredits=CREDIT, price=1000, currency="usd")
    paid_job(account, 3)
    text = text_of(administrator.get(f"/admin/accounts/account/{account.pk}/change/").content.decode())
    for told in (f"{timezone.now():%B %Y} 1 9 3", "$10.00", "Webhook", "Purchases"):
        assert told in text, told


def test_the_desk_asks_little(administrator: Client, account: Account):
    for url in ("/admin/", f"/admin/accounts/account/{account.pk}/change/"):
        administrator.get(url)
        with CaptureQueriesContext(connection) as queries:
            administrator.get(url)
        assert len(queries) <= 20, url

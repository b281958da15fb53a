"""The pages under /admin: who gets in, what they show and never show, what they cost the database."""

import json
import re
import uuid
from typing import Any

import pytest
import time_machine
from django.contrib import admin
from django.contrib.admin.sites import site
from django.contrib.admin.utils import quote
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLResolver, get_resolver
from django.utils import timezone

from accounts.models import Account, ApiKey, Plan, User
from accounts.services.audit import Actor
from accounts.services.operator_actions import suspend_account
from accounts.services.second_factor import turn_on_app
from billing.models import LedgerEntry, OperatorAlert, Pack, Price, Purchase, StripeEvent, Subscription
from billing.services.alerts import raise_alert
from billing.services.purchases import start_top_up
from billing.services.stripe_events import record_event
from billing.services.subscriptions import start_subscription
from tests.factories import PASSWORD, make_account, make_job, make_key, make_user
from tests.peers.stripe_helpers import event
from tests.support.rows import text_of
from tts.models import Job, JobStatus
from voices.models import Voice, VoiceAlias
from webhooks.models import Attempt, Delivery, Endpoint

MAX_QUERIES = 20
LISTS = [
    "/admin/accounts/account/", "/admin/accounts/user/", "/admin/accounts/apikey/", "/admin/tts/job/",
    "/admin/billing/ledgerentry/", "/admin/voices/voice/", "/admin/voices/modelalias/", "/admin/voices/voicealias/",
    "/admin/accounts/plan/", "/admin/billing/price/", "/admin/accounts/auditentry/", "/admin/billing/pack/",
    "/admin/billing/purchase/", "/admin/billing/subscription/", "/admin/billing/stripeevent/",
    "/admin/billing/operatoralert/",
    "/admin/webhooks/endpoint/", "/admin/webhooks/delivery/",
]  # fmt: skip


@pytest.fixture
def crowd(account: Account, ada: User, voices: None) -> None:
    """More rows than any page shows."""
    for number in range(60):
        other = make_account(f"Account {number}")
        person = make_user(f"person{number}@acme.example", account)
        # An account has fifty usable keys at most.
        key = make_key(account if number < 50 else other, name=f"Key {number}")[0]
        make_job(
            account, status=JobStatus.COMPLETED, text="SECRET-TEXT", metadata={"m": "SECRET-METADATA"}, api_key=key
        )
        make_job(other, status=JobStatus.FAILED, text="SECRET-TEXT")
        suspend_account(account=other, actor=Actor.of(person), reason=f"Reason {number}")
        start_top_up(account=other, pack=Pack.objects.all()[0], form_token=uuid.uuid4())
        start_subscription(account=other, plan_code="pro", form_token=uuid.uuid4())
        record_event(payload=json.dumps(event("charge.succeeded", {"email": "SECRET-TEXT"})).encode())
        raise_alert(kind="event_refused", reference=f"evt_{number}", message="Look at it.", account=other)
        Endpoint.objects.create(account=other, url="https://hooks.example/?SECRET-TOKEN", secret="SECRET-SECRET")
        sent = Delivery.objects.create(
            account=other, event="test", receiver="hooks.example:443", state="failed", finished_at=timezone.now()
        )
        Attempt.objects.create(
            delivery=sent, number=1, started_at=timezone.now(), duration_ms=9, outcome="gone", answer="SECRET-ANSWER"
        )


def change_pages() -> list[str]:
    """One row of each kind."""
    audit_entry = Account.objects.filter(audit_entries__isnull=False)[0].audit_entries.all()[0]
    return [
        f"/admin/accounts/account/{Account.objects.get(name='Acme').pk}/change/",
        f"/admin/accounts/user/{User.objects.filter(memberships__isnull=False)[0].pk}/change/",
        f"/admin/accounts/apikey/{ApiKey.objects.all()[0].pk}/change/",
        f"/admin/tts/job/{Job.objects.all()[0].pk}/change/",
        f"/admin/billing/ledgerentry/{LedgerEntry.objects.all()[0].pk}/change/",
        f"/admin/voices/voice/{Voice.objects.all()[0].pk}/change/",
        "/admin/voices/modelalias/tts-1/change/",
        "/admin/voices/voicealias/alloy/change/",
        f"/admin/accounts/plan/{Plan.objects.all()[0].pk}/change/",
        f"/admin/billing/price/{Price.objects.all()[0].pk}/change/",
        f"/admin/accounts/auditentry/{audit_entry.pk}/change/",
        f"/admin/billing/pack/{Pack.objects.all()[0].pk}/change/",
        f"/admin/billing/purchase/{Purchase.objects.all()[0].pk}/change/",
        f"/admin/billing/subscription/{Subscription.objects.all()[0].pk}/change/",
        f"/admin/billing/stripeevent/{quote(StripeEvent.objects.all()[0].pk)}/change/",
        f"/admin/billing/operatoralert/{OperatorAlert.objects.all()[0].pk}/change/",
        f"/admin/webhooks/endpoint/{Endpoint.objects.all()[0].pk}/change/",
        f"/admin/webhooks/delivery/{Delivery.objects.all()[0].pk}/change/",
    ]


# --- who gets in ---------------------------------------------------------------------------------


def test_every_page_is_for_the_staff_alone(client: Client, administrator: Client, support: Client, alice: User, crowd):
    for url in ["/admin/", "/admin/search/", *LISTS, *change_pages()]:
        assert client.get(url).headers["Location"].startswith("/admin/login/?next="), url
        assert support.get(url).status_code == 200, url
        assert administrator.get(url).status_code == 200, url
    client.force_login(alice)
    for url in ["/admin/", "/admin/search/", *LISTS, *change_pages()]:
        assert client.get(url).headers["Location"].startswith("/admin/login/?next="), url


def admin_routes(patterns: Any = None, prefix: str = "") -> set[str]:
    """Every route under admin/, as in the URLconf."""
    found = set()
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + str(pattern.pattern)
        found |= admin_routes(pattern.url_patterns, route) if isinstance(pattern, URLResolver) else {route}
    return {route for route in found if route.startswith("admin/")}


def test_there_is_no_way_round_the_sign_in(client: Client, alice: User):
    open_to_all = {"admin/login", "admin/login/"}
    routes = admin_routes() - open_to_all
    assert len(routes) > 50
    for who in ("nobody", "customer"):
        if who == "customer":
            client.force_login(alice)
        for route in sorted(routes):
            path = "/" + re.sub(r"\(\?P<url>.*", "anything", re.sub(r"<[^>]+>", "1", route)).rstrip("$")
            for response in (client.get(path), client.post(path)):
                if response.status_code == 302:
                    assert response.headers["Location"].partition("?")[0] in {"/admin/login/", "/admin/"}, path
                else:
                    assert (path, response.status_code) in {("/admin/logout/", 405)}, (path, response.status_code)
            if who == "customer" and "logout" in route:
                client.force_login(alice)


def test_somebody_who_left_gets_in_no_more(administrator: Client, ada: User):
    assert administrator.get("/admin/").status_code == 200
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert administrator.get("/admin/").status_code == 302


def test_the_staff_signs_in_where_everybody_does_and_customers_get_no_further(client: Client, ada: User, alice: User):
    assert client.get("/admin/login").headers["Location"] == "/admin/login/"
    way_in = client.get("/admin/login/?next=/admin/search/").headers["Location"]
    assert way_in == "/sign-in?next=%2Fadmin%2Fsearch%2F"
    assert client.post("/admin/login/", {"username": ada.email, "password": PASSWORD}).status_code == 302
    assert client.get("/admin/").status_code == 302, "the form that stood here opens nothing"
    response = client.post(way_in, {"login": ada.email, "password": PASSWORD, "next": "/admin/search/"})
    assert (response.status_code, response.headers["Location"]) == (302, "/admin/search/")
    assert client.get("/admin/search/").status_code == 200
    assert client.get("/admin/login/").headers["Location"] == "/admin/"
    client.force_login(alice)
    assert client.get("/admin/", follow=True).status_code == 403


def test_an_operator_with_a_second_factor_is_asked_for_it(client: Client, ada: User):
    codes = turn_on_app(user=ada, secret="JBSWY3DPEHPK3PXP")
    response = client.post("/sign-in", {"login": ada.email, "password": PASSWORD, "next": "/admin/"})
    assert response.headers["Location"] == "/sign-in/code"
    assert client.get("/admin/").status_code == 302
    response = client.post("/sign-in/code", {"code": codes[0]})
    assert (response.status_code, response.headers["Location"]) == (302, "/admin/")
    assert client.get("/admin/").status_code == 200


def test_an_operator_without_an_account_has_a_security_page(administrator: Client):
    page = administrator.get("/settings/security").content.decode()
    assert "Set up an authenticator app" in page
    assert 'href="/overview"' not in page


# --- what nobody can do --------------------------------------------------------------------------


def test_no_form_adds_edits_or_deletes_a_row_not_even_for_an_administrator(administrator: Client, crowd):
    counts = {
        model: model.objects.count() for model in (Account, ApiKey, Job, LedgerEntry, Plan, User, Voice, VoiceAlias)
    }
    plan = Plan.objects.get(pk="payg")
    for url in LISTS:
        assert administrator.get(f"{url}add/").status_code == 403, url
        assert administrator.post(f"{url}add/", {}).status_code == 403, url
        ids = [str(row.pk) for row in (Account.objects.all()[0], Job.objects.all()[0])]
        administrator.post(url, {"action": "delete_selected", "_selected_action": ids, "post": "yes"})
        assert "delete_selected" not in administrator.get(url).content.decode(), url
    for url in change_pages():
        assert administrator.post(url, {"name": "Changed", "available": "5", "text": "x"}).status_code == 403, url
        assert administrator.post(url.replace("/change/", "/delete/"), {"post": "yes"}).status_code == 403, url
    assert {model: model.objects.count() for model in counts} == counts
    assert Plan.objects.get(pk="payg").name == plan.name
    assert not Account.objects.filter(name="Changed").exists()


def test_only_our_own_pages_are_registered():
    assert {model._meta.label for model in site._registry} == {
        "accounts.Account", "accounts.ApiKey", "accounts.AuditEntry", "accounts.Plan", "accounts.User",
        "billing.LedgerEntry", "billing.OperatorAlert", "billing.Pack", "billing.Price", "billing.Purchase",
        "billing.StripeEvent", "billing.Subscription", "tts.Job", "voices.ModelAlias", "voices.Voice",
        "voices.VoiceAlias", "webhooks.Delivery", "webhooks.Endpoint",
    }  # fmt: skip
    assert admin.site.name == "admin"


# --- what they show ------------------------------------------------------------------------------


def test_texts_and_metadata_are_on_no_page_and_not_even_read(administrator: Client, crowd):
    for url in ["/admin/", *LISTS, *change_pages()]:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            page = administrator.get(url).content.decode()
        assert "SECRET-" not in page, url
        assert not [query for query in queries if '"tts_job"."text"' in query["sql"]], url


def test_secrets_are_on_no_page(administrator: Client, account: Account, ada: User):
    key = make_key(account)[1]
    row = ApiKey.objects.get()
    for url in ("/admin/accounts/apikey/", f"/admin/accounts/apikey/{row.pk}/change/"):
        page = administrator.get(url).content.decode()
        assert f"{key[:8]}…{key[-4:]}" in page
        assert row.digest not in page
        assert key not in page
    page = administrator.get(f"/admin/accounts/user/{ada.pk}/change/").content.decode()
    assert ada.password not in page
    assert "md5$" not in page


def test_an_account_shows_its_people_keys_jobs_ledger_and_audit_trail(
    administrator: Client, ada: User, alice: User, account: Account
):
    key = make_key(account, name="Production")[0]
    job = make_job(account)
    suspend_account(account=account, actor=Actor.of(ada), reason="Chargeback.")
    page = administrator.get(f"/admin/accounts/account/{account.pk}/change/").content.decode()
    for link in (
        f"/admin/accounts/user/{alice.pk}/change/",
        f"/admin/accounts/apikey/{key.pk}/change/",
        f"/admin/tts/job/{job.pk}/change/",
        f"/admin/tts/job/?account__id__exact={account.pk}",
        f"/admin/billing/ledgerentry/?account__id__exact={account.pk}",
    ):
        assert f'href="{link}"' in page, link
    text = text_of(page)
    assert "account.suspended ada@staff.example Chargeback." in text
    assert "Credits 100 Debt 0" in text
    assert "Reinstate" in text
    assert "Suspend " not in text


def test_see_all_leads_to_the_rows_of_that_account_alone(administrator: Client, account: Account):
    mine, other = make_job(account), make_job(make_account("Globex"))
    page = administrator.get(f"/admin/tts/job/?account__id__exact={account.pk}").content.decode()
    assert str(mine.pk) in page
    assert str(other.pk) not in page


def test_jobs_are_filtered_by_status_and_provider(administrator: Client, account: Account):
    failed, completed = make_job(account, status=JobStatus.FAILED), make_job(account, status=JobStatus.COMPLETED)
    for query, is_there in (
        ("status__exact=failed", True),
        ("status__exact=completed", False),
        ("provider=espeak", True),
    ):
        page = administrator.get(f"/admin/tts/job/?{query}").content.decode()
        assert (str(failed.pk) in page) is is_there, query
    assert str(completed.pk) in administrator.get("/admin/tts/job/?provider=espeak").content.decode()


def test_buttons_are_there_for_what_one_may_do(administrator: Client, support: Client, account: Account):
    url = f"/admin/accounts/account/{account.pk}/change/"

    def buttons(client: Client) -> list[str]:
        return re.findall(r'class="operator-button(?: [^"]*)?"[^>]*>([^<]*)<', client.get(url).content.decode())

    assert buttons(administrator) == ["Adjust credits", "Change plan", "Suspend"]
    assert buttons(support) == ["Suspend"]


def test_history_leads_to_the_audit_trail_of_the_row(administrator: Client, ada: User, account: Account):
    suspend_account(account=account, actor=Actor.of(ada), reason="Here.")
    suspend_account(account=make_account("Globex"), actor=Actor.of(ada), reason="Elsewhere.")
    response = administrator.get(f"/admin/accounts/account/{account.pk}/history/", follow=True)
    text = text_of(response.content.decode())
    assert "Here." in text
    assert "Elsewhere." not in text


def test_the_overview_counts_jobs_and_says_which_engine_cannot_speak(administrator: Client, account: Account, voices):
    for status in (JobStatus.PENDING, JobStatus.PENDING, JobStatus.PROCESSING, JobStatus.FAILED):
        make_job(account, status=status)
    with time_machine.travel(timezone.now().replace(year=2020)):
        make_job(account, status=JobStatus.FAILED)
    Voice.objects.update(unavailable_reason="its program is missing")
    text = text_of(administrator.get("/admin/").content.decode())
    assert "Jobs queued 2 Jobs running 1 Failed jobs, last 24 hours 1" in text
    assert "espeak its program is missing" in text


# --- headers and cost ----------------------------------------------------------------------------


def test_the_admin_has_a_policy_of_its_own_and_the_rest_stays_strict(administrator: Client, api, voices):
    for url in ("/admin/", "/admin/login/", "/admin/accounts/account/", "/admin/nothing/"):
        policy = administrator.get(url).headers["Content-Security-Policy"]
        assert "script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'" in policy, url
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
    for url in ("/", "/sign-in", "/administrators", "/api/v1/voices"):
        assert "unsafe" not in administrator.get(url).headers["Content-Security-Policy"], url


def test_no_page_asks_more_than_a_few_questions_and_none_counts_a_whole_table(administrator: Client, crowd):
    for url in ["/admin/", *LISTS, *change_pages()]:
        with CaptureQueriesContext(connection) as queries:
            assert administrator.get(url).status_code == 200
        assert len(queries) <= MAX_QUERIES, (url, len(queries))
        for table in ("tts_job", "billing_ledgerentry", "accounts_auditentry", "accounts_user", "accounts_apikey"):
            whole = [q["sql"] for q in queries if q["sql"].startswith("SELECT COUNT") and f'FROM "{table}"' in q["sql"]]
            assert not [sql for sql in whole if "WHERE" not in sql], (url, whole)

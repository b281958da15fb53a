"""The ledger as a page and as a file: every movement, what was left after it, and nobody else's."""

import codecs
import uuid
from datetime import UTC, datetime

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Account, ApiKey
from accounts.services.audit import SYSTEM
from billing.models import LedgerEntry
from billing.services.ledger import adjust_credits, charge_job, refund_job
from tests.factories import make_account, make_key, make_user

pytestmark = pytest.mark.django_db

CREDIT = 1_000_000


@pytest.fixture
def acme(db) -> Account:
    return make_account("Acme", credits=100)


@pytest.fixture
def page(client, acme):
    client.force_login(make_user("ada@acme.example", account=acme))

    def get(query: str = "") -> str:
        return " ".join(client.get(f"/billing/ledger{query}").content.decode().split())

    return get


def charge(account: Account, microcredits: int, key: ApiKey | None = None) -> uuid.UUID:
    job_id = uuid.uuid4()
    actor = f"key:{key.pk}" if key else "user:1"
    charge_job(account=account, job_id=job_id, cost_microcredits=microcredits, actor=actor, api_key=key)
    return job_id


def test_each_movement_stands_with_what_was_left(page, acme):
    key, _ = make_key(acme, name="Museum guide")
    job_id = charge(acme, 42_000, key=key)
    refund_job(account=acme, job_id=job_id, amount_microcredits=42_000, actor="system", note="The job failed.")
    text = page()
    for what, amount, left in (
        ("Credits granted", "+100.00", "100.00"),
        ("Speech", "-0.042", "99.958"),
        ("Speech, refunded", "+0.042", "100.00"),
    ):
        assert what in text
        assert f">{amount}</td>" in text
        assert f">{left}</td>" in text
    assert "by Museum guide" in text
    assert "The job failed." in text


def test_filters_by_kind_key_day_and_job(page, acme):
    key, _ = make_key(acme, name="Museum guide")
    first = charge(acme, CREDIT, key=key)
    second = charge(acme, 2 * CREDIT)
    day = LedgerEntry.objects.get(job_id=first).created_at.date()
    assert str(first) in page("?kind=charge") and "To begin with." not in page("?kind=charge")
    assert str(first) in page(f"?key={key.pk}") and str(second) not in page(f"?key={key.pk}")
    assert str(second) in page(f"?job={second}") and str(first) not in page(f"?job={second}")
    assert str(first) in page(f"?first_day={day}&last_day={day}")
    assert "No matching entries" in page("?last_day=2020-01-01")
    assert str(first) in page("?first_day=0001-01-01&last_day=9999-12-31")


@pytest.mark.parametrize("query", ["?kind=theft", "?key=7", "?first_day=soon", "?job=short"])
def test_a_filter_that_makes_no_sense_is_named(client, page, query):
    assert "The filters are invalid" in page(query)
    assert client.get(f"/billing/ledger{query}").status_code == 400


def test_pages_follow_each_other_without_a_gap(client, acme):
    client.force_login(make_user("ada@acme.example", account=acme))
    jobs = {str(charge(acme, 1000)) for _ in range(60)}
    first = client.get("/billing/ledger")
    older = client.get(f"/billing/ledger{first.context['older']}")
    shown = [str(row.entry.job_id) for row in [*first.context["rows"], *older.context["rows"]] if row.entry.job_id]
    assert (len(shown), set(shown)) == (60, jobs)
    assert (len(first.context["rows"]), older.context["older"]) == (50, "")
    assert client.get("/billing/ledger?after=nonsense").status_code == 200


def test_movements_of_one_moment_are_each_on_one_page(client, acme):
    client.force_login(make_user("ada@acme.example", account=acme))
    with time_machine.travel(datetime(2027, 1, 1, tzinfo=UTC), tick=False):
        jobs = {str(charge(acme, 1000)) for _ in range(70)}
    first = client.get("/billing/ledger")
    older = client.get(f"/billing/ledger{first.context['older']}")
    shown = [str(row.entry.job_id) for row in [*first.context["rows"], *older.context["rows"]] if row.entry.job_id]
    assert (len(shown), set(shown)) == (70, jobs)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="With so few rows PostgreSQL's planner takes any road.")
def test_a_page_far_down_begins_where_the_one_before_ended(client, acme):
    """A condition that is only an OR would read the account's ledger from its newest entry down."""
    client.force_login(make_user("ada@acme.example", account=acme))
    last = charge(acme, 1000)
    with CaptureQueriesContext(connection) as queries:
        client.get(f"/billing/ledger?after={LedgerEntry.objects.get(job_id=last).pk}")
    (asked,) = [query["sql"] for query in queries if "ledgerentry" in query["sql"] and "LIMIT 51" in query["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {asked}")
        plan = " ".join(row[3] for row in cursor.fetchall())
    assert "USING INDEX ledger_account_newest (account_id=? AND created_at<?)" in plan


def test_the_file_holds_the_same_exactly_and_no_formula(client, acme):
    adjust_credits(account=acme, amount_microcredits=-1, actor=SYSTEM, reason="=SUM(A1) a wrong count")
    client.force_login(make_user("ada@acme.example", account=acme))
    answer = client.get("/billing/ledger?format=csv")
    content = b"".join(answer.streaming_content)
    assert content.startswith(codecs.BOM_UTF8), "Excel reads UTF-8 only with a byte order mark"
    lines = content.decode("utf-8-sig").splitlines()
    assert lines[0] == "time_utc,kind,credits,balance_after,job_id,api_key,note,reference"
    assert ",adjustment,-0.000001,99.999999,,,'=SUM(A1) a wrong count,adjustment:" in lines[1]
    assert ",grant,100,100,," in lines[2]
    assert len(lines) == 3


def test_another_tenants_movements_are_not_there(page, acme):
    globex = make_account("Globex", credits=77)
    job_id = charge(globex, CREDIT)
    assert "77.00" not in page()
    assert "No matching entries" in page(f"?job={job_id}")
    assert "The filters are invalid" in page(f"?key={make_key(globex)[0].pk}")


def test_a_long_ledger_costs_no_more_questions_and_is_not_counted(client, acme):
    client.force_login(make_user("ada@acme.example", account=acme))
    for _ in range(55):
        charge(acme, 1000)
    client.get("/billing/ledger")
    with CaptureQueriesContext(connection) as queries:
        client.get("/billing/ledger")
    assert len(queries) <= 9
    assert not any("COUNT(" in query["sql"] and "ledgerentry" in query["sql"] for query in queries.captured_queries)


def test_no_connection_to_the_database_is_held_while_the_file_is_downloaded(committed_db: None, client: Client):
    account = make_account("Globex")
    client.force_login(make_user("bob@globex.example", account))
    answer = client.get("/billing/ledger?format=csv")
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert connection.connection is None
    answer.close()

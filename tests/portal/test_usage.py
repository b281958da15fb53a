"""What was used, by day, key and voice: the API, the page, the CSV."""

import codecs
from datetime import UTC, datetime

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Role
from tests.conftest import ApiClient
from tests.factories import make_account, make_job, make_key, make_user
from tests.support.envelopes import ANNIE, data_of, error_of
from tts.models import Job

pytestmark = pytest.mark.django_db

LEE = "espeak:en-GB-eSpeak-Lee"


def moment(day: int, hour: int = 12, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


@pytest.fixture(autouse=True)
def late_in_november():
    with time_machine.travel(moment(25), tick=False):
        yield


@pytest.fixture
def acme(db):
    with time_machine.travel(moment(1, month=9), tick=False):
        return make_account("Acme")


@pytest.fixture
def used(acme) -> ApiClient:
    """Three days, two keys and no key, two voices; one job came back in part, one wholly; others' jobs beside them."""
    key, secret = make_key(acme, name="Museum")
    other, _ = make_key(acme, name="=Radio")

    def job(when: datetime, cost: int, refunded: int = 0, voice_id: str = ANNIE, api_key=key, account=acme) -> Job:
        return make_job(
            account, text="a" * cost, cost_microcredits=cost * 1000, refunded_microcredits=refunded * 1000,
            voice_id=voice_id, api_key=api_key, created_at=when,
        )  # fmt: skip

    job(moment(31, 23, month=10), 500)
    job(moment(1, 0), 100)
    job(moment(1, 23), 50, refunded=20, voice_id=LEE, api_key=other)
    job(moment(3), 30, refunded=30)
    job(moment(25), 7, voice_id=LEE, api_key=None)
    job(moment(3), 900, account=make_account("Globex"), api_key=None)
    return ApiClient(secret)


def test_by_day_the_days_of_this_month_in_their_order(used):
    assert data_of(used.get("/api/v1/usage")) == {
        "first_day": "2026-11-01",
        "last_day": "2026-11-25",
        "by": "day",
        "rows": [
            {"day": "2026-11-01", "requests": 2, "characters": 150, "credits": "0.13"},
            {"day": "2026-11-03", "requests": 1, "characters": 30, "credits": "0"},
            {"day": "2026-11-25", "requests": 1, "characters": 7, "credits": "0.007"},
        ],
        "total": {"requests": 4, "characters": 187, "credits": "0.137"},
    }


def test_by_key_and_by_voice_the_dearest_first(used, acme):
    by_key = data_of(used.get("/api/v1/usage?by=key"))["rows"]
    assert [(row["key_name"], row["requests"], row["credits"]) for row in by_key] == [
        ("Museum", 2, "0.1"), ("=Radio", 1, "0.03"), (None, 1, "0.007"),
    ]  # fmt: skip
    assert by_key[2]["key_id"] is None
    by_voice = data_of(used.get("/api/v1/usage?by=voice&first_day=2026-10-01&last_day=2026-11-24"))["rows"]
    assert [(row["voice_id"], row["characters"]) for row in by_voice] == [(ANNIE, 630), (LEE, 50)]


def test_the_ends_of_the_calendar_can_be_asked_for(used):
    last = data_of(used.get("/api/v1/usage?last_day=9999-12-31"))
    first = data_of(used.get("/api/v1/usage?last_day=0001-01-01"))
    assert [(data["first_day"], data["rows"]) for data in (last, first)] == [("9999-12-01", []), ("0001-01-01", [])]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("first_day=2026-11-02&last_day=2026-11-01", "first_day"),
        ("first_day=2025-11-01&last_day=2026-11-02", "first_day"),
        ("first_day=yesterday", "first_day"),
        ("by=mood", "by"),
        ("day=2026-11-01", "day"),
    ],
)
def test_what_cannot_be_asked_is_named(used, query, field):
    assert list(error_of(used.get(f"/api/v1/usage?{query}"), 400, "VALIDATION_ERROR")["details"]) == [field]


def test_an_account_without_jobs_has_used_nothing(acme):
    data = data_of(ApiClient(make_key(acme)[1]).get("/api/v1/usage"))
    assert (data["rows"], data["total"]) == ([], {"requests": 0, "characters": 0, "credits": "0"})


# --- the page -------------------------------------------------------------------------------------


def test_the_page_shows_a_month_in_three_tables(client, used, acme):
    client.force_login(make_user("ada@acme.example", account=acme))
    page = " ".join(client.get("/billing/usage").content.decode().split())
    assert 'November 2026: <b class="num">4</b> requests, <b class="num">187</b> characters' in page
    assert '<b class="num">0.137</b> credits' in page
    assert page.count("<table") == 3
    assert "Dashboard, without a key" in page
    assert 'href="?month=2026-10"' in page
    assert 'href="?month=2026-12"' not in page


def test_another_month_is_a_link_and_one_to_come_is_not_there(client, used, acme):
    client.force_login(make_user("ada@acme.example", account=acme))
    october = client.get("/billing/usage?month=2026-10").content.decode()
    assert '<b class="num">500</b>' in october
    assert "No usage in September 2026" in client.get("/billing/usage?month=2026-09").content.decode()
    for wrong in ("2026-12", "2026-13", "november", "1999-01"):
        assert client.get(f"/billing/usage?month={wrong}").status_code == 404


def test_each_table_is_a_file_and_no_formula(client, used, acme):
    client.force_login(make_user("ada@acme.example", account=acme))
    answer = client.get("/billing/usage?month=2026-11&csv=key")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="usage-2026-11-by-key.csv"'
    content = b"".join(answer.streaming_content)
    assert content.startswith(codecs.BOM_UTF8), "Excel reads UTF-8 only with a byte order mark"
    lines = content.decode("utf-8-sig").splitlines()
    assert lines[0] == "key,name,requests,characters,credits"
    assert [line.split(",")[1:] for line in lines[1:3]] == [
        ["Museum", "2", "130", "0.1"],
        ["'=Radio", "1", "50", "0.03"],
    ]


def test_the_page_asks_little_however_much_was_used(client, used, acme):
    client.force_login(make_user("ada@acme.example", account=acme))
    client.get("/billing/usage")
    with CaptureQueriesContext(connection) as queries:
        client.get("/billing/usage")
    assert len(queries) <= 9


@pytest.mark.parametrize("role", Role.values)
def test_only_who_sees_the_billing_sees_it(client, acme, role):
    client.force_login(make_user(f"{role}@acme.example", account=acme, role=role))
    status = 403 if role == "developer" else 200
    assert client.get("/billing/usage").status_code == status
    assert client.get("/billing/ledger").status_code == status

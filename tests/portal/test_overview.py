"""`/overview`: what is left and for how long, the days of a month, the latest jobs, what to do next; by role."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Account, Role
from billing.models import Balance, EntryKind
from billing.services.ledger import credit_payment
from portal.charts import draw_chart
from portal.usage_summary import burn_per_day, daily_usage
from tests.factories import make_account, make_job, make_key, make_user
from tts.models import JobStatus

NOW = datetime(2026, 1, 20, 10, 0, tzinfo=UTC)
CREDIT = 1_000_000

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_ten_on_the_twentieth():
    with time_machine.travel(NOW, tick=False):
        yield


def text_of(client: Client) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", client.get("/overview").content.decode()).split())


def test_balance_days_left_today_and_plan(signed_in: Client, account: Account):
    Balance.objects.filter(account=account).update(available_microcredits=1_842_609_999)
    make_job(account, created_at=NOW - timedelta(days=1), chars_charged=900, cost_microcredits=90 * CREDIT)
    make_job(account, created_at=NOW, chars_charged=1_200, cost_microcredits=10 * CREDIT)
    shown = text_of(signed_in)
    assert "Balance 1,842.60 credits" in shown
    assert "Days left 36 at 50.00 credits per day, the average of the last 7 days" in shown
    assert "Requests today 1 1,200 characters (UTC day)" in shown
    assert "Plan Enterprise With API access; 1,000 speech requests per 15 minutes" in shown


def test_the_limit_of_the_account_goes_before_that_of_its_plan(signed_in: Client, account: Account):
    Account.objects.filter(pk=account.pk).update(generate_limit_override=7)
    assert "7 speech requests per 15 minutes" in text_of(signed_in)


def test_without_spending_there_is_no_forecast(signed_in: Client):
    assert "Days left — no credits spent in 7 days" in text_of(signed_in)


def test_days_are_of_utc_and_count_what_was_kept_of_each_charge(account: Account):
    make_job(account, created_at=datetime(2026, 1, 19, 23, 59, 59, tzinfo=UTC), chars_charged=10, cost_microcredits=5)
    make_job(account, created_at=datetime(2026, 1, 20, 0, 0, tzinfo=UTC), chars_charged=20, cost_microcredits=7)
    make_job(
        account, created_at=NOW, chars_charged=30, cost_microcredits=9, refunded_microcredits=9,
        status=JobStatus.FAILED, finished_at=NOW,
    )  # fmt: skip
    make_job(account, created_at=datetime(2025, 12, 21, 23, 59, 59, tzinfo=UTC), chars_charged=40)  # 31 days ago
    make_job(make_account("Globex"), created_at=NOW, chars_charged=50)
    days = daily_usage(account=account)
    assert len(days) == 30
    assert (days[0].date.isoformat(), days[0].requests) == ("2025-12-22", 0)
    assert [(day.date.day, day.requests, day.characters, day.spent_microcredits) for day in days[-2:]] == [
        (19, 1, 10, 5), (20, 2, 50, 7),
    ]  # fmt: skip


def test_the_burn_rate_of_a_new_account_is_not_thinned_by_days_before_it_began(account: Account):
    make_job(account, created_at=NOW - timedelta(days=1), cost_microcredits=10)
    make_job(account, created_at=NOW, cost_microcredits=20)
    assert burn_per_day(daily_usage(account=account)) == 15


@pytest.mark.parametrize(
    "values, top, half", [([0, 0], "2", "1"), ([3, 1], "4", "2"), ([121_000, 5], "200k", "100k"), ([10, 9], "20", "10")]
)
def test_the_axis_of_a_chart_ends_at_a_round_number(values: list[int], top: str, half: str):
    chart = draw_chart(values)
    assert (chart.top, chart.half) == (top, half)


def test_a_bar_is_as_high_as_its_share_and_today_is_apart():
    chart = draw_chart([2, 0, 4])
    assert (chart.width, chart.bars, chart.today) == (30, "M1.5 50h7V100h-7z", "M21.5 0h7V100h-7z")


def test_the_table_has_the_days_with_requests_newest_first(signed_in: Client, account: Account):
    make_job(account, created_at=NOW - timedelta(days=3), chars_charged=1_234, cost_microcredits=2 * CREDIT)
    make_job(account, created_at=NOW, chars_charged=5)
    shown = text_of(signed_in)
    assert "20 Jan 1 5 0.00 17 Jan 1 1,234 2.00" in shown


def test_the_latest_jobs_lead_to_their_pages(signed_in: Client, account: Account):
    jobs = [make_job(account, text=f"Number {n}.", created_at=NOW - timedelta(hours=n)) for n in range(9)]
    page = signed_in.get("/overview").content.decode()
    assert f'href="/jobs/{jobs[0].pk}"' in page
    assert page.index("Number 0.") < page.index("Number 7.")
    assert "Number 8." not in page


def test_no_more_than_the_beginning_of_a_text_is_read(signed_in: Client, account: Account):
    make_job(account, text="The lighthouse keeper sleeps. " * 10 + "Secretly.")
    with CaptureQueriesContext(connection) as queries:
        page = signed_in.get("/overview").content.decode()
    assert "The lighthouse keeper sleeps." in page
    assert "Secretly." not in page
    (of_jobs,) = [query["sql"] for query in queries if '"tts_job"."text"' in query["sql"]]
    assert not re.search(r'(?<!SUBSTR\()(?<!LEFT\()"tts_job"\."text"', of_jobs)


def test_what_a_text_says_is_escaped(signed_in: Client, account: Account):
    make_job(account, text="<script>alert(1)</script>")
    page = signed_in.get("/overview").content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page


def test_a_new_account_is_led_from_step_to_step(signed_in: Client, account: Account):
    def done() -> list[bool]:
        page = signed_in.get("/overview").content.decode()
        return [word == "Done:" for word in re.findall(r'aria-label="(Done:|To do:)"', page)]

    assert done() == [True, False, False, False, False]  # confirmed, played, credits, key, request
    make_job(account)
    key, _ = make_key(account)
    assert done() == [True, True, False, True, False]
    make_job(account, api_key=key)
    assert done() == [True, True, False, True, True]


def test_who_has_done_it_all_is_no_longer_told(signed_in: Client, account: Account):
    key, _ = make_key(account)
    make_job(account)
    make_job(account, api_key=key)
    assert "Get started" in text_of(signed_in)  # the credits so far were a gift
    credit_payment(account=account, kind=EntryKind.TOP_UP, amount_microcredits=1, reference="pack:1", note="A pack.")
    assert "Get started" not in text_of(signed_in)


@pytest.mark.parametrize(
    "role, sees_jobs, may_speak", [("developer", True, True), ("viewer", True, False), ("billing", False, False)]
)
def test_each_role_sees_its_part(client: Client, account: Account, role: str, sees_jobs: bool, may_speak: bool):
    make_job(account, text="Good evening.")
    client.force_login(make_user("bob@acme.example", account, Role(role)))
    page = client.get("/overview").content.decode()
    assert ("Good evening." in page) is sees_jobs
    assert ('href="/jobs"' in page) is sees_jobs
    assert ('href="/playground"' in page) is may_speak
    assert "Balance" in page


def test_it_asks_the_database_the_same_however_much_there_is(
    signed_in: Client, account: Account, django_assert_num_queries
):
    key, _ = make_key(account)
    make_job(account, api_key=key)
    signed_in.get("/settings/security")  # the first page of a session notes it
    with django_assert_num_queries(7):
        signed_in.get("/overview")
    for number in range(40):
        make_job(account, api_key=key, created_at=NOW - timedelta(days=number))
    with django_assert_num_queries(7):
        signed_in.get("/overview")

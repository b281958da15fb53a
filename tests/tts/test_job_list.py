"""`GET /api/v1/tts`: the account's jobs, newest first, page by page."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from tests.conftest import ApiClient
from tests.factories import make_account, make_job
from tests.support.envelopes import ANNIE, data_of, error_of, statements
from tts.models import Job, JobStatus

pytestmark = pytest.mark.django_db

PATH = "/api/v1/tts"
LEE = "espeak:en-GB-eSpeak-Lee"
T0 = datetime(2026, 1, 8, 10, 0, 0, tzinfo=UTC)


def jobs_at_minutes(account: Account, count: int, **fields: Any) -> list[str]:
    """The ids of jobs a minute apart, newest first."""
    jobs = [make_job(account, created_at=T0 + timedelta(minutes=number), **fields) for number in range(count)]
    return [str(job.pk) for job in reversed(jobs)]


def page(api: ApiClient, path: str = PATH) -> dict[str, Any]:
    data: dict[str, Any] = data_of(api.get(path.removeprefix("http://testserver")))
    assert set(data) == {"jobs", "next", "previous"}
    return data


def ids(data: dict[str, Any]) -> list[str]:
    return [job["job_id"] for job in data["jobs"]]


def test_an_account_without_jobs_has_an_empty_list(api: ApiClient):
    assert page(api) == {"jobs": [], "next": None, "previous": None}


def test_jobs_come_newest_first_and_look_like_their_status(api: ApiClient, account: Account):
    expected = jobs_at_minutes(account, 3, metadata={"order": 7})
    data = page(api)
    assert ids(data) == expected
    assert data["jobs"][0] == data_of(api.get(f"{PATH}/{expected[0]}"))
    assert (data["next"], data["previous"]) == (None, None)


def test_a_completed_job_in_the_list_has_its_signed_url(api: ApiClient, account: Account):
    make_job(account, status=JobStatus.COMPLETED, audio_key="ab/one-1.wav", finished_at=T0)
    (job,) = page(api)["jobs"]
    assert job["audio_url"].startswith("http://testserver/audio/ab/one-1.wav?expires=")


def test_a_list_never_shows_or_reads_a_text(api: ApiClient, account: Account):
    make_job(account, text="the lighthouse keeper")
    with CaptureQueriesContext(connection) as queries:
        response = api.get(PATH)
    assert b"lighthouse" not in response.content
    assert not any('"tts_job"."text",' in query["sql"] for query in queries.captured_queries)


def test_a_page_has_fifty_jobs_unless_told_otherwise(api: ApiClient, account: Account):
    expected = jobs_at_minutes(account, 51)
    first = page(api)
    assert ids(first) == expected[:50]
    assert ids(page(api, first["next"])) == expected[50:]


def test_the_cursor_leads_through_all_pages_and_back(api: ApiClient, account: Account):
    expected = jobs_at_minutes(account, 7)
    first = page(api, f"{PATH}?limit=3")
    second = page(api, first["next"])
    third = page(api, second["next"])
    assert [ids(first), ids(second), ids(third)] == [expected[:3], expected[3:6], expected[6:]]
    assert (first["previous"], third["next"]) == (None, None)
    assert ids(page(api, third["previous"])) == expected[3:6]
    assert ids(page(api, page(api, third["previous"])["previous"])) == expected[:3]


def test_jobs_that_come_in_between_shift_no_page(api: ApiClient, account: Account):
    expected = jobs_at_minutes(account, 4)
    first = page(api, f"{PATH}?limit=2")
    make_job(account, created_at=T0 + timedelta(hours=1))
    assert ids(page(api, first["next"])) == expected[2:]


def test_jobs_of_the_same_moment_are_each_listed_once(api: ApiClient, account: Account):
    all_ids = {str(make_job(account, created_at=T0).pk) for _ in range(7)}
    seen: list[str] = []
    url: str | None = f"{PATH}?limit=2"
    while url:
        data = page(api, url)
        seen += ids(data)
        url = data["next"]
    assert len(seen) == 7
    assert set(seen) == all_ids


def test_the_filters_stay_in_the_links(api: ApiClient, account: Account):
    jobs_at_minutes(account, 3)
    link = page(api, f"{PATH}?limit=1&status=pending&voice_id={quote(ANNIE)}")["next"]
    query = parse_qs(urlsplit(link).query)
    assert (query["limit"], query["status"], query["voice_id"]) == (["1"], ["pending"], [ANNIE])


# --- filters -------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", JobStatus.values)
def test_by_status(api: ApiClient, account: Account, status: str):
    jobs = {
        status: make_job(account, status=JobStatus(status), finished_at=T0, audio_key="ab/one-1.wav")
        for status in JobStatus.values
    }
    assert ids(page(api, f"{PATH}?status={status}")) == [str(jobs[status].pk)]


def test_by_voice(api: ApiClient, account: Account):
    make_job(account)
    lee = make_job(account, voice_id=LEE)
    assert ids(page(api, f"{PATH}?voice_id={LEE}")) == [str(lee.pk)]
    assert ids(page(api, f"{PATH}?voice_id=espeak")) == []


def test_by_time_both_ends_left_out(api: ApiClient, account: Account):
    expected = jobs_at_minutes(account, 5)
    assert ids(page(api, f"{PATH}?created_after=2026-01-08T10:01:00Z")) == expected[:3]
    assert ids(page(api, f"{PATH}?created_before=2026-01-08T10:01:00.000Z")) == expected[4:]
    between = f"{PATH}?created_after=2026-01-08T10:01:00Z&created_before=2026-01-08T11:03:00%2B01:00"
    assert ids(page(api, between)) == [expected[2]]


def test_filters_narrow_each_other(api: ApiClient, account: Account):
    make_job(account, voice_id=LEE, status=JobStatus.FAILED)
    both = make_job(account, voice_id=LEE)
    make_job(account)
    assert ids(page(api, f"{PATH}?voice_id={LEE}&status=pending")) == [str(both.pk)]


@pytest.mark.parametrize(
    "query, field",
    [
        ("status=done", "status"),
        ("status=", "status"),
        ("status=PENDING", "status"),
        ("status=%00", "status"),
        ("voice_id=", "voice_id"),
        ("voice_id=" + "x" * 161, "voice_id"),
        ("voice_id=a%00b", "voice_id"),
        ("created_after=yesterday", "created_after"),
        ("created_after=", "created_after"),
        ("created_after=2026-13-01T00:00:00Z", "created_after"),
        ("created_after=2026-01-08T25:00:00Z", "created_after"),
        ("created_before=0001-01-01T00:00:00%2B23:59", "created_before"),
        ("created_before=9999-12-31T23:59:59-23:59", "created_before"),
        ("created_before=1767866400", "created_before"),
        ("created_before=" + "9" * 5000, "created_before"),
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=201", "limit"),
        ("limit=ten", "limit"),
        ("limit=", "limit"),
        ("limit=1.5", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("limit=%00", "limit"),
        ("cursor=", "cursor"),
        ("cursor=x", "cursor"),
        ("cursor=%00", "cursor"),
        ("cursor=%ff", "cursor"),
        ("cursor=" + "A" * 301, "cursor"),
        ("colour=red", "colour"),
        ("page=2", "page"),
        ("status=pending&colour=red", "colour"),
    ],
)
def test_a_bad_filter_is_refused_and_named(api: ApiClient, account: Account, query: str, field: str):
    make_job(account)
    error = error_of(api.get(f"{PATH}?{query}"), 400, "VALIDATION_ERROR")
    assert list(error["details"]) == [field]


def cursor(**inside: str) -> str:
    """Written as the ones we give out are."""
    return quote(base64.b64encode(urlencode(inside).encode()))


@pytest.mark.parametrize(
    "inside",
    [
        {"p": "hello"},
        {"p": ""},
        {"p": "2026"},
        {"p": "2026-01-08"},
        {"p": "2026-01-08 10:00:00"},
        {"p": "0001-01-01 00:00:00+23:59"},
        {"p": "9999-12-31 23:59:59-23:59"},
        {"p": "2026-13-45 10:00:00+00:00"},
        {"p": "\x00"},
        {"p": "1"},
        {"o": "-1"},
        {"o": "x"},
        {"r": "x"},
        {"o": "1", "p": "zzz", "r": "1"},
        {"r": "1", "p": "' OR 1=1 --"},
    ],
    ids=str,
)
def test_a_forged_cursor_is_refused(api: ApiClient, account: Account, inside: dict[str, str]):
    make_job(account)
    error = error_of(api.get(f"{PATH}?cursor={cursor(**inside)}"), 400, "VALIDATION_ERROR")
    assert error["details"] == {"cursor": ["Invalid cursor."]}


@pytest.mark.parametrize(
    "inside", [{"p": "9999-12-31 23:59:59+00:00"}, {"p": "0001-01-01 00:00:00+00:00"}, {"o": "9" * 30}], ids=str
)
def test_a_cursor_to_nowhere_is_an_empty_page_at_worst(api: ApiClient, account: Account, inside: dict[str, str]):
    make_job(account)
    assert len(page(api, f"{PATH}?cursor={cursor(**inside)}")["jobs"]) <= 1


def test_two_hundred_is_the_most_at_once(api: ApiClient, account: Account):
    Job.objects.bulk_create(
        Job(
            account=account, voice_id=ANNIE, provider="espeak", queue="speech.espeak", text="Hi.", output_format="wav",
            sample_rate_hertz=22_050, chars_charged=3, cost_microcredits=0,
        )
        for _ in range(201)
    )  # fmt: skip
    assert len(page(api, f"{PATH}?limit=200")["jobs"]) == 200


# --- the tenant wall, and the cost ---------------------------------------------------------------


def test_another_tenants_jobs_are_not_listed(api: ApiClient, account: Account):
    make_job(make_account("Globex"))
    mine = make_job(account)
    assert ids(page(api)) == [str(mine.pk)]


def test_another_tenants_cursor_leads_through_ones_own_jobs(api: ApiClient, account: Account):
    jobs_at_minutes(make_account("Globex"), 3)
    mine = jobs_at_minutes(account, 3)
    assert ids(page(api, f"{PATH}?cursor={cursor(p=str(T0 + timedelta(minutes=2)))}")) == mine[1:]


def test_a_list_is_one_query_however_long(api: ApiClient, account: Account):
    api.get(PATH)
    for count in (1, 20):
        jobs_at_minutes(account, count, status=JobStatus.COMPLETED, audio_key="ab/one-1.wav", finished_at=T0)
        with CaptureQueriesContext(connection) as queries:
            page(api)
        assert statements(queries.captured_queries) == ["SELECT accounts_apikey", "SELECT tts_job"]

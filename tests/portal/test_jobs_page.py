"""`/jobs` and `/jobs.csv`: what is found, in which order, by whom; and a file that a spreadsheet can be given."""

import codecs
import csv
import html
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client

from accounts.models import Account, Role
from portal.pages import jobs as jobs_page
from tests.factories import make_account, make_job, make_key, make_user
from tts.models import JobStatus

NOON = datetime(2026, 1, 8, 12, 0, tzinfo=UTC)
ALL_OVER = datetime(2026, 1, 20, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def some_days_later() -> Iterator[None]:
    with time_machine.travel(ALL_OVER, tick=False):
        yield


ALL = ["The keeper of bees.", "Welcome to the museum.", "The lighthouse keeper sleeps."]


def titles(client: Client, query: str = "") -> list[str]:
    page = client.get(f"/jobs{query}").content.decode()
    return [html.unescape(title) for title in re.findall(r'<a href="/jobs/[0-9a-f-]{36}">([^<]*)</a>', page)]


def rows(client: Client, query: str = "") -> list[dict[str, str]]:
    response = client.get(f"/jobs.csv{query}")
    return list(csv.DictReader(io.StringIO(response.getvalue().decode("utf-8-sig"))))


@pytest.fixture
def cast(account: Account) -> None:
    key, _ = make_key(account, name="Museum guide")
    done: dict[str, Any] = {"status": JobStatus.COMPLETED, "finished_at": NOON, "audio_key": "ab/one-1.wav"}
    make_job(account, text="The lighthouse keeper sleeps.", created_at=NOON, **done)
    make_job(account, text="Welcome to the museum.", created_at=NOON + timedelta(days=1), api_key=key, **done)
    make_job(
        account, text="The keeper of bees.", created_at=NOON + timedelta(days=2), status=JobStatus.FAILED,
        finished_at=NOON, error_message="The engine stopped.", voice_id="espeak:de-eSpeak-Anna",
    )  # fmt: skip


@pytest.mark.parametrize(
    "query, found",
    [
        ("", ALL),
        ("?q=keeper", ["The keeper of bees.", "The lighthouse keeper sleeps."]),
        ("?q=KEEPER+sleeps", ["The lighthouse keeper sleeps."]),
        ("?q=100%25", []),
        ("?status=failed", ["The keeper of bees."]),
        ("?voice=anna", ["The keeper of bees."]),
        ("?key=none", ["The keeper of bees.", "The lighthouse keeper sleeps."]),
        ("?since=2026-01-09&until=2026-01-09", ["Welcome to the museum."]),
        ("?until=2026-01-08", ["The lighthouse keeper sleeps."]),
        ("?status=failed&q=museum", []),
        # What is no value is told, and filters nothing.
        ("?status=asleep", ALL),
        ("?since=soon", ALL),
        ("?key=00000000-0000-0000-0000-000000000000", ALL),
        ("?q=%00", ALL),
    ],
)  # fmt: skip
def test_what_is_looked_for_is_found(signed_in: Client, cast: None, query: str, found: list[str]):
    assert titles(signed_in, query) == found
    assert [row["text_beginning"] for row in rows(signed_in, query)] == found


def test_jobs_are_found_by_their_id_and_by_their_key(signed_in: Client, account: Account, cast: None):
    job = account.jobs.get(text="Welcome to the museum.")
    assert titles(signed_in, f"?q={job.pk}") == ["Welcome to the museum."]
    assert titles(signed_in, f"?key={job.api_key_id}") == ["Welcome to the museum."]


def test_another_accounts_jobs_are_never_found(signed_in: Client):
    globex = make_account("Globex")
    key, _ = make_key(globex)
    theirs = make_job(globex, text="Their secret.", api_key=key)
    for query in ("", "?q=secret", f"?q={theirs.pk}", f"?key={key.pk}"):
        assert titles(signed_in, query) == []
        assert rows(signed_in, query) == []


def test_fifty_on_a_page_and_the_cursor_leads_on_and_back(signed_in: Client, account: Account):
    for number in range(51):
        make_job(account, text=f"Number {number}.", created_at=NOON + timedelta(minutes=number))
    page = signed_in.get("/jobs?q=Number").content.decode()
    assert titles(signed_in, "?q=Number")[0::49] == ["Number 50.", "Number 1."]
    (older,) = re.findall(r'href="([^"]*cursor=[^"]*)"', page)
    second = signed_in.get(html.unescape(older)).content.decode()
    assert "Number 0." in second
    assert "Number 1." not in second
    assert "q=Number" in older
    assert re.findall(r'href="([^"]*cursor=[^"]*)"', second)


def test_a_forged_cursor_leads_to_the_first_page(signed_in: Client):
    response = signed_in.get("/jobs?cursor=nonsense")
    assert (response.status_code, response.headers["Location"]) == (302, "/jobs")


def test_every_state_has_its_word_and_failures_their_reason(signed_in: Client, account: Account):
    for status in JobStatus:
        error = "<b>Broke</b>" if status == "failed" else ""
        make_job(account, status=status, text=f"{status}.", error_message=error, audio_key="ab/one-1.wav")
    page = signed_in.get("/jobs").content.decode()
    for word in ("Pending", "Processing", "Completed", "Failed", "Cancelled"):
        assert f"</svg>{word}" in page.replace("\n", "")
    assert "&lt;b&gt;Broke" in page
    assert "<b>Broke" not in page


def test_without_jobs_and_without_a_find_there_is_a_way_on(signed_in: Client):
    assert "No speech yet" in signed_in.get("/jobs").content.decode()
    assert "No jobs found" in signed_in.get("/jobs?q=nothing").content.decode()


def test_a_cell_that_looks_like_a_formula_is_text(signed_in: Client, account: Account):
    for text in ('=HYPERLINK("http://evil.example")', "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\uff1d1+1", "fine = 1"):
        make_job(account, text=text)
    cells = {row["text_beginning"] for row in rows(signed_in)}
    assert cells == {
        *('\'=HYPERLINK("http://evil.example")', "'+1", "'-1", "'@SUM(A1)", "'\tx", "'\rx", "'\uff1d1+1", "fine = 1")
    }


def test_excel_reads_the_file_as_utf_8(signed_in: Client, account: Account, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jobs_page, "ROWS_AT_ONCE", 1)
    for text in ("日本語", "Grüße"):
        make_job(account, text=text)
    content = signed_in.get("/jobs.csv").getvalue()
    assert content.startswith(codecs.BOM_UTF8 + b"job_id,")
    assert content.count(codecs.BOM_UTF8) == 1, "once, not with every piece"
    assert "日本語".encode() in content


def test_no_connection_to_the_database_is_held_while_the_file_is_downloaded(
    committed_db: None, client: Client, monkeypatch: Any
):
    account = make_account("Globex")
    client.force_login(make_user("bob@globex.example", account))
    monkeypatch.setattr(jobs_page, "ROWS_AT_ONCE", 1)
    for number in range(2):
        make_job(account, text=f"{number}", created_at=NOON + timedelta(days=number))
    pieces = iter(client.get("/jobs.csv"))
    next(pieces)
    for text in ("1", "0"):
        assert next(pieces).decode().rstrip().endswith(text)
        assert connection.connection is None


def test_the_file_has_every_job_once_however_many_pieces_it_is_read_in(
    signed_in: Client, account: Account, monkeypatch
):
    monkeypatch.setattr(jobs_page, "ROWS_AT_ONCE", 2)
    made = [make_job(account, created_at=NOON, text=f"{number}") for number in range(5)]
    response = signed_in.get("/jobs.csv")
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(r'attachment; filename="jobs-\d{4}-\d\d-\d\d.csv"', response.headers["Content-Disposition"])
    found = list(csv.DictReader(io.StringIO(response.getvalue().decode("utf-8-sig"))))
    assert sorted(row["job_id"] for row in found) == sorted(str(job.pk) for job in made)


def test_a_row_of_the_file(signed_in: Client, account: Account):
    key, _ = make_key(account, name="Museum guide")
    job = make_job(
        account, text="Hello, “you”.\nBye.", status=JobStatus.COMPLETED, finished_at=NOON, created_at=NOON, api_key=key,
        chars_charged=18, cost_microcredits=18_000, duration_ms=1_250, audio_key="ab/one-1.wav",
    )  # fmt: skip
    assert rows(signed_in) == [
        {
            "job_id": str(job.pk), "created_at": "2026-01-08T12:00:00.000Z", "status": "completed",
            "voice_id": "espeak:en-US-eSpeak-Annie", "output_format": "wav", "characters": "18",
            "credits_charged": "0.018", "credits_refunded": "0", "duration_seconds": "1.250",
            "made_by": "Museum guide", "error": "", "text_beginning": "Hello, “you”.\nBye.",
        }
    ]  # fmt: skip


@pytest.mark.parametrize("role, status", [("developer", 200), ("viewer", 200), ("billing", 403)])
@pytest.mark.parametrize("path", ["/jobs", "/jobs.csv"])
def test_who_may_see_jobs(client: Client, account: Account, role: str, status: int, path: str):
    client.force_login(make_user("bob@acme.example", account, Role(role)))
    response = client.get(path)
    assert response.status_code == status
    response.close()


def test_the_list_asks_the_database_the_same_however_long_it_is(
    signed_in: Client, account: Account, django_assert_num_queries
):
    key, _ = make_key(account)
    make_job(account, api_key=key)
    signed_in.get("/settings/security")  # the first page of a session notes it
    with django_assert_num_queries(6):
        signed_in.get("/jobs")
    for _ in range(30):
        make_job(account, api_key=make_key(account)[0])
    with django_assert_num_queries(6):
        signed_in.get("/jobs")

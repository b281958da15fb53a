"""`GET /api/v1/tts/<id>`: what a job says of itself in each of its states."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from tests.conftest import ApiClient
from tests.factories import make_job
from tests.support.envelopes import ANNIE, NEVER_WAS, data_of, error_of, statements
from tts.models import Job, JobStatus

pytestmark = pytest.mark.django_db

CREATED_AT = datetime(2026, 1, 8, 10, 0, 0, tzinfo=UTC)
FINISHED_AT = datetime(2026, 1, 8, 10, 0, 1, 234_567, tzinfo=UTC)


def job_in(account: Account, status: JobStatus, **fields: Any) -> Job:
    values: dict[str, Any] = {
        "created_at": CREATED_AT,
        "chars_charged": 200,
        "cost_microcredits": 200_000,
        "metadata": {"order": 7},
    }
    return make_job(account, status=status, **values | fields)


def status_of(api: ApiClient, job: Job) -> dict[str, Any]:
    response = api.get(f"/api/v1/tts/{job.pk}")
    assert response.headers["Cache-Control"] == "no-store"
    data: dict[str, Any] = data_of(response)
    return data


def common(job: Job) -> dict[str, Any]:
    return {
        "job_id": str(job.pk),
        "status": job.status,
        "voice_id": ANNIE,
        "output_format": "wav",
        "created_at": "2026-01-08T10:00:00.000Z",
        "chars_charged": 200,
        "credits_charged": "0.2",
        "metadata": {"order": 7},
    }


def test_a_pending_job(api: ApiClient, account: Account):
    job = job_in(account, JobStatus.PENDING)
    assert status_of(api, job) == common(job) | {"progress": 0}


@pytest.mark.parametrize("chars_done, progress", [(0, 0), (1, 0), (2, 1), (100, 50), (199, 99), (200, 99), (250, 99)])
def test_a_job_in_progress_is_at_a_hundred_only_when_its_audio_is_there(
    api: ApiClient, account: Account, chars_done: int, progress: int
):
    job = job_in(account, JobStatus.PROCESSING, chars_done=chars_done, attempt=1)
    assert status_of(api, job) == common(job) | {"progress": progress}


def test_a_completed_job(api: ApiClient, account: Account):
    job = job_in(account, JobStatus.COMPLETED, audio_key="ab/one-1.wav", duration_ms=12_345, finished_at=FINISHED_AT)
    with time_machine.travel(datetime(2026, 1, 9, 8, 30, 15, 900_000, tzinfo=UTC), tick=False):
        data = status_of(api, job)
    url = data.pop("audio_url")
    assert data == common(job) | {
        "progress": 100,
        "audio_url_expires_at": "2026-01-10T08:30:15.000Z",
        "audio_endpoint": f"/api/v1/tts/{job.pk}/audio",
        "duration_seconds": 12.345,
        "completed_at": "2026-01-08T10:00:01.234Z",
    }
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc, parts.path) == ("http", "testserver", "/audio/ab/one-1.wav")
    assert parse_qs(parts.query)["expires"] == [str(int(datetime(2026, 1, 10, 8, 30, 15, tzinfo=UTC).timestamp()))]


@pytest.mark.parametrize("refund, refunded, credits", [(200_000, True, "0.2"), (120_000, False, "0.12")])
def test_a_completed_job_says_what_came_back(
    api: ApiClient, account: Account, refund: int, refunded: bool, credits: str
):
    job = job_in(
        account, JobStatus.COMPLETED, audio_key="ab/one-1.wav", refunded_microcredits=refund, finished_at=FINISHED_AT
    )
    data = status_of(api, job)
    assert (data["refunded"], data["credits_refunded"]) == (refunded, credits)


def test_a_failed_job_says_why_and_that_its_credits_are_back(api: ApiClient, account: Account):
    job = job_in(
        account, JobStatus.FAILED, error_code="GENERATION_FAILED", error_message="The engine stopped.",
        refunded_microcredits=200_000, finished_at=FINISHED_AT, attempt=3,
    )  # fmt: skip
    assert status_of(api, job) == common(job) | {
        "progress": 0,
        "error": {"code": "GENERATION_FAILED", "message": "The engine stopped."},
        "refunded": True,
        "credits_refunded": "0.2",
    }


@pytest.mark.parametrize(
    "refund, refunded, credits", [(200_000, True, "0.2"), (120_000, False, "0.12"), (0, False, "0")]
)
def test_a_cancelled_job_says_how_much_is_back(
    api: ApiClient, account: Account, refund: int, refunded: bool, credits: str
):
    job = job_in(account, JobStatus.CANCELLED, refunded_microcredits=refund, finished_at=FINISHED_AT)
    assert status_of(api, job) == common(job) | {"progress": 0, "refunded": refunded, "credits_refunded": credits}


def test_a_job_whose_audio_is_gone_has_no_address_of_it(api: ApiClient, account: Account):
    job = job_in(account, JobStatus.COMPLETED, finished_at=FINISHED_AT, erased_at=FINISHED_AT, metadata=None)
    data = status_of(api, job)
    assert (data["status"], data["audio_url"], data["audio_url_expires_at"], data["metadata"]) == (
        "completed", None, None, None,
    )  # fmt: skip


def test_a_job_without_metadata_says_null(api: ApiClient, account: Account):
    assert status_of(api, job_in(account, JobStatus.PENDING, metadata=None))["metadata"] is None


def test_times_are_utc_whatever_was_stored(api: ApiClient, account: Account):
    job = make_job(account, created_at=datetime.fromisoformat("2026-01-08T12:00:00.999999+02:00"))
    assert status_of(api, job)["created_at"] == "2026-01-08T10:00:00.999Z"


@pytest.mark.parametrize("status", JobStatus.values)
def test_the_text_is_never_shown(api: ApiClient, account: Account, status: str):
    job = make_job(
        account, status=JobStatus(status), text="the lighthouse keeper", audio_key="x.wav", finished_at=FINISHED_AT
    )
    assert b"lighthouse" not in api.get(f"/api/v1/tts/{job.pk}").content


@pytest.mark.parametrize("path", ["/api/v1/tts/{}", "/api/v1/tts/{}/audio"])
@pytest.mark.parametrize(
    "job_id", [NEVER_WAS, "ffffffff-ffff-ffff-ffff-ffffffffffff", "not-a-uuid", "1", "../voices", "%00"]
)
def test_a_job_that_never_was_is_not_found(api: ApiClient, path: str, job_id: str):
    error_of(api.get(path.format(job_id)), 404, "NOT_FOUND")


def test_head_answers_like_get_without_the_body(api: ApiClient, account: Account):
    job = make_job(account)
    response = api.client.head(f"/api/v1/tts/{job.pk}", headers=api.headers)
    assert (response.status_code, response.content) == (200, b"")


def test_a_status_asks_the_database_little_and_never_for_the_text(api: ApiClient, account: Account):
    job = job_in(account, JobStatus.COMPLETED, audio_key="ab/one-1.wav", finished_at=FINISHED_AT)
    api.get(f"/api/v1/tts/{job.pk}")  # notes the key's use, and whether there is maintenance
    with CaptureQueriesContext(connection) as queries:
        status_of(api, job)
    assert statements(queries.captured_queries) == [
        "SELECT accounts_apikey",  # with its account and plan
        "SELECT tts_job",
    ]
    assert not any('"tts_job"."text",' in query["sql"] for query in queries.captured_queries)


def test_the_first_request_of_a_minute_costs_two_statements_more(api: ApiClient, account: Account):
    job = make_job(account)
    with CaptureQueriesContext(connection) as queries:
        status_of(api, job)
    assert statements(queries.captured_queries) == [
        "SELECT accounts_maintenance",  # once a second
        "SELECT accounts_apikey",
        "UPDATE accounts_apikey",  # its last use, once a minute
        "SELECT tts_job",
    ]

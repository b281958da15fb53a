"""`DELETE /api/v1/tts/<id>`: an unfinished job is cancelled and paid back, a finished one is erased."""

from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.utils import timezone

from accounts.models import Account, IdempotencyRecord
from billing.models import Balance, LedgerEntry, Price
from billing.selectors import find_ledger_mismatches
from tests.conftest import ApiClient
from tests.factories import make_job, make_key
from tests.support.envelopes import ANNIE, NEVER_WAS, data_of, error_of, everything_that_costs
from tts.models import Job, JobStatus
from tts.services.lifecycle import claim_next_job
from tts.storage import store

pytestmark = pytest.mark.django_db

BODY = {"text": "Hello there, all of you who listen.", "voice_id": ANNIE, "metadata": {"order": 7}}


def submitted(api: ApiClient, **headers: str) -> Job:
    return Job.objects.get(pk=data_of(api.post("/api/v1/tts", BODY, headers=headers), 202)["job_id"])


def available(account: Account) -> int:
    return Balance.objects.get(account=account).available_microcredits


def delete(api: ApiClient, job: Job) -> dict[str, Any]:
    data: dict[str, Any] = data_of(api.delete(f"/api/v1/tts/{job.pk}"))
    return data


def keep_audio(job: Job, *attempts: int) -> list[Path]:
    """Audio in the store, as these attempts at the job would have left it."""
    names = [store.audio_storage().save(store.audio_key(job, attempt), ContentFile(b"RIFF")) for attempt in attempts]
    return [Path(store.audio_storage().get_address(name)) for name in names]


def test_a_pending_job_is_cancelled_and_paid_back_in_full(api: ApiClient, account: Account, voices):
    before = available(account)
    job = submitted(api)
    assert available(account) == before - 35_000
    data = delete(api, job)
    assert (data["status"], data["refunded"], data["credits_refunded"]) == ("cancelled", True, "0.035")
    assert available(account) == before
    job.refresh_from_db()
    assert (job.status, job.refunded_microcredits, job.lease_expires_at) == ("cancelled", 35_000, None)
    assert job.finished_at is not None
    refund = LedgerEntry.objects.get(kind="refund")
    assert (refund.job_id, refund.amount_microcredits, refund.actor) == (job.pk, 35_000, "customer")
    assert find_ledger_mismatches() == (1, [])


@pytest.mark.parametrize(
    "chars_done, refund, credits",
    [
        (0, 35_000, "0.035"),
        (1, 34_000, "0.034"),
        (20, 15_000, "0.015"),
        (34, 1_000, "0.001"),
        (35, 0, "0"),
        (36, 0, "0"),
    ],
)
def test_a_job_in_progress_is_paid_back_what_was_not_spoken(
    api: ApiClient, account: Account, voices, chars_done: int, refund: int, credits: str
):
    job = submitted(api)
    Job.objects.filter(pk=job.pk).update(
        status="processing", attempt=1, chars_done=chars_done, lease_expires_at=timezone.now()
    )
    paid = available(account)
    data = delete(api, job)
    assert (data["status"], data["credits_refunded"], data["refunded"]) == ("cancelled", credits, refund == 35_000)
    assert available(account) == paid + refund
    assert LedgerEntry.objects.filter(kind="refund").count() == (1 if refund else 0)
    assert find_ledger_mismatches() == (1, [])


def test_a_refund_is_at_the_price_that_was_paid(api: ApiClient, account: Account, voices):
    job = submitted(api)
    Price.objects.update(microcredits_per_character=9_999)
    delete(api, job)
    assert available(account) == 100_000_000


def test_cancelling_twice_pays_back_once(api: ApiClient, account: Account, voices):
    job = submitted(api)
    delete(api, job)
    again = delete(api, job)
    assert (again["status"], again["credits_refunded"]) == ("cancelled", "0.035")
    assert available(account) == 100_000_000
    assert LedgerEntry.objects.filter(kind="refund").count() == 1


def test_a_cancelled_job_is_not_spoken(api: ApiClient, voices):
    delete(api, submitted(api))
    assert claim_next_job(queue="speech.espeak") is None


def test_the_audio_of_a_cancelled_job_will_not_come(api: ApiClient, voices):
    job = submitted(api)
    delete(api, job)
    error_of(api.get(f"/api/v1/tts/{job.pk}/audio"), 409, "AUDIO_NOT_AVAILABLE")


def test_a_completed_job_loses_its_audio_text_metadata_and_remembered_answer(api: ApiClient, account: Account, voices):
    job = submitted(api, **{"Idempotency-Key": "k"})
    paths = keep_audio(job, 1, 2)
    Job.objects.filter(pk=job.pk).update(
        status="completed", attempt=2, audio_key=store.audio_key(job, 2), finished_at=timezone.now(), duration_ms=1_500
    )
    data_of(api.get(f"/api/v1/tts/{job.pk}"))
    paid = available(account)
    data = delete(api, job)
    assert (data["status"], data["audio_url"], data["metadata"], data["duration_seconds"]) == (
        "completed",
        None,
        None,
        1.5,
    )
    assert (data["chars_charged"], data["credits_charged"]) == (35, "0.035")
    job.refresh_from_db()
    assert (job.text, job.metadata, job.audio_key) == ("", None, "")
    assert job.erased_at is not None
    assert [path.exists() for path in paths] == [False, False]
    assert IdempotencyRecord.objects.count() == 0
    assert available(account) == paid
    error_of(api.get(f"/api/v1/tts/{job.pk}/audio"), 410, "AUDIO_EXPIRED")


def test_erasing_twice_is_no_error_and_keeps_the_first_moment(api: ApiClient, account: Account):
    job = make_job(account, status=JobStatus.COMPLETED, finished_at=timezone.now(), attempt=1)
    delete(api, job)
    erased_at = Job.objects.get(pk=job.pk).erased_at
    delete(api, job)
    assert Job.objects.get(pk=job.pk).erased_at == erased_at


@pytest.mark.parametrize("status", [JobStatus.FAILED, JobStatus.CANCELLED])
def test_a_job_that_came_to_nothing_loses_its_text_and_keeps_its_state(
    api: ApiClient, account: Account, status: JobStatus
):
    job = make_job(
        account,
        status=status,
        finished_at=timezone.now(),
        error_code="GENERATION_FAILED",
        error_message="No.",
        metadata={"a": 1},
    )
    money = everything_that_costs()[1:]
    data = delete(api, job)
    assert (data["status"], data["metadata"]) == (status, None)
    job.refresh_from_db()
    assert (job.status, job.text) == (status, "")
    assert everything_that_costs()[1:] == money
    error_of(api.get(f"/api/v1/tts/{job.pk}/audio"), 409, "AUDIO_NOT_AVAILABLE")


def test_other_jobs_and_their_audio_stay(api: ApiClient, account: Account):
    finished: dict[str, Any] = {"status": JobStatus.COMPLETED, "attempt": 1, "finished_at": timezone.now()}
    one, other = make_job(account, **finished), make_job(account, **finished)
    (path,) = keep_audio(other, 1)
    keep_audio(one, 1)
    delete(api, one)
    assert path.exists()
    assert Job.objects.get(pk=other.pk).text == "Hello there."


def test_a_job_that_never_was_is_not_found(api: ApiClient):
    before = everything_that_costs()
    error_of(api.delete(f"/api/v1/tts/{NEVER_WAS}"), 404, "NOT_FOUND")
    assert everything_that_costs() == before


def test_deleting_takes_the_scope_to_write(api: ApiClient, account: Account, voices):
    job = submitted(api)
    before = everything_that_costs()
    reader = ApiClient(make_key(account, scopes=("speech:read",))[1])
    error_of(reader.delete(f"/api/v1/tts/{job.pk}"), 403, "FORBIDDEN")
    assert everything_that_costs() == before

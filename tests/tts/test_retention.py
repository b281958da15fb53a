"""What is past its time goes, all of it together; what is not stays."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from django.conf import settings
from django.core.files.base import ContentFile
from django.utils import timezone

from accounts.models import Account, IdempotencyRecord
from billing.models import LedgerEntry
from tests.conftest import ApiClient
from tests.factories import make_account, make_job
from tests.support.envelopes import ANNIE, data_of, error_of
from tts.models import Job, JobStatus
from tts.services.sweep import erase_old_jobs, remove_stale_spool_files, sweep
from tts.storage import store

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 1, 8, 12, 0, 0, tzinfo=UTC)


def finished(account: Account, at: datetime, status: JobStatus = JobStatus.COMPLETED) -> tuple[Job, Path]:
    """A job that ended then, with the audio of two attempts in the store; the path of the one that counts."""
    job = make_job(account, status=status, attempt=2, finished_at=at, created_at=at, metadata={"order": 7})
    store.audio_storage().save(store.audio_key(job, 1), ContentFile(b"RIFF"))
    job.audio_key = store.audio_storage().save(store.audio_key(job, 2), ContentFile(b"RIFF"))
    job.save(update_fields=["audio_key"])
    return job, Path(store.audio_storage().get_address(job.audio_key))


def test_thirty_days_is_how_long_audio_is_kept():
    assert settings.AUDIO_RETENTION_DAYS == 30


@pytest.mark.parametrize("status", [JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED])
def test_text_metadata_audio_and_remembered_answers_go_together(account: Account, status: JobStatus):
    with time_machine.travel(NOON, tick=False) as clock:
        job, path = finished(account, NOON, status)
        IdempotencyRecord.objects.create(account=account, key="k", fingerprint="x", job_id=job.pk, response_body=b"{}")
        clock.shift(timedelta(days=30))
        assert erase_old_jobs() == 0
        assert path.exists()
        clock.shift(timedelta(seconds=1))
        assert erase_old_jobs() == 1
        assert erase_old_jobs() == 0
    job.refresh_from_db()
    assert (job.status, job.text, job.metadata, job.audio_key) == (status, "", None, "")
    assert job.erased_at == NOON + timedelta(days=30, seconds=1)
    assert list(path.parent.iterdir()) == []
    assert IdempotencyRecord.objects.count() == 0


def test_the_retention_is_a_setting(account: Account, settings):
    settings.AUDIO_RETENTION_DAYS = 1
    finished(account, timezone.now() - timedelta(days=1, seconds=1))
    finished(account, timezone.now() - timedelta(hours=23))
    assert erase_old_jobs() == 1


def test_an_account_that_keeps_less_is_erased_earlier_and_others_are_not(account: Account):
    globex = make_account("Globex")
    Account.objects.filter(pk=account.pk).update(retention_days=2)
    long_ago, lately = timezone.now() - timedelta(days=2, seconds=1), timezone.now() - timedelta(days=1)
    gone, path = finished(account, long_ago)
    stays, others = finished(account, lately)[0], finished(globex, long_ago)[0]
    assert erase_old_jobs() == 1
    for job in (gone, stays, others):
        job.refresh_from_db()
    assert (gone.text, stays.text, others.text) == ("", "Hello there.", "Hello there.")
    assert not path.exists()


def test_nobody_keeps_more_than_the_installation(account: Account):
    Account.objects.filter(pk=account.pk).update(retention_days=60)  # from when that was allowed
    finished(account, timezone.now() - timedelta(days=31))
    assert erase_old_jobs() == 1


@pytest.mark.parametrize("status", [JobStatus.PENDING, JobStatus.PROCESSING])
def test_a_job_that_still_waits_is_never_erased(account: Account, status: JobStatus):
    job = make_job(account, status=status, created_at=timezone.now() - timedelta(days=365))
    assert erase_old_jobs() == 0
    job.refresh_from_db()
    assert (job.text, job.erased_at) == ("Hello there.", None)


def test_after_that_the_job_is_still_listed_its_money_stays_and_its_audio_is_gone(
    api: ApiClient, account: Account, voices
):
    body = {"text": "Hello.", "voice_id": ANNIE}
    job_id = data_of(api.post("/api/v1/tts", body, headers={"Idempotency-Key": "k"}), 202)["job_id"]
    Job.objects.filter(pk=job_id).update(status="completed", finished_at=timezone.now() - timedelta(days=31))
    entries = LedgerEntry.objects.count()
    sweep()
    data = data_of(api.get(f"/api/v1/tts/{job_id}"))
    assert (data["status"], data["audio_url"], data["credits_charged"]) == ("completed", None, "0.006")
    error_of(api.get(f"/api/v1/tts/{job_id}/audio"), 410, "AUDIO_EXPIRED")
    assert LedgerEntry.objects.count() == entries
    assert IdempotencyRecord.objects.count() == 0


def test_audio_that_is_already_gone_stops_nothing(account: Account):
    (_, path), (_, other) = (finished(account, NOON) for _ in range(2))
    path.unlink()
    assert erase_old_jobs() == 2
    assert not other.exists()


def test_answers_past_their_day_are_forgotten_by_the_sweep(account: Account):
    for key, hours in (("old", 24), ("young", 23)):
        IdempotencyRecord.objects.create(
            account=account,
            key=key,
            fingerprint="x",
            response_body=b"{}",
            created_at=timezone.now() - timedelta(hours=hours),
        )
    assert sweep().forgotten_requests == 1
    assert IdempotencyRecord.objects.get().key == "young"


def test_spool_files_that_nobody_writes_to_any_more_are_removed():
    settings.SPOOL_DIR.mkdir(parents=True)
    stale, fresh = settings.SPOOL_DIR / "stale.wav", settings.SPOOL_DIR / "fresh.wav"
    for path, age_seconds in ((stale, 3_700), (fresh, 3_500)):
        path.write_bytes(b"RIFF")
        os.utime(path, (time.time() - age_seconds,) * 2)
    assert remove_stale_spool_files() == 1
    assert [path.name for path in settings.SPOOL_DIR.iterdir()] == ["fresh.wav"]

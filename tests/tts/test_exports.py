"""The export of an account: everything of it and nothing of others, made once however often a worker dies."""

import codecs
import csv
import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.core.files.base import ContentFile
from django.test import Client
from django.utils import timezone

from accounts.models import Account, AuditEntry, Membership, Role, User
from accounts.services.audit import SYSTEM
from tests.factories import make_account, make_job, make_key, make_user
from tts.account_data import archive as account_archive
from tts.account_data import exports
from tts.account_data.exports import delete_old_exports, make_next_export
from tts.models import AccountExport, Job, JobStatus
from tts.storage import store
from tts.storage.local import LocalAudioStorage
from webhooks.models import Endpoint
from webhooks.signing_secrets import encrypt

pytestmark = pytest.mark.django_db

SECRET = "5ecre7" * 10


def spoken(account: Account, text: str, **fields: Any) -> Job:
    job = make_job(account, text=text, status=JobStatus.COMPLETED, attempt=1, finished_at=timezone.now(), **fields)
    job.audio_key = store.audio_storage().save(store.audio_key(job, 1), ContentFile(b"RIFF" + text.encode()))
    job.save(update_fields=["audio_key"])
    return job


def opened(client: Client) -> zipfile.ZipFile:
    """As the owner downloads it."""
    row = AccountExport.objects.get(state="ready")
    link = client.get(f"/settings/data/exports/{row.pk}").headers["Location"]
    response: Any = Client().get(link)
    assert response.headers["Content-Type"] == "application/zip"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Content-Disposition"].startswith("attachment; ")
    return zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content)))


def table(archive: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(archive.read(name).decode("utf-8-sig"))))


def stored() -> list[str]:
    storage = store.audio_storage()
    assert isinstance(storage, LocalAudioStorage)
    return sorted(path.name for path in (Path(storage.location) / "exports").glob("*"))


def test_everything_of_the_account_is_in_it_and_no_secret(signed_in: Client, account: Account):
    make_user("bob@acme.example", account, Role.VIEWER)
    key, secret = make_key(account, name="=cmd()")
    Endpoint.objects.create(account=account, url="https://hooks.example/x", secret=encrypt(SECRET))
    job = spoken(account, "Grüße aus dem Museum.", api_key=key, metadata={"order": 7})
    erased = make_job(
        account, status=JobStatus.COMPLETED, text="", finished_at=timezone.now(), erased_at=timezone.now()
    )
    globex = make_account("Globex")
    make_user("charlie@globex.example", globex)
    spoken(globex, "Not yours.")

    page = signed_in.post("/settings/data", follow=True).content.decode()
    assert "Your export is being created." in page
    assert "Create an export" not in page
    assert make_next_export() is True
    assert make_next_export() is False

    archive = opened(signed_in)
    assert archive.testzip() is None
    assert sorted(archive.namelist()) == sorted([
        "README.txt", "account.json", "people.csv", "invitations.csv", "keys.csv", "jobs.jsonl", "ledger.csv",
        "purchases.csv", "usage.csv", "webhook.json", "deliveries.jsonl", "audit.csv", f"audio/{job.pk}.wav",
    ])  # fmt: skip
    assert archive.read(f"audio/{job.pk}.wav") == "RIFFGrüße aus dem Museum.".encode()
    first, second = (json.loads(line) for line in archive.read("jobs.jsonl").splitlines())
    assert (first["text"], first["metadata"], first["audio"]) == (
        "Grüße aus dem Museum.",
        {"order": 7},
        f"audio/{job.pk}.wav",
    )
    assert (second["job_id"], second["text"], second["audio"]) == (str(erased.pk), None, None)
    assert [(row["email"], row["role"]) for row in table(archive, "people.csv")] == [
        ("alice@acme.example", "owner"),
        ("bob@acme.example", "viewer"),
    ]
    assert [row["name"] for row in table(archive, "keys.csv")] == ["'=cmd()"]
    assert [row["credits"] for row in table(archive, "ledger.csv")] == ["100"]
    assert [row["requests"] for row in table(archive, "usage.csv")] == ["2"]
    assert [row["action"] for row in table(archive, "audit.csv")] == ["key.made", "export.asked"]
    assert json.loads(archive.read("account.json"))["name"] == "Acme"
    for name in archive.namelist():
        # Excel reads UTF-8 only with a byte order mark; a JSON parser refuses one.
        assert archive.read(name).startswith(codecs.BOM_UTF8) == name.endswith(".csv"), name
    everything = b"".join(archive.read(name) for name in archive.namelist())
    for hidden in (secret, key.digest, SECRET, "Globex", "charlie", "Not yours."):
        assert hidden.encode() not in everything


def test_the_owner_is_told_by_mail_and_the_file_goes_after_seven_days(signed_in: Client, account: Account):
    with time_machine.travel("2026-01-08T10:00:00Z", tick=False) as clock:
        signed_in.post("/settings/data")
        make_next_export()
        (message,) = mail.outbox
        assert (message.to, message.subject) == (["alice@acme.example"], "Your export is ready")
        assert "15 Jan 2026, 10:00 UTC" in message.body
        assert len(stored()) == 1
        clock.shift(timedelta(days=7) - timedelta(seconds=1))
        assert delete_old_exports() == 0
        row = AccountExport.objects.get()
        clock.shift(1)
        signed_in.force_login(User.objects.get())
        assert signed_in.get(f"/settings/data/exports/{row.pk}").status_code == 404
        assert delete_old_exports() == 1
    assert stored() == []
    assert not AccountExport.objects.exists()


def test_the_link_of_a_download_is_over_after_a_quarter_of_an_hour(signed_in: Client):
    with time_machine.travel("2026-01-08T10:00:00Z", tick=False) as clock:
        signed_in.post("/settings/data")
        make_next_export()
        row = AccountExport.objects.get()
        link = signed_in.get(f"/settings/data/exports/{row.pk}").headers["Location"]
        clock.shift(15 * 60 - 1)
        response = Client().get(link)
        assert response.status_code == 200
        response.close()
        clock.shift(1)
        assert Client().get(link).status_code == 410


def test_one_is_made_at_a_time(signed_in: Client, account: Account):
    signed_in.post("/settings/data")
    page = signed_in.post("/settings/data", follow=True).content.decode()
    assert "already being created" in page
    assert AccountExport.objects.count() == 1
    assert AuditEntry.objects.filter(action="export.asked").count() == 1


def test_a_worker_that_died_is_followed_by_another_and_leaves_no_file(signed_in: Client, account: Account):
    with time_machine.travel("2026-01-08T10:00:00Z", tick=False) as clock:
        signed_in.post("/settings/data")
        dead = exports._claim()
        assert dead is not None
        store.audio_storage().save(dead.get_store_key(1), ContentFile(b"half"))
        assert make_next_export() is False, "its lease still runs"
        clock.shift(timedelta(minutes=5, seconds=1))
        assert make_next_export() is True
        row = AccountExport.objects.get()
        assert (row.state, row.attempt) == ("ready", 2)
        with pytest.raises(exports.LeaseLost):
            exports._make(dead)
        row.refresh_from_db()
        assert (row.state, row.attempt) == ("ready", 2)
        clock.shift(timedelta(days=8))
        delete_old_exports()
    assert stored() == []


def test_what_fails_three_times_is_shown_as_failed_and_can_be_asked_for_again(
    signed_in: Client, account: Account, monkeypatch: pytest.MonkeyPatch
):
    spoken(account, "Hello.")

    def broken(key: str, skip_bytes: int) -> Any:
        raise OSError("no space left")

    with time_machine.travel("2026-01-08T10:00:00Z", tick=False) as clock, monkeypatch.context() as patched:
        patched.setattr(store, "read_audio", broken)
        signed_in.post("/settings/data")
        for _ in range(3):
            assert make_next_export() is True
            assert make_next_export() is False
            clock.shift(timedelta(minutes=1, seconds=1))
        assert AccountExport.objects.get().state == "failed"
        page = signed_in.get("/settings/data").content.decode()
        assert "failed three times" in page
        assert "Create an export" in page
    assert mail.outbox == []
    assert stored() == []
    signed_in.post("/settings/data")
    assert make_next_export() is True
    assert AccountExport.objects.filter(state="ready").count() == 1


def test_audio_that_is_gone_meanwhile_is_left_out(signed_in: Client, account: Account):
    job = spoken(account, "Hello.")
    store.delete_audio(job)
    signed_in.post("/settings/data")
    make_next_export()
    assert f"audio/{job.pk}.wav" not in opened(signed_in).namelist()


def test_many_jobs_are_all_in_it_once(signed_in: Client, account: Account, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(account_archive, "ROWS_AT_ONCE", 3)
    now = timezone.now()
    jobs = {str(make_job(account, created_at=now).pk) for _ in range(7)}  # of one moment
    signed_in.post("/settings/data")
    make_next_export()
    lines = opened(signed_in).read("jobs.jsonl").splitlines()
    assert len(lines) == 7
    assert {json.loads(line)["job_id"] for line in lines} == jobs


@pytest.mark.parametrize("role", ["admin", "developer", "billing", "viewer"])
def test_nobody_but_the_owner_asks_or_downloads(client: Client, account: Account, alice: User, role: str):
    exports.ask_for_export(account=account, actor=SYSTEM)
    make_next_export()
    row = AccountExport.objects.get()
    client.force_login(make_user("bob@acme.example", account, Role(role)))
    assert client.get("/settings/data").status_code == 403
    assert client.post("/settings/data").status_code == 403
    assert client.get(f"/settings/data/exports/{row.pk}").status_code == 403
    assert "/settings/data" not in client.get("/settings/security").content.decode()
    assert AccountExport.objects.count() == 1


def test_another_accounts_export_is_not_there(client: Client, account: Account, alice: User):
    exports.ask_for_export(account=account, actor=SYSTEM)
    make_next_export()
    row = AccountExport.objects.get()
    client.force_login(make_user("charlie@globex.example", make_account("Globex")))
    assert client.get(f"/settings/data/exports/{row.pk}").status_code == 404
    assert Membership.objects.count() == 2

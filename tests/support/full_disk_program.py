"""One machine on a disk that fills up while a job is spoken: run by test_store_local, with that disk as DATA_DIR."""

import json
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import DatabaseError, connection  # noqa: E402
from django.test import Client  # noqa: E402

from billing.models import LedgerEntry  # noqa: E402
from billing.selectors import find_ledger_mismatches, get_balance  # noqa: E402
from tests.factories import make_account, make_key  # noqa: E402
from tests.support.small_disk import fill  # noqa: E402
from tests.support.waiting import wait_for  # noqa: E402
from tts.models import Job  # noqa: E402
from tts.services import lifecycle  # noqa: E402
from tts.services.catalogue import sync_catalogue  # noqa: E402
from tts.services.sweep import sweep  # noqa: E402
from tts.worker import pipeline  # noqa: E402

SPEECH = {"text": "There is not much room.", "voice_id": "espeak:en-US-eSpeak-Annie"}


def main() -> None:
    settings.ALLOWED_HOSTS = ["testserver"]
    call_command("migrate", verbosity=0, interactive=False)
    call_command("createcachetable", verbosity=0)
    sync_catalogue()
    account = make_account("Acme")
    headers = {"Authorization": f"Bearer {make_key(account)[1]}"}
    client = Client(raise_request_exception=False)

    def post() -> Any:
        return client.post("/api/v1/tts", json.dumps(SPEECH), content_type="application/json", headers=headers)

    answer = post()
    print("submitted", answer.status_code)
    Job.objects.update(attempt=settings.JOB_MAX_ATTEMPTS - 1)  # the last attempt begins
    job = lifecycle.claim_next_job(queue="speech.espeak")
    assert job is not None
    settings.SPOOL_DIR.mkdir(parents=True)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # no room in the log either
    filler = fill(settings.DATA_DIR)

    refused = post()
    print("POST on the full disk", refused.status_code, refused.json()["error"]["code"])
    status = client.get(answer.headers["Location"], headers=headers)
    print("GET on the full disk", status.status_code, status.json()["error"]["code"])  # counting it is a write
    try:
        pipeline.run_job(job)
    except DatabaseError as error:
        print("run_job", type(error).__name__)

    filler.unlink()
    first = wait_for(lambda: sweep().reclaimed_jobs, "the lease to be over")
    print("swept", first, Job.objects.count(), LedgerEntry.objects.filter(kind="refund").count())
    job.refresh_from_db()
    print(job.status, job.refunded_microcredits == job.cost_microcredits)
    sweep()
    print("balance", get_balance(account).available_microcredits)
    print("mismatches", len(find_ledger_mismatches()[1]))
    print("entries", list(LedgerEntry.objects.order_by("created_at").values_list("kind", flat=True)))


if __name__ == "__main__":
    main()

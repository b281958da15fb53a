"""`make bench-desk`: measures the pages about money with a million ledger entries and jobs.

    python -m bench.desk [ROWS]

Fills its own database (SQLite in a temporary folder, or DATABASE_URL, which must be empty), then requests each page a
few times. Requirement: the median of each page is below one second. The exit status is 1 if one is slower.
"""

import os
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import django

BAR_SECONDS = 1.0
ROUNDS = 5
ACCOUNTS = 200
DAYS = 90
BATCH = 5000
CREDIT = 1_000_000


def fill(rows: int) -> dict[str, Any]:
    """Creates the rows, half of them for one customer. They are all charges; the credits were granted at the start."""
    from django.utils import timezone

    from billing.models import Balance, LedgerEntry
    from tests.factories import make_account, make_key, make_user
    from tts.models import Job, JobStatus

    begin = timezone.now() - timedelta(days=DAYS)
    accounts = [make_account(f"Account {number}", credits=rows) for number in range(ACCOUNTS)]
    busy = accounts[0]
    key, _ = make_key(busy)
    owner = make_user("owner@bench.example", busy)
    left = {account.pk: rows * CREDIT for account in accounts}

    def moments() -> Iterator[tuple[int, datetime]]:
        return ((number, begin + timedelta(days=DAYS) * number / rows) for number in range(rows))

    coming = moments()
    while batch := list(islice(coming, BATCH)):
        jobs, entries = [], []
        for number, moment in batch:
            account = busy if number % 2 else accounts[number % ACCOUNTS]
            left[account.pk] -= 1000
            job = Job(
                id=uuid.uuid4(), account=account, api_key=key if account is busy else None, voice_id="espeak:en-x-y",
                provider="espeak", queue="speech.espeak", output_format="wav", sample_rate_hertz=22050, chars_charged=1,
                cost_microcredits=1000, status=JobStatus.FAILED if number % 50 == 0 else JobStatus.COMPLETED,
                error_code="GENERATION_FAILED" if number % 50 == 0 else "", created_at=moment, finished_at=moment,
                erased_at=moment,
            )  # fmt: skip
            entry = LedgerEntry(
                account=account, kind="charge", amount_microcredits=-1000, balance_after_microcredits=left[account.pk],
                reference=f"charge:{job.pk}", job_id=job.pk, actor=f"key:{key.pk}", key_id=key.pk,
                created_at=moment,
            )  # fmt: skip
            jobs.append(job)
            entries.append(entry)
        Job.objects.bulk_create(jobs)
        LedgerEntry.objects.bulk_create(entries)
    for account in accounts:
        Balance.objects.filter(account=account).update(available_microcredits=left[account.pk])
    oldest = LedgerEntry.objects.filter(account=busy).order_by("created_at")[1000]
    return {"busy": busy, "owner": owner, "job": jobs[-1], "entry": entries[-1], "key": key, "oldest": oldest}


def pages(world: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Returns the pages of the staff, and those of the busy customer."""
    account = world["busy"].pk
    staff = [
        "/admin/",
        f"/admin/accounts/account/{account}/change/",
        "/admin/accounts/account/",
        "/admin/accounts/apikey/",
        "/admin/tts/job/",
        "/admin/tts/job/?status__exact=failed",
        f"/admin/tts/job/?account__id__exact={account}",
        f"/admin/tts/job/{world['job'].pk}/change/",
        "/admin/billing/ledgerentry/",
        "/admin/billing/ledgerentry/?p=20",
        "/admin/billing/ledgerentry/?kind__exact=grant",
        f"/admin/billing/ledgerentry/?account__id__exact={account}",
        f"/admin/billing/ledgerentry/{world['entry'].pk}/change/",
        "/admin/accounts/auditentry/",
    ]
    own = [
        "/overview",
        "/billing",
        "/billing/usage",
        "/billing/ledger",
        "/billing/ledger?kind=grant",
        f"/billing/ledger?key={world['key'].pk}",
        f"/billing/ledger?job={world['job'].pk}",
        f"/billing/ledger?after={world['entry'].pk}",
        f"/billing/ledger?after={world['oldest'].pk}",
    ]
    return staff, own


def measure_seconds(ask: Callable[[], Any]) -> float:
    def once() -> float:
        began = time.perf_counter()
        answer = ask()
        assert answer.status_code == 200, answer.status_code
        return time.perf_counter() - began

    return statistics.median(once() for _ in range(ROUNDS))


def main(arguments: Sequence[str]) -> int:
    rows = int(arguments[0]) if arguments else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"DJANGO_SETTINGS_MODULE": "config.settings", "DATA_DIR": folder}
        django.setup()
        from django.test import Client

        from accounts.models import User
        from accounts.services.second_factor import turn_on_app
        from operations.management.commands.start import migrate
        from operations.one_machine.static_files import collect_static_files

        migrate(verbosity=0)
        collect_static_files()
        began = time.perf_counter()
        world = fill(rows)
        print(f"{rows:,} jobs and ledger entries in {time.perf_counter() - began:.0f} s")
        staff, customer = Client(SERVER_NAME="localhost"), Client(SERVER_NAME="localhost")
        ada = User.objects.create_superuser("ada@staff.example", "correct horse battery staple")
        turn_on_app(user=ada, secret="JBSWY3DPEHPK3PXP")  # required to open any page on PostgreSQL
        staff.force_login(ada)
        customer.force_login(world["owner"])
        missed = 0
        for client, urls in zip((staff, customer), pages(world), strict=True):
            for url in urls:
                seconds = measure_seconds(lambda client=client, url=url: client.get(url))  # type: ignore[misc]
                missed += seconds >= BAR_SECONDS
                print(f"  {seconds * 1000:8.1f} ms   {'MISSED' if seconds >= BAR_SECONDS else 'ok'}   {url}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

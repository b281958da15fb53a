"""Writes an export: all data of an account in one zip archive, for people and programs.

It is written to a file in small batches, so memory does not grow with the number of texts and audio files. It contains
no secrets: only the names and last characters of API keys, and the URL of the webhook.
"""

import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Account, AuditEntry
from accounts.selectors import list_invitations, list_keys, list_members
from billing.money import format_credits
from billing.selectors import list_entries, list_purchases
from config.api import format_time
from config.csv_files import write_csv
from tts.models import Job
from tts.storage import store
from tts.usage import all_usage
from webhooks.models import Delivery
from webhooks.selectors import find_endpoint

ROWS_AT_ONCE = 200
COPY_BYTES = 256 * 1024

README = """This archive contains all data of {name} as of {time}.

account.json          name, plan, creation time
people.csv            members and their roles; invitations.csv: people who were invited
keys.csv              API keys, without their secrets
jobs.jsonl            every job with its text and settings, one JSON object per line
audio/                the audio of the jobs, as far as it is still stored, named by job
ledger.csv            every change of the credit balance; purchases.csv: payments
usage.csv             requests, characters and credits per day
webhook.json          the endpoint, without its secret; deliveries.jsonl: its deliveries
audit.csv             the audit trail: who changed what
"""


def write_archive(account: Account, path: Path, *, at_each_file: Callable[[], None]) -> None:
    """Writes the archive. Raises StoreUnavailable, OSError.

    `at_each_file` is called before each file: it renews a lease, or raises to stop.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, rows in _tables(account):
            at_each_file()
            with archive.open(name, "w", force_zip64=True) as file:
                write_csv(file, rows)
        at_each_file()
        archive.writestr("README.txt", README.format(name=account.name, time=format_time(timezone.now())))
        archive.writestr("account.json", _json(_account(account), indent=2))
        archive.writestr("webhook.json", _json(_webhook(account), indent=2))
        _write_lines(archive, "jobs.jsonl", (_job(job) for job in _pieces(_jobs(account), at_each_file)))
        deliveries = Delivery.objects.for_account(account).order_by("created_at", "pk")
        _write_lines(archive, "deliveries.jsonl", (_delivery(row) for row in _pieces(deliveries, at_each_file)))
        for job in _pieces(_jobs(account).filter(erased_at=None).exclude(audio_key="").defer("text"), at_each_file):
            at_each_file()
            _copy_audio(archive, job)


def _tables(account: Account) -> Iterator[tuple[str, Iterator[Sequence[object]]]]:
    yield (
        "people.csv",
        _with_head(
            ("email", "role", "since"),
            ((row.user.email, row.role, format_time(row.created_at)) for row in list_members(account=account)),
        ),
    )
    yield (
        "invitations.csv",
        _with_head(
            ("email", "role", "sent_at"),
            ((row.email, row.role, format_time(row.sent_at)) for row in list_invitations(account=account)),
        ),
    )
    yield "keys.csv", _with_head(
        ("id", "name", "prefix", "last_four", "scopes", "created_at", "expires_at", "revoked_at", "last_used_at"),
        (
            (
                row.pk, row.name, row.prefix, row.last_four, " ".join(row.scopes), _moment(row.created_at),
                _moment(row.expires_at), _moment(row.revoked_at), _moment(row.last_used_at),
            )
            for row in list_keys(account=account)
        ),
    )  # fmt: skip
    yield "ledger.csv", _with_head(
        ("time_utc", "kind", "credits", "balance_after", "job_id", "note", "reference"),
        (
            (
                format_time(row.created_at), row.kind, format_credits(row.amount_microcredits),
                format_credits(row.balance_after_microcredits), row.job_id or "", row.note, row.reference,
            )
            for row in list_entries(account=account).iterator(chunk_size=ROWS_AT_ONCE)
        ),
    )  # fmt: skip
    yield "purchases.csv", _with_head(
        ("time_utc", "kind", "state", "credits", "price", "paid", "currency", "receipt"),
        (
            (
                format_time(row.created_at), row.kind, row.state, format_credits(row.credits_microcredits), row.price,
                row.paid if row.paid is not None else "", row.currency, row.receipt_url,
            )
            for row in list_purchases(account=account)
        ),
    )  # fmt: skip
    yield (
        "usage.csv",
        _with_head(
            ("day", "requests", "characters", "credits"),
            ((row.of, row.requests, row.characters, format_credits(row.microcredits)) for row in all_usage(account)),
        ),
    )
    yield "audit.csv", _with_head(
        ("time_utc", "actor", "action", "reason", "target_type", "target_id", "before", "after"),
        (
            (
                format_time(row.created_at), row.actor, row.action, row.reason, row.target_type, row.target_id,
                _json(row.before), _json(row.after),
            )
            for row in AuditEntry.objects.for_account(account).order_by("pk").iterator(chunk_size=ROWS_AT_ONCE)
        ),
    )  # fmt: skip


def _jobs(account: Account) -> QuerySet[Job]:
    return Job.objects.for_account(account).order_by("created_at", "pk")


def _pieces(rows: "QuerySet[Any]", at_each_piece: Callable[[], None]) -> Iterator[Any]:
    """Yields rows in batches by the index of (created_at, id), so that no cursor stays open and memory stays small."""
    after: Any = None
    while True:
        at_each_piece()
        piece = list((rows if after is None else _behind(rows, after))[:ROWS_AT_ONCE])
        yield from piece
        if len(piece) < ROWS_AT_ONCE:
            return
        after = piece[-1]


def _behind(rows: "QuerySet[Any]", last: Any) -> "QuerySet[Any]":
    later = rows.filter(created_at__gte=last.created_at)
    return later.exclude(created_at=last.created_at, pk__lte=last.pk)


def _job(job: Job) -> dict[str, Any]:
    return {
        "job_id": str(job.pk),
        "status": job.status,
        "created_at": format_time(job.created_at),
        "finished_at": _moment(job.finished_at) or None,
        "voice_id": job.voice_id,
        "text": job.text if job.erased_at is None else None,
        "text_format": job.text_format,
        "prompt": job.prompt,
        "model": job.model,
        "speed": job.speed,
        "metadata": job.metadata,
        "output_format": job.output_format,
        "sample_rate_hertz": job.sample_rate_hertz,
        "bitrate_kbps": job.bitrate_kbps,
        "chars_charged": job.chars_charged,
        "credits_charged": format_credits(job.cost_microcredits),
        "credits_refunded": format_credits(job.refunded_microcredits),
        "duration_seconds": job.duration_ms / 1000,
        "audio": _audio_name(job) if job.has_audio else None,
        "error": {"code": job.error_code, "message": job.error_message} if job.error_code else None,
    }


def _delivery(row: Delivery) -> dict[str, Any]:
    return {
        "delivery_id": str(row.pk),
        "event": row.event,
        "job_id": str(row.job_id) if row.job_id else None,
        "state": row.state,
        "created_at": format_time(row.created_at),
        "finished_at": _moment(row.finished_at) or None,
        "attempts": row.attempts_made,
    }


def _account(account: Account) -> dict[str, Any]:
    return {
        "id": str(account.pk),
        "name": account.name,
        "plan": account.plan_id,
        "created_at": format_time(account.created_at),
    }


def _webhook(account: Account) -> dict[str, Any] | None:
    endpoint = find_endpoint(account=account)
    if endpoint is None:
        return None
    return {"url": endpoint.url, "enabled": endpoint.is_enabled, "created_at": format_time(endpoint.created_at)}


def _audio_name(job: Job) -> str:
    return f"audio/{job.pk}{Path(job.audio_key).suffix}"


def _copy_audio(archive: zipfile.ZipFile, job: Job) -> None:
    """Copies the audio uncompressed, because its format already is. Skips audio that was deleted meanwhile."""
    try:
        source = store.read_audio(job.audio_key, 0)
    except FileNotFoundError:
        return
    info = zipfile.ZipInfo(_audio_name(job), job.created_at.timetuple()[:6])
    info.compress_type = zipfile.ZIP_STORED
    with source, archive.open(info, "w", force_zip64=True) as target:
        while chunk := source.read(COPY_BYTES):
            target.write(chunk)


def _write_lines(archive: zipfile.ZipFile, name: str, rows: Iterable[dict[str, Any]]) -> None:
    with archive.open(name, "w", force_zip64=True) as file:
        for row in rows:
            file.write(f"{_json(row)}\n".encode())


def _with_head(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[Sequence[object]]:
    yield head
    yield from rows


def _json(value: Any, **options: Any) -> str:
    return json.dumps(value, ensure_ascii=False, **options)


def _moment(moment: Any) -> str:
    return format_time(moment) if moment is not None else ""

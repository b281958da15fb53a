"""An account's export: requested, written by a worker with a lease, kept for seven days, deleted.

The row is the source of truth. If a worker dies, its lease expires and the next one starts again under another name;
after three attempts the row is marked as failed.
"""

import logging
import uuid
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from accounts.mails import mail_owners
from accounts.models import Account
from accounts.services import audit
from accounts.services.audit import Actor
from config.errors import DomainError
from tts.account_data.archive import write_archive
from tts.errors import StoreUnavailable
from tts.models import AccountExport, ExportState
from tts.storage import store

logger = logging.getLogger(__name__)

KEPT = timedelta(days=7)
LEASE = timedelta(minutes=5)  # renewed with every file that is added
MAX_ATTEMPTS = 3
ON_THE_DATA_PAGE = "Requested by the customer on the data page."  # in the audit trail


class LeaseLost(Exception):
    """Another worker took over, or the export was cancelled."""


@transaction.atomic
def ask_for_export(*, account: Account, actor: Actor) -> AccountExport | None:
    """Requests an export. Returns None while another one is in progress."""
    try:
        with transaction.atomic():
            row = AccountExport.objects.create(account=account)
    except IntegrityError:
        return None
    audit.record(
        actor=actor,
        action="export.asked",
        reason=ON_THE_DATA_PAGE,
        target_type="account",
        target_id=account.pk,
        account=account,
    )
    return row


def make_next_export() -> bool:
    """Writes the oldest export that is waiting or whose worker died. Returns False if there is none."""
    row = _claim()
    if row is None:
        return False
    try:
        _make(row)
    except LeaseLost:
        logger.warning("export %s: taken over by another worker", row.pk)
    except (DomainError, OSError) as error:
        logger.warning("export %s, attempt %s: %s", row.pk, row.attempt, type(error).__name__)
        _give_back(row)
    except Exception:
        logger.exception("export %s, attempt %s failed", row.pk, row.attempt)
        _give_back(row)
    return True


def delete_old_exports() -> int:
    """Deletes exports after seven days. Returns how many.

    The file is deleted before its row, so that a crash never leaves a file without a row.
    """
    now = timezone.now()
    deleted = 0
    for row in AccountExport.objects.filter(expires_at__lte=now):
        try:
            delete_export(row)
        except StoreUnavailable:
            logger.warning("could not delete export %s", row.pk)
        else:
            deleted += 1
    return deleted


def delete_export(row: AccountExport) -> None:
    """Deletes an export. Raises StoreUnavailable."""
    for attempt in range(1, row.attempt + 1):
        store.audio_storage().delete(row.get_store_key(attempt))
    AccountExport.objects.filter(pk=row.pk).delete()


def _claim() -> AccountExport | None:
    while True:
        now = timezone.now()
        is_free = Q(state=ExportState.WAITING) | Q(state=ExportState.MAKING, lease_expires_at__lt=now)
        row = AccountExport.objects.filter(is_free).select_related("account").order_by("created_at").first()
        if row is None:
            return None
        mine = AccountExport.objects.filter(is_free, pk=row.pk, attempt=row.attempt)
        if row.attempt >= MAX_ATTEMPTS:
            mine.update(state=ExportState.FAILED, lease_expires_at=None, finished_at=now, expires_at=now + KEPT)
            continue
        if mine.update(state=ExportState.MAKING, attempt=F("attempt") + 1, lease_expires_at=now + LEASE):
            row.attempt += 1
            return row


def _make(row: AccountExport) -> None:
    folder = Path(settings.SPOOL_DIR).parent / "exports"  # not in the spool, whose sweep deletes idle files
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder, prefix=f"{row.pk}-") as name:
        path = Path(name) / "export.zip"
        write_archive(row.account, path, at_each_file=lambda: _renew(row))
        _renew(row)
        size_bytes = path.stat().st_size
        store.save_audio(row.get_store_key(row.attempt), path)
    now = timezone.now()
    done = _mine(row).update(
        state=ExportState.READY, size_bytes=size_bytes, lease_expires_at=None, finished_at=now, expires_at=now + KEPT
    )
    if not done:
        store.audio_storage().delete(row.get_store_key(row.attempt))
        raise LeaseLost
    mail_owners(
        row.account,
        "tts/email/export",
        subject="Your export is ready",
        context={"until": now + KEPT},
    )


def _renew(row: AccountExport) -> None:
    store.check_capacity()
    if not _mine(row).update(lease_expires_at=timezone.now() + LEASE):
        raise LeaseLost


def _give_back(row: AccountExport) -> None:
    """Releases the export to the next attempt in a minute, or marks it as failed."""
    now = timezone.now()
    if row.attempt >= MAX_ATTEMPTS:
        _mine(row).update(state=ExportState.FAILED, lease_expires_at=None, finished_at=now, expires_at=now + KEPT)
    else:
        _mine(row).update(lease_expires_at=now + timedelta(minutes=1))


def _mine(row: AccountExport) -> QuerySet[AccountExport]:
    """The row, while this attempt holds its lease."""
    return AccountExport.objects.filter(pk=row.pk, state=ExportState.MAKING, attempt=row.attempt)


def find_export(*, account: Account, export_id: uuid.UUID) -> AccountExport | None:
    """Returns an export that can be downloaded now."""
    rows = AccountExport.objects.for_account(account).filter(state=ExportState.READY, expires_at__gt=timezone.now())
    return rows.filter(pk=export_id).first()

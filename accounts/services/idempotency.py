"""Idempotency: the same key with the same request gets the same response, byte for byte, and runs once.

The key is the caller's Idempotency-Key, or the token of a form.

The claim is a row with a unique constraint, written in the caller's transaction. A refusal rolls it back and so
releases the key. A concurrent request waits for the first transaction (PostgreSQL at the unique index, at most
`CLAIM_WAIT_SECONDS`; SQLite at BEGIN) and then finds the complete response. No request ever sees an incomplete one.

A claim belongs to a request and ends after 24 hours. What must hold forever has a unique constraint on its own row
instead: the `reference` of a ledger entry (a payment is credited once, however late Stripe repeats an event), the
`form_token` of a purchase or subscription, the ID of an API key created by a form, `retry_of` of a job.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import timedelta

from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone

from accounts.errors import IdempotencyKeyReuse, RequestInProgress
from accounts.models import Account, IdempotencyRecord
from config.api import canonical_json
from config.errors import ValidationFailed

REMEMBERED_FOR = timedelta(hours=24)
CLAIM_WAIT_SECONDS = 2
VISIBLE_ASCII = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class IdempotencyClaim:
    """A key, unique in its account, and the fingerprint of the request that came with it."""

    key: str
    fingerprint: str


def build_header_claim(*, key: str, path: str, body: object) -> IdempotencyClaim:
    """Returns the claim for a request with an Idempotency-Key. Raises ValidationFailed."""
    if not VISIBLE_ASCII.fullmatch(key):
        raise ValidationFailed("Idempotency-Key must be 1 to 255 visible ASCII characters, without spaces.")
    return IdempotencyClaim(key, build_fingerprint(path, body))


def build_form_claim(*, form: str, token: str, body: object) -> IdempotencyClaim:
    """Returns the claim for a form with a hidden token: submitted twice, it acts once. Other content is another claim.

    The key contains spaces, which an Idempotency-Key cannot, so the two never collide.
    """
    fingerprint = build_fingerprint(form, body)
    return IdempotencyClaim(f"{form} {token} {fingerprint}", fingerprint)


def build_fingerprint(path: str, body: object) -> str:
    return hashlib.sha256(f"{path}\n{canonical_json(body)}".encode()).hexdigest()


def claim(*, account: Account, key: str, fingerprint: str) -> IdempotencyRecord | None:
    """Claims a key. Call it inside a transaction. Returns None if the key is now ours, or the response to replay.

    Raises IdempotencyKeyReuse if another request used this key, and RequestInProgress if it is still running after the
    wait.
    """
    assert connection.in_atomic_block
    if _insert(account, key, fingerprint):
        return None
    found = IdempotencyRecord.objects.filter(account=account, key=key).first()
    if found is None or found.created_at <= timezone.now() - REMEMBERED_FOR:
        # The record was forgotten or erased between our insert and our query: the key is free again.
        IdempotencyRecord.objects.filter(
            account=account, key=key, created_at__lte=timezone.now() - REMEMBERED_FOR
        ).delete()
        if _insert(account, key, fingerprint):
            return None
        raise RequestInProgress
    if found.fingerprint != fingerprint:
        raise IdempotencyKeyReuse
    return found


def remember(*, account: Account, key: str, job_id: object, response_body: bytes) -> None:
    """Stores the response, in the transaction of the claim."""
    IdempotencyRecord.objects.filter(account=account, key=key).update(job_id=job_id, response_body=response_body)


def forget_expired() -> int:
    """Deletes records after 24 hours and returns how many."""
    return IdempotencyRecord.objects.filter(created_at__lte=timezone.now() - REMEMBERED_FOR).delete()[0]


def _insert(account: Account, key: str, fingerprint: str) -> bool:
    try:
        with transaction.atomic():
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute(f"SET LOCAL lock_timeout = '{CLAIM_WAIT_SECONDS}s'")
            IdempotencyRecord.objects.create(account=account, key=key, fingerprint=fingerprint, response_body=b"")
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute("SET LOCAL lock_timeout = DEFAULT")
    except IntegrityError:
        return False
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) == "55P03":  # lock_not_available
            raise RequestInProgress from None
        raise
    return True

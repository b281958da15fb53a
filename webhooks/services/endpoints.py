"""An account's endpoint: created, changed, paused, disabled, deleted. The audit trail records who did it."""

import logging
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.models import Account
from accounts.services import audit
from accounts.services.audit import SYSTEM, Actor
from config.errors import Forbidden
from webhooks import signing_secrets as secrets
from webhooks.db_time import database_now
from webhooks.models import BY_DECISION, Delivery, DeliveryState, DisabledReason, Endpoint
from webhooks.selectors import get_endpoint
from webhooks.ssrf import check_url

logger = logging.getLogger(__name__)

BOTH_SIGN_FOR = timedelta(hours=24)
NO_KEYS = "Webhooks are not available: the administrator of this server has not set WEBHOOK_SECRET_KEYS."


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved endpoint. `secret` is set only if it is new, and cannot be shown again."""

    endpoint: Endpoint
    secret: str | None


def save_endpoint(
    *, account: Account, url: str, actor: Actor, enabled: bool = True, regenerate_secret: bool = False, reason: str
) -> Saved:
    """Creates or changes the account's endpoint.

    Raises ValidationFailed (url), or Forbidden without keys for secrets.
    """
    if not settings.WEBHOOK_SECRET_KEYS:
        raise Forbidden(NO_KEYS)
    target = check_url(url)  # before the transaction, because it queries name servers
    fresh = secrets.generate_secret()
    try:
        return _save(account, target.url, target.receiver, fresh, actor, enabled, regenerate_secret, reason)
    except IntegrityError:  # created at the same moment by someone else; change it instead
        return _save(account, target.url, target.receiver, fresh, actor, enabled, regenerate_secret, reason)


@transaction.atomic
def _save(
    account: Account, url: str, receiver: str, fresh: str, actor: Actor, enabled: bool, regenerate: bool, reason: str
) -> Saved:
    now = database_now()
    endpoint = Endpoint.objects.for_account(account).select_for_update().first()
    is_new = endpoint is None
    if endpoint is None:
        endpoint = Endpoint(account=account, secret=secrets.encrypt(fresh), created_at=now)
    elif regenerate:
        endpoint.previous_secret = endpoint.secret
        endpoint.previous_secret_expires_at = now + BOTH_SIGN_FOR
        endpoint.secret = secrets.encrypt(fresh)
    before = {} if is_new else {"host": urlsplit(endpoint.url).hostname, "enabled": endpoint.is_enabled}
    if enabled:
        if not endpoint.is_enabled or endpoint.url != url:
            endpoint.failing_since = None  # start counting failures again
        endpoint.disabled_at, endpoint.disabled_reason, endpoint.owner_told_at = None, "", None
    elif endpoint.is_enabled:
        endpoint.disabled_at, endpoint.disabled_reason = now, DisabledReason.PAUSED
    has_moved = endpoint.url != url
    endpoint.url, endpoint.updated_at = url, now
    endpoint.save(force_insert=is_new)
    if has_moved:  # senders to the old URL lose their claims
        waiting = Delivery.objects.for_account(account).filter(job_url="", state=DeliveryState.PENDING)
        waiting.update(receiver=receiver, claim=None, claim_expires_at=None)
    if not enabled:
        _skip_pending(account.pk, now, with_job_urls=True)
    audit.record(
        actor=actor,
        action="webhook.made" if is_new else "webhook.changed",
        reason=reason,
        target_type="webhook",
        target_id=endpoint.pk,
        account=account,
        before=before,
        # Do not include the whole URL: it may have a customer's token.
        after={"host": urlsplit(url).hostname, "enabled": enabled, "new_secret": is_new or regenerate},
    )
    return Saved(endpoint, fresh if is_new or regenerate else None)


@transaction.atomic
def delete_endpoint(*, account: Account, actor: Actor, reason: str) -> None:
    """Deletes the endpoint. Past deliveries stay listed. Raises NotFound."""
    endpoint = get_endpoint(account=account)
    _skip_pending(account.pk, database_now(), with_job_urls=True)
    audit.record(
        actor=actor,
        action="webhook.deleted",
        reason=reason,
        target_type="webhook",
        target_id=endpoint.pk,
        account=account,
        before={"host": urlsplit(endpoint.url).hostname, "enabled": endpoint.is_enabled},
    )
    endpoint.delete()


def disable_endpoint(
    *, account_id: uuid.UUID, reason: DisabledReason, now: datetime, actor: Actor = SYSTEM, why: str = ""
) -> bool:
    """Disables an endpoint. Call it in a transaction. The owners get an email later.

    Returns False if already disabled.
    """
    assert transaction.get_connection().in_atomic_block
    disabled = Endpoint.objects.filter(account=account_id, disabled_at=None).update(
        disabled_at=now, disabled_reason=reason, owner_told_at=None
    )
    if not disabled:
        return False
    _skip_pending(account_id, now, with_job_urls=reason in BY_DECISION)
    endpoint = Endpoint.objects.select_related("account").get(account=account_id)
    audit.record(
        actor=actor,
        action="webhook.disabled",
        reason=why or reason.label,
        target_type="webhook",
        target_id=endpoint.pk,
        account=endpoint.account,
        before={"enabled": True},
        after={"enabled": False},
    )
    return True


def note_owner_told(*, endpoint: Endpoint) -> bool:
    """Returns True to the one sender that should email the owners."""
    told = Endpoint.objects.filter(pk=endpoint.pk, disabled_at=endpoint.disabled_at, owner_told_at=None)
    return bool(told.update(owner_told_at=database_now()))


def forget_owner_told(*, endpoint: Endpoint) -> None:
    """Undoes `note_owner_told` after the email could not be sent."""
    Endpoint.objects.filter(pk=endpoint.pk, disabled_at=endpoint.disabled_at).update(owner_told_at=None)


def rotate_keys() -> int:
    """Encrypts every secret again with the first of WEBHOOK_SECRET_KEYS. Returns how many endpoints were changed."""
    count = 0
    for pk in list(Endpoint.objects.values_list("pk", flat=True)):
        with transaction.atomic():
            endpoint = Endpoint.objects.select_for_update().filter(pk=pk).first()
            if endpoint is None:
                continue
            endpoint.secret = secrets.rotate(endpoint.secret)
            if endpoint.previous_secret:
                endpoint.previous_secret = secrets.rotate(endpoint.previous_secret)
            endpoint.save(update_fields=["secret", "previous_secret"])
            count += 1
    return count


def get_signing_secrets(endpoint: Endpoint, now: datetime) -> list[str]:
    """Returns the secrets, newest first: two for a day after a change. Empty if one of them cannot be decrypted."""
    tokens = [endpoint.secret]
    if endpoint.previous_secret_expires_at is not None and now < endpoint.previous_secret_expires_at:
        tokens.append(endpoint.previous_secret)
    try:
        return [secrets.decrypt(token) for token in tokens]
    except InvalidToken:
        logger.error(
            "could not decrypt the webhook secret of account %s: its key is not in WEBHOOK_SECRET_KEYS",
            endpoint.account_id,
        )
        return []


def _skip_pending(account_id: uuid.UUID, now: datetime, *, with_job_urls: bool) -> None:
    """Skips pending deliveries. A sender that holds one of them loses its claim."""
    pending = Delivery.objects.filter(account=account_id, state=DeliveryState.PENDING)
    if not with_job_urls:
        pending = pending.filter(job_url="")
    pending.update(
        state=DeliveryState.SKIPPED, next_attempt_at=None, finished_at=now, claim=None, claim_expires_at=None
    )


@transaction.atomic
def erase_webhooks(*, account: Account) -> None:
    """Erases the endpoint, its secrets and all deliveries of a deleted account."""
    Delivery.objects.filter(account=account).delete()
    Endpoint.objects.filter(account=account).delete()

"""Reads of people, accounts, keys and the maintenance switch."""

import time
import uuid

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from accounts import keys
from accounts.models import Account, ApiKey, Invitation, Maintenance, Membership, Plan, User
from config.errors import NotFound

MAINTENANCE_SEEN_WITHIN_SECONDS = 1.0

_maintenance_seen: tuple[float, bool] = (float("-inf"), False)


def find_api_key(key: str) -> ApiKey | None:
    """The usable key with its account and plan, in one query or two; none at all for one whose checksum is wrong."""
    if not keys.is_well_formed(key):
        return None
    digest, rows = keys.digest(key), ApiKey.objects.select_related("account__plan")
    # Two look-ups by a unique index; the second is for keys that nobody knows, and for a rotated one's old secret.
    found = (
        rows.filter(digest=digest).first() or rows.filter(old_digest=digest, old_expires_at__gt=timezone.now()).first()
    )
    return found if found is not None and found.is_usable else None


def get_account(account_id: object) -> Account:
    """By id, or by the email of a member of exactly one account. Raises NotFound."""
    text = str(account_id)
    accounts = Account.objects.select_related("plan")
    key = _uuid(text)
    found = accounts.filter(memberships__user__email__iexact=text) if key is None else accounts.filter(pk=key)
    try:
        return found.get()
    except (Account.DoesNotExist, Account.MultipleObjectsReturned):
        raise NotFound(f"No account, or more than one, matches {text}.") from None


def list_memberships(user: User) -> QuerySet[Membership]:
    """A person's places, each with its account and plan, oldest first."""
    return Membership.objects.filter(user=user).select_related("account__plan").order_by("created_at", "pk")


def list_plans() -> QuerySet[Plan]:
    """The slowest first."""
    return Plan.objects.order_by("generate_limit", "code")


def list_members(*, account: Account) -> QuerySet[Membership]:
    """Each with its person, oldest first."""
    return Membership.objects.filter(account=account).select_related("user").order_by("created_at", "pk")


def list_invitations(*, account: Account) -> QuerySet[Invitation]:
    """Those without an answer, expired ones too, newest first."""
    return Invitation.objects.for_account(account).order_by("-sent_at", "pk")


def find_invitation(token: str) -> Invitation | None:
    """The open invitation of a mail's link, with its account. None: used, withdrawn, expired or never there."""
    found = Invitation.objects.filter(digest=keys.digest(token), expires_at__gt=timezone.now())
    return found.select_related("account").first()


def list_keys(*, account: Account) -> QuerySet[ApiKey]:
    """Usable and expired ones first, revoked ones last; newest first."""
    return ApiKey.objects.for_account(account).order_by(F("revoked_at").asc(nulls_first=True), "-created_at", "pk")


def count_usable_keys(*, account: Account) -> int:
    is_alive = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    return ApiKey.objects.for_account(account).filter(is_alive, revoked_at=None).count()


def is_in_maintenance() -> bool:
    """Asked on every request, so the database is asked at most once a second per process."""
    global _maintenance_seen
    seen_at, value = _maintenance_seen
    now = time.monotonic()
    if now - seen_at >= MAINTENANCE_SEEN_WITHIN_SECONDS:
        value = Maintenance.objects.exists()
        _maintenance_seen = (now, value)
    return value


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def find_keys(text: str) -> QuerySet[ApiKey]:
    """Keys known by an id, by the whole key, or by its visible prefix."""
    if keys.is_well_formed(text):
        digest = keys.digest(text)
        return ApiKey.objects.filter(Q(digest=digest) | Q(old_digest=digest))
    if (key_id := _uuid(text)) is not None:
        return ApiKey.objects.filter(pk=key_id)
    return ApiKey.objects.filter(prefix=text)

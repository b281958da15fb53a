"""Queries of users, accounts, keys and the maintenance switch."""

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
    """Returns a usable key with its account and plan, or None.

    Takes one query, or two if the key is unknown or the previous secret of a rotated key. A key with a wrong checksum
    takes none.
    """
    if not keys.is_well_formed(key):
        return None
    digest, rows = keys.digest(key), ApiKey.objects.select_related("account__plan")
    # Two lookups by unique indexes. The second is for the previous secret of a rotated key, and for unknown keys.
    found = (
        rows.filter(digest=digest).first() or rows.filter(old_digest=digest, old_expires_at__gt=timezone.now()).first()
    )
    return found if found is not None and found.is_usable else None


def get_account(account_id: object) -> Account:
    """Returns an account by its ID, or by the email of a member who has no other account. Raises NotFound."""
    text = str(account_id)
    accounts = Account.objects.select_related("plan")
    key = _uuid(text)
    found = accounts.filter(memberships__user__email__iexact=text) if key is None else accounts.filter(pk=key)
    try:
        return found.get()
    except (Account.DoesNotExist, Account.MultipleObjectsReturned):
        raise NotFound(f"No account, or more than one, matches {text}.") from None


def list_memberships(user: User) -> QuerySet[Membership]:
    """Returns a user's memberships with accounts and plans, oldest first."""
    return Membership.objects.filter(user=user).select_related("account__plan").order_by("created_at", "pk")


def list_plans() -> QuerySet[Plan]:
    """Returns the plans, lowest limits first."""
    return Plan.objects.order_by("generate_limit", "code")


def list_members(*, account: Account) -> QuerySet[Membership]:
    """Returns the memberships of an account with their users, oldest first."""
    return Membership.objects.filter(account=account).select_related("user").order_by("created_at", "pk")


def list_invitations(*, account: Account) -> QuerySet[Invitation]:
    """Returns the open invitations, including expired ones, newest first."""
    return Invitation.objects.for_account(account).order_by("-sent_at", "pk")


def find_invitation(token: str) -> Invitation | None:
    """Returns the open invitation for an email's token, with its account.

    None if used, withdrawn, expired or unknown.
    """
    found = Invitation.objects.filter(digest=keys.digest(token), expires_at__gt=timezone.now())
    return found.select_related("account").first()


def list_keys(*, account: Account) -> QuerySet[ApiKey]:
    """Returns the keys, newest first; revoked ones come last."""
    return ApiKey.objects.for_account(account).order_by(F("revoked_at").asc(nulls_first=True), "-created_at", "pk")


def count_usable_keys(*, account: Account) -> int:
    is_alive = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    return ApiKey.objects.for_account(account).filter(is_alive, revoked_at=None).count()


def is_in_maintenance() -> bool:
    """Whether the API is in maintenance. Every request asks, so each process queries at most once a second."""
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
    """Finds keys by ID, by the whole key, or by its visible prefix."""
    if keys.is_well_formed(text):
        digest = keys.digest(text)
        return ApiKey.objects.filter(Q(digest=digest) | Q(old_digest=digest))
    if (key_id := _uuid(text)) is not None:
        return ApiKey.objects.filter(pk=key_id)
    return ApiKey.objects.filter(prefix=text)

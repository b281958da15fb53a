"""Invitations to an account: sent, renewed, withdrawn, accepted. Only the email has the token."""

import secrets
from datetime import timedelta

from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import keys
from accounts.errors import TeamRefused
from accounts.models import Account, Invitation, Membership, Role, User
from accounts.services import audit
from accounts.services.audit import Actor
from accounts.services.team import ON_THE_TEAM_PAGE

OPEN_FOR = timedelta(days=7)
MAX_WAITING = 50
OVER = "This invitation has been used, revoked or expired. Ask for a new one."


@transaction.atomic
def invite(*, account: Account, email: str, role: Role, actor: Actor) -> tuple[Invitation, str]:
    """Creates an invitation. Returns it and its token.

    Raises TeamRefused (already a member, already invited, too many open invitations).
    """
    Account.objects.select_for_update().get(pk=account.pk)
    email = email.lower()
    if Membership.objects.filter(account=account, user__email__iexact=email).exists():
        raise TeamRefused(f"{email} is already in the team.")
    if Invitation.objects.for_account(account).count() >= MAX_WAITING:
        raise TeamRefused(f"There are {MAX_WAITING} pending invitations, which is the maximum. Revoke one first.")
    token = secrets.token_urlsafe(32)
    try:
        with transaction.atomic():
            row = Invitation.objects.create(
                account=account,
                email=email,
                role=role,
                digest=keys.digest(token),
                expires_at=timezone.now() + OPEN_FOR,
            )
    except IntegrityError:
        raise TeamRefused(f"{email} has already been invited. Resend that invitation or revoke it.") from None
    _record(row, "invitation.made", actor)
    return row, token


@transaction.atomic
def renew_invitation(*, invitation: Invitation, actor: Actor) -> str:
    """Returns a new token, valid for seven days; the previous link stops working. Raises TeamRefused if it is gone."""
    token, now = secrets.token_urlsafe(32), timezone.now()
    renewed = Invitation.objects.filter(pk=invitation.pk).update(
        digest=keys.digest(token), sent_at=now, expires_at=now + OPEN_FOR
    )
    if not renewed:
        raise TeamRefused("The invitation has already been accepted or revoked.")
    _record(invitation, "invitation.renewed", actor)
    return token


@transaction.atomic
def withdraw_invitation(*, invitation: Invitation, actor: Actor) -> bool:
    """Withdraws an invitation. Returns False if it was already gone."""
    if not Invitation.objects.filter(pk=invitation.pk).delete()[0]:
        return False
    _record(invitation, "invitation.withdrawn", actor)
    return True


@transaction.atomic
def accept_invitation(*, token: str, user: User) -> Membership:
    """Adds the user to the account, once. Raises TeamRefused (used, expired, or for another address)."""
    row = _locked(token)
    if row.email != user.email.lower():
        raise TeamRefused("This invitation is for a different email address from the one you are signed in with.")
    return _join(row, user)


@transaction.atomic
def accept_as_new_person(*, token: str, password: str) -> Membership:
    """Creates a user and adds them to the account. The link proves that they read the mailbox, so it is confirmed.

    Raises TeamRefused (used or expired, or the address has a user).
    """
    row = _locked(token)
    try:
        with transaction.atomic():
            user = User.objects.create_user(row.email, password)
    except IntegrityError:
        raise TeamRefused("You already have an account. Sign in, then open the link again.") from None
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    return _join(row, user)


def _locked(token: str) -> Invitation:
    rows = Invitation.objects.select_for_update(of=("self",)).select_related("account")
    row = rows.filter(digest=keys.digest(token), expires_at__gt=timezone.now()).first()
    if row is None:
        raise TeamRefused(OVER)
    return row


def _join(row: Invitation, user: User) -> Membership:
    """Adds the user. Existing members keep their role."""
    membership, _ = Membership.objects.get_or_create(account=row.account, user=user, defaults={"role": row.role})
    _record(row, "invitation.accepted", Actor.of_member(membership))
    Invitation.objects.filter(pk=row.pk).delete()
    return membership


def _record(row: Invitation, action: str, actor: Actor) -> None:
    """Writes an audit entry without the address: the audit trail has no personal data."""
    audit.record(
        actor=actor,
        action=action,
        reason=ON_THE_TEAM_PAGE,
        target_type="invitation",
        target_id=row.pk,
        account=row.account,
        after={"role": row.role},
    )

"""Deletes an account: the owner requests it, can cancel for seven days, and then the account is erased for good.

`tts.account_data.deletion` erases the rest. This module keeps the decision and erases what goes last: the users.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts.errors import NothingToChange
from accounts.models import Account, ApiKey, IdempotencyRecord, Invitation, Membership, User
from accounts.services import audit
from accounts.services.audit import SYSTEM, Actor
from accounts.services.sessions import end_other_sessions

UNDO = timedelta(days=7)
ON_THE_DATA_PAGE = "By the owner, on the data page."  # in the audit trail
NAME_AFTERWARDS = "Deleted account"


@transaction.atomic
def ask_for_deletion(*, account: Account, actor: Actor) -> datetime:
    """Schedules the deletion and returns when it will run. Keys are refused from now on.

    Raises NothingToChange if it is already scheduled.
    """
    due_at = timezone.now() + UNDO
    if not Account.objects.filter(pk=account.pk, deletion_due_at=None).update(deletion_due_at=due_at):
        raise NothingToChange("The account is already scheduled for deletion.")
    _record(account, actor, "account.deletion_asked", ON_THE_DATA_PAGE)
    return due_at


@transaction.atomic
def keep_account(*, account: Account, actor: Actor) -> None:
    """Cancels the deletion. Raises NothingToChange after the seven days, when data may already be erased."""
    waiting = Account.objects.filter(pk=account.pk, deleted_at=None, deletion_due_at__gt=timezone.now())
    if not waiting.update(deletion_due_at=None):
        raise NothingToChange("There is no deletion to cancel: none was requested, or it has already started.")
    _record(account, actor, "account.kept", ON_THE_DATA_PAGE)


@transaction.atomic
def erase_people(*, account: Account) -> None:
    """Erases keys, invitations, memberships, users without another account, and the name. The last step; may run twice.

    Staff keep their sign-in. The ledger and the audit trail stay: they name no one.
    """
    locked = Account.objects.select_for_update().get(pk=account.pk)
    if locked.deleted_at is not None:
        return
    people = list(User.objects.filter(memberships__account=account))
    Membership.objects.filter(account=account).delete()
    for user in people:
        if not user.is_staff and not Membership.objects.filter(user=user).exists():
            end_other_sessions(user=user, keep=None)
            user.delete()
    for model in (ApiKey, Invitation, IdempotencyRecord):
        model.objects.filter(account=account).delete()
    Account.objects.filter(pk=account.pk).update(name=NAME_AFTERWARDS, deleted_at=timezone.now())
    _record(locked, SYSTEM, "account.deleted", "The seven days to cancel the deletion have passed.")


def _record(account: Account, actor: Actor, action: str, reason: str) -> None:
    audit.record(
        actor=actor, action=action, reason=reason, target_type="account", target_id=account.pk, account=account
    )

"""Members of an account and their roles. Every change is audited.

Changes hold the account's lock, so that there is always exactly one owner.
"""

from django.db import transaction

from accounts.errors import TeamRefused
from accounts.models import Account, Membership, Role
from accounts.services import audit
from accounts.services.audit import Actor

ON_THE_TEAM_PAGE = "By the customer, on the team page."  # in the audit trail


@transaction.atomic
def change_role(*, member: Membership, role: Role, actor: Actor) -> None:
    """Changes a role from the next request on. Raises TeamRefused if the member is the owner or gone."""
    row = _locked_member(member)
    if Role.OWNER in {role, row.role}:
        raise TeamRefused("An account has exactly one owner. Transfer ownership instead.")
    if row.role == role:
        return
    Membership.objects.filter(pk=row.pk).update(role=role)
    _record(row, "member.role_changed", actor, before={"role": row.role}, after={"role": role})


@transaction.atomic
def remove_member(*, member: Membership, actor: Actor) -> None:
    """Removes a member, also when they leave. Keys they created stay: they belong to the account.

    Raises TeamRefused if the member is the owner or gone.
    """
    row = _locked_member(member)
    if row.role == Role.OWNER:
        raise TeamRefused("The owner cannot leave or be removed. Transfer ownership first.")
    Membership.objects.filter(pk=row.pk).delete()
    _record(row, "member.removed", actor, before={"role": row.role}, after={})


@transaction.atomic
def transfer_ownership(*, owner: Membership, to: Membership, actor: Actor) -> None:
    """Transfers ownership; the previous owner becomes an admin.

    Raises TeamRefused if they are no longer the owner or the new owner is gone.
    """
    assert owner.account_id == to.account_id
    giving, taking = _locked_member(owner), _locked_member(to)
    if giving.role != Role.OWNER or giving.pk == taking.pk:
        raise TeamRefused("You are no longer the owner of this account, or you chose yourself. Nothing was changed.")
    Membership.objects.filter(pk=giving.pk).update(role=Role.ADMIN)
    Membership.objects.filter(pk=taking.pk).update(role=Role.OWNER)
    _record(giving, "member.role_changed", actor, before={"role": Role.OWNER}, after={"role": Role.ADMIN})
    _record(taking, "member.role_changed", actor, before={"role": taking.role}, after={"role": Role.OWNER})


def _locked_member(member: Membership) -> Membership:
    """Returns the current membership, locked. Changes to members of one account are serialized."""
    Account.objects.select_for_update().get(pk=member.account_id)
    row = Membership.objects.filter(pk=member.pk).select_related("account").first()
    if row is None:
        raise TeamRefused("This user is no longer in the team.")
    return row


def _record(row: Membership, action: str, actor: Actor, *, before: dict[str, object], after: dict[str, object]) -> None:
    audit.record(
        actor=actor,
        action=action,
        reason=ON_THE_TEAM_PAGE,
        target_type="user",
        target_id=row.user_id,
        account=row.account,
        before=before,
        after=after,
    )

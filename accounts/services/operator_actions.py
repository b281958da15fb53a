"""What operators change about accounts, their keys and plans. Every change is audited in its transaction."""

import secrets
from collections.abc import Mapping
from typing import Any

from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.errors import EmailTaken, NothingToChange
from accounts.models import Account, ApiKey, Plan, User
from accounts.operators import StaffRole
from accounts.services import audit
from accounts.services.api_keys import revoke_key
from accounts.services.audit import Actor
from config.errors import NotFound

PLAN_FIELDS = (
    "name", "allows_api", "allows_webhooks", "generate_limit", "read_limit",
    "is_sold", "price", "currency", "monthly_microcredits", "stripe_price_id",
)  # fmt: skip


@transaction.atomic
def change_plan(*, account: Account, plan_code: str, actor: Actor, reason: str) -> None:
    """Changes the plan from the next request on. Raises NotFound or NothingToChange."""
    if not Plan.objects.filter(pk=plan_code).exists():
        raise NotFound(f"There is no plan {plan_code!r}.")
    before = _locked(account).plan_id
    if before == plan_code:
        raise NothingToChange(f"The account is already on the plan {plan_code}.")
    Account.objects.filter(pk=account.pk).update(plan=plan_code)
    _record_account(account, actor, "account.plan_changed", reason, before={"plan": before}, after={"plan": plan_code})


@transaction.atomic
def suspend_account(*, account: Account, actor: Actor, reason: str) -> None:
    """Suspends an account. Its keys are refused; accepted jobs still complete. Raises NothingToChange."""
    if not Account.objects.filter(pk=account.pk, suspended_at=None).update(suspended_at=timezone.now()):
        raise NothingToChange("The account is already suspended.")
    _record_account(account, actor, "account.suspended", reason, before={"suspended": False}, after={"suspended": True})


@transaction.atomic
def reinstate_account(*, account: Account, actor: Actor, reason: str) -> None:
    """Lifts a suspension. Raises NothingToChange."""
    if not Account.objects.filter(pk=account.pk, suspended_at__isnull=False).update(suspended_at=None):
        raise NothingToChange("The account is not suspended.")
    _record_account(
        account, actor, "account.reinstated", reason, before={"suspended": True}, after={"suspended": False}
    )


def revoke_key_for_customer(*, api_key: ApiKey, actor: Actor, reason: str) -> None:
    """Revokes a customer's key. Raises NothingToChange if it was already revoked."""
    if not revoke_key(api_key=api_key, actor=actor, reason=reason):
        raise NothingToChange("The key is already revoked.")


@transaction.atomic
def edit_plan(*, plan: Plan, values: Mapping[str, Any], actor: Actor, reason: str) -> None:
    """Changes some of PLAN_FIELDS for all accounts of the plan, from the next request on. Raises NothingToChange."""
    assert set(values) <= set(PLAN_FIELDS)
    stored = Plan.objects.select_for_update().get(pk=plan.pk)
    before = {field: getattr(stored, field) for field in values if getattr(stored, field) != values[field]}
    if not before:
        raise NothingToChange("Nothing was changed.")
    after = {field: values[field] for field in before}
    Plan.objects.filter(pk=plan.pk).update(**after)
    audit.record(
        actor=actor,
        action="plan.edited",
        reason=reason,
        target_type="plan",
        target_id=plan.pk,
        before=before,
        after=after,
    )


@transaction.atomic
def create_operator(*, email: str, role: StaffRole, actor: Actor, reason: str) -> tuple[User, str]:
    """Creates a staff member. Returns the user and a random password, which cannot be shown again.

    Raises EmailTaken.
    """
    password = secrets.token_urlsafe(12)
    try:
        with transaction.atomic():
            user = User.objects.create_user(
                email,
                password,
                is_staff=True,
                is_superuser=role == "administrator",
                handles_billing=role == "billing",
            )
            EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    except IntegrityError:
        raise EmailTaken(f"{email} already belongs to a user. Operators need a separate email address.") from None
    audit.record(
        actor=actor,
        action="operator.created",
        reason=reason,
        target_type="user",
        target_id=user.pk,
        after={"role": role},
    )
    return user, password


def _locked(account: Account) -> Account:
    return Account.objects.select_for_update().get(pk=account.pk)


def _record_account(
    account: Account, actor: Actor, action: str, reason: str, *, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    audit.record(
        actor=actor,
        action=action,
        reason=reason,
        target_type="account",
        target_id=account.pk,
        account=account,
        before=before,
        after=after,
    )

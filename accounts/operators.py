"""The staff: who may do what under /admin. One table; customers have no part in it.

All see everything but texts. Support stops what does harm and gives back what was charged, up to SUPPORT_REFUND_LIMIT a
job. Billing corrects what concerns one customer's money. An administrator may everything; what concerns every customer
is an administrator's alone.
"""

from collections.abc import Mapping
from typing import Literal

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser

from accounts.models import User

StaffRole = Literal["support", "billing", "administrator"]

SUPPORT_MAY = frozenset({"suspend", "reinstate", "revoke", "refund", "retry"})
BILLING_MAY = frozenset({"refund", "adjust-credits", "reverse", "change-plan", "resolve"})
ADMINISTRATOR_MAY = (
    SUPPORT_MAY | BILLING_MAY | {"copy", "edit", "enable", "disable", "maintenance", "show-text", "second-factor-off"}
)  # fmt: skip
TABLE: Mapping[StaffRole, frozenset[str]] = {
    "support": SUPPORT_MAY,
    "billing": BILLING_MAY,
    "administrator": ADMINISTRATOR_MAY,
}


def is_operator(user: AbstractBaseUser | AnonymousUser) -> bool:
    return isinstance(user, User) and user.is_active and user.is_staff


def role_of(user: User) -> StaffRole:
    """Of somebody on the staff."""
    if user.is_superuser:
        return "administrator"
    return "billing" if user.handles_billing else "support"


def may(user: AbstractBaseUser | AnonymousUser, action: str) -> bool:
    assert action in ADMINISTRATOR_MAY
    if not is_operator(user):
        return False
    assert isinstance(user, User)
    return action in TABLE[role_of(user)]

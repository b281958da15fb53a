"""The staff: who may do what under /admin. One table; customers have no part in it.

An administrator may everything. Support sees all but texts, stops what does harm and gives back what was charged; it
makes and takes no credits, and changes nothing that concerns every customer.
"""

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser

from accounts.models import User

SUPPORT_MAY = frozenset({"suspend", "reinstate", "revoke", "refund", "retry"})
ADMINISTRATOR_MAY = SUPPORT_MAY | {
    "adjust-credits", "change-plan", "copy", "edit", "enable", "disable", "maintenance", "resolve", "show-text",
}  # fmt: skip


def is_operator(user: AbstractBaseUser | AnonymousUser) -> bool:
    return isinstance(user, User) and user.is_active and user.is_staff


def may(user: AbstractBaseUser | AnonymousUser, action: str) -> bool:
    assert action in ADMINISTRATOR_MAY
    if not is_operator(user):
        return False
    assert isinstance(user, User)
    return user.is_superuser or action in SUPPORT_MAY

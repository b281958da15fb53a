"""Staff roles and what each may do under /admin, in one table. Customers have other roles.

All staff can see everything except texts. Support can stop abuse and refund charges, up to SUPPORT_REFUND_LIMIT per
job. Billing can correct one customer's money. Administrators can do everything; only they can change what affects all
customers.
"""

from collections.abc import Mapping
from typing import Literal, cast

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from accounts.models import User
from accounts.services.second_factor import has_second_factor
from config.access_log import is_from_this_machine

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


def must_enrol(request: HttpRequest) -> bool:
    """Whether this staff member has to set up a second factor before opening a page under /admin.

    With STAFF_NEED_SECOND_FACTOR off, only requests from another machine or through a proxy require one.
    """
    if not is_operator(request.user):
        return False
    if not settings.STAFF_NEED_SECOND_FACTOR and is_from_this_machine(request):
        return False
    return not has_second_factor(cast(User, request.user))


def get_role(user: User) -> StaffRole:
    """Returns the role of a staff member."""
    if user.is_superuser:
        return "administrator"
    return "billing" if user.handles_billing else "support"


def has_permission(user: AbstractBaseUser | AnonymousUser, action: str) -> bool:
    assert action in ADMINISTRATOR_MAY
    if not is_operator(user):
        return False
    assert isinstance(user, User)
    return action in TABLE[get_role(user)]

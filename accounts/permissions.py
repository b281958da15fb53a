"""What each role may do, in one table. Pages, buttons and the API for users read it.

API keys have scopes instead of roles.
"""

from collections.abc import Mapping
from typing import Literal, get_args

from accounts.models import Membership, Role

Permission = Literal[
    "view_jobs",
    "create_speech",
    "delete_jobs",
    "view_keys",
    "manage_keys",
    "manage_webhooks",
    "view_billing",
    "manage_billing",
    "manage_members",
    "edit_account",
    "manage_account",
]
PERMISSIONS: tuple[Permission, ...] = get_args(Permission)

_EVERYTHING = frozenset(PERMISSIONS)

# Viewers can see everything and change nothing. Billing members do not need to see texts.
TABLE: Mapping[Role, frozenset[Permission]] = {
    Role.OWNER: _EVERYTHING,
    Role.ADMIN: _EVERYTHING - {"manage_account"},
    Role.DEVELOPER: frozenset(
        {"view_jobs", "create_speech", "delete_jobs", "view_keys", "manage_keys", "manage_webhooks"}
    ),
    Role.BILLING: frozenset({"view_billing", "manage_billing"}),
    Role.VIEWER: frozenset({"view_jobs", "view_keys", "view_billing"}),
}


def get_permissions(membership: Membership) -> frozenset[Permission]:
    return TABLE[Role(membership.role)]


def has_permission(membership: Membership, permission: Permission) -> bool:
    return permission in get_permissions(membership)

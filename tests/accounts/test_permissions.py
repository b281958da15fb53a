"""The permission table, cell by cell: changing who may do what has to be meant."""

import pytest

from accounts.models import Membership, Role
from accounts.permissions import PERMISSIONS, TABLE, has_permission

ROLES = ["owner", "admin", "developer", "billing", "viewer"]

EXPECTED = {
    "view_jobs": "yes yes yes no yes",
    "create_speech": "yes yes yes no no",
    "delete_jobs": "yes yes yes no no",
    "view_keys": "yes yes yes no yes",
    "manage_keys": "yes yes yes no no",
    "manage_webhooks": "yes yes yes no no",
    "view_billing": "yes yes no yes yes",
    "manage_billing": "yes yes no yes no",
    "manage_members": "yes yes no no no",
    "edit_account": "yes yes no no no",
    "manage_account": "yes no no no no",
}


@pytest.mark.parametrize("permission", PERMISSIONS)
def test_who_may(permission):
    answers = ["yes" if has_permission(Membership(role=role), permission) else "no" for role in ROLES]
    assert " ".join(answers) == EXPECTED[permission]


def test_the_table_is_complete():
    assert set(EXPECTED) == set(PERMISSIONS)
    assert set(TABLE) == set(Role)
    assert [str(role) for role in Role] == ROLES

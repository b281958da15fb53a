"""The navigation around every signed-in page: the current account, the user's other accounts, and the balance."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.membership import MemberRequest
from accounts.models import Account
from accounts.permissions import Permission, get_permissions
from billing.models import Balance
from billing.money import format_have
from billing.selectors import get_balance


@dataclass(frozen=True, slots=True)
class Navigation:
    account: Account
    others: list[Account]
    permissions: frozenset[Permission]
    balance: Balance

    @property
    def available(self) -> str:
        return format_have(self.balance.available_microcredits)


def build_navigation(request: MemberRequest) -> Navigation:
    return Navigation(
        account=request.membership.account,
        others=[one.account for one in request.memberships if one != request.membership],
        permissions=get_permissions(request.membership),
        balance=get_balance(request.membership.account),
    )


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Context processor. Queries the database only if a template uses the value."""
    return {"nav": SimpleLazyObject(lambda: build_navigation(request))} if hasattr(request, "membership") else {}  # type: ignore[arg-type]

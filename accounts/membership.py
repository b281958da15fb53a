"""Decorators for signed-in pages: they choose the user's account and check the role's permission."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from accounts.models import Account, Membership, User
from accounts.permissions import Permission, has_permission
from accounts.selectors import list_memberships
from accounts.services.sessions import note_session
from config import logs
from config.errors import DomainError

SESSION_KEY = "account_id"


class MemberRequest(HttpRequest):
    """A request of a user in an account. `memberships` has all of theirs; `membership` is the current one."""

    membership: Membership
    memberships: list[Membership]


def member_page(
    permission: Permission | None = None,
) -> Callable[[Callable[..., HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """Decorates a page for members, or for members who have `permission`.

    Anonymous callers are redirected to sign in. Users without an account or without the permission get a 403.
    """

    def decorate(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            user = cast(User, request.user)
            note_session(request, user=user)
            memberships = list(list_memberships(user))
            if not memberships:
                message = (
                    f"{user.email} is not a member of any account. Ask the administrator of this server to create one."
                )
                return refuse(request, "No account yet", message)
            member_request = cast(MemberRequest, request)
            member_request.memberships = memberships
            member_request.membership = _chosen(request, memberships)
            logs.bind(account_id=member_request.membership.account_id, user_id=user.pk)
            if permission is not None and not has_permission(member_request.membership, permission):
                return refuse_role(member_request)
            return view(member_request, *args, **kwargs)

        return login_required(checked)

    return decorate


def person_page(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Decorates a page about the signed-in user. It also works for users without an account, such as operators."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        user = cast(User, request.user)
        note_session(request, user=user)
        memberships = list(list_memberships(user))
        if memberships:
            member_request = cast(MemberRequest, request)
            member_request.memberships = memberships
            member_request.membership = _chosen(request, memberships)
        logs.bind(user_id=user.pk)
        return view(request, *args, **kwargs)

    return login_required(checked)


def choose_account(request: MemberRequest, account: Account) -> None:
    """Makes this the current account from the next request until the user signs out."""
    request.session[SESSION_KEY] = str(account.pk)


def _chosen(request: HttpRequest, memberships: list[Membership]) -> Membership:
    """Returns the current membership.

    Only the user's own memberships are searched, so a session that names an account the user has left falls back to the
    first one.
    """
    account_id = request.session.get(SESSION_KEY)
    return next((one for one in memberships if str(one.account_id) == account_id), memberships[0])


def refuse_role(request: MemberRequest) -> HttpResponse:
    membership = request.membership
    message = f"Your role in {membership.account.name} is {membership.role}. Ask an owner or admin for access."
    return refuse(request, "Your role does not allow this", message)


def refuse(request: HttpRequest, title: str, message: str, *, status: int = 403) -> HttpResponse:
    return render(request, "error.html", {"title": title, "message": message, "status": status}, status=status)


def refuse_with_error(request: HttpRequest, title: str, message: str, error: DomainError) -> HttpResponse:
    """Renders an error page with the status and headers that the API would use."""
    response = refuse(request, title, message, status=error.status)
    for name, value in error.headers.items():
        response.headers[name] = value
    return response

"""Which account a signed-in person looks at, and whether their role lets them: how every signed-in page begins."""

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
    """A request of a person in an account. `memberships` are all of theirs, `membership` is the chosen one."""

    membership: Membership
    memberships: list[Membership]


def member_page(
    permission: Permission | None = None,
) -> Callable[[Callable[..., HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """A page for members, or for those of them who have `permission`.

    Anonymous callers are sent to sign in; who belongs to no account, or may not, gets a 403.
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
    """A page about whoever is signed in, also for those who belong to no account, as operators."""

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
    """From the next request on, until they sign out."""
    request.session[SESSION_KEY] = str(account.pk)


def _chosen(request: HttpRequest, memberships: list[Membership]) -> Membership:
    """Asked among the person's own memberships only: a session that outlived one of them falls back to the first."""
    account_id = request.session.get(SESSION_KEY)
    return next((one for one in memberships if str(one.account_id) == account_id), memberships[0])


def refuse_role(request: MemberRequest) -> HttpResponse:
    membership = request.membership
    message = f"Your role in {membership.account.name} is {membership.role}. Ask an owner or admin for access."
    return refuse(request, "Your role does not allow this", message)


def refuse(request: HttpRequest, title: str, message: str, *, status: int = 403) -> HttpResponse:
    return render(request, "error.html", {"title": title, "message": message, "status": status}, status=status)


def refuse_with_error(request: HttpRequest, title: str, message: str, error: DomainError) -> HttpResponse:
    """The page of a refusal with the status and the headers that the API would answer with."""
    response = refuse(request, title, message, status=error.status)
    for name, value in error.headers.items():
        response.headers[name] = value
    return response

"""The page of an invitation: join as the signed-in user, or sign up."""

from typing import cast

from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.errors import TeamRefused
from accounts.forms.team import FirstPasswordForm
from accounts.membership import SESSION_KEY
from accounts.models import Invitation, Membership, User
from accounts.selectors import find_invitation
from accounts.services.invitations import accept_as_new_person, accept_invitation

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sensitive_post_parameters("password")
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Shows a button, because mail scanners follow links.

    Only someone with the link learns if the address has a user.
    """
    row = find_invitation(token)
    if row is None:
        return _page(request, {"is_over": True}, status=404)
    if request.user.is_authenticated:
        return _as_member(request, row, token)
    if User.objects.filter(email__iexact=row.email).exists():
        return _page(request, {"invitation": row, "has_to_sign_in": True})
    return _as_new_person(request, row, token)


def _as_member(request: HttpRequest, row: Invitation, token: str) -> HttpResponse:
    user = cast(User, request.user)
    context = {"invitation": row, "is_for_another": row.email != user.email.lower()}
    if request.method != "POST":
        return _page(request, context)
    try:
        return _welcome(request, accept_invitation(token=token, user=user))
    except TeamRefused as error:
        return _page(request, context | {"problem": error.message}, status=error.status)


def _as_new_person(request: HttpRequest, row: Invitation, token: str) -> HttpResponse:
    form = FirstPasswordForm(request.POST if request.method == "POST" else None, email=row.email)
    if request.method == "POST" and form.is_valid():
        try:
            membership = accept_as_new_person(token=token, password=form.cleaned_data["password"])
        except TeamRefused as error:
            form.add_error(None, error.message)
        else:
            login(request, membership.user, backend=BACKEND)
            return _welcome(request, membership)
    return _page(request, {"invitation": row, "form": form})


def _welcome(request: HttpRequest, membership: Membership) -> HttpResponse:
    request.session[SESSION_KEY] = str(membership.account_id)
    messages.success(request, f"You joined {membership.account.name} as {membership.role}.")
    return redirect("overview")


def _page(request: HttpRequest, context: dict[str, object], status: int = 200) -> HttpResponse:
    return render(request, "accounts/invitation.html", context, status=status)

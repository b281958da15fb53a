"""The team page: members, invitations, roles, removing, leaving, transferring ownership."""

import uuid

from allauth.core import ratelimit
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts.errors import TeamRefused
from accounts.forms.team import InviteForm, RoleForm, TransferForm
from accounts.mails import mail_invitation
from accounts.membership import MemberRequest, member_page, refuse_role
from accounts.models import Invitation, Membership, Role
from accounts.permissions import has_permission
from accounts.reauthentication import is_confirmed, second_factor_first
from accounts.selectors import list_invitations, list_members
from accounts.services.audit import Actor
from accounts.services.invitations import invite, renew_invitation, withdraw_invitation
from accounts.services.team import change_role, remove_member, transfer_ownership

TOO_MANY = "Invitation limit exceeded: 50 per day. Try again tomorrow."


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@member_page()
def team(request: MemberRequest) -> HttpResponse:
    """Lists the members; a POST invites someone."""
    may_manage = has_permission(request.membership, "manage_members")
    form = InviteForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        if not may_manage:
            return refuse_role(request)
        if form.is_valid() and _invite(request, form):
            return redirect("team")
    account = request.membership.account
    context = {
        "account": account,
        "form": form if may_manage else None,
        "members": list_members(account=account),
        "invitations": list_invitations(account=account) if may_manage else [],
        "me": request.membership,
        "is_owner": request.membership.role == Role.OWNER,
    }
    return render(request, "accounts/team.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@member_page("manage_members")
def member(request: MemberRequest, member_id: int) -> HttpResponse:
    """Changes a member's role or removes them. Members of other accounts are a 404, and so is the owner."""
    others = list_members(account=request.membership.account).exclude(role=Role.OWNER)
    row = get_object_or_404(others, pk=member_id)
    form = RoleForm(request.POST or None, initial={"role": row.role})
    actor = Actor.of_member(request.membership)
    try:
        if request.method == "POST" and "remove" in request.POST:
            remove_member(member=row, actor=actor)
            messages.success(request, f"{row.user.email} was removed from the team.")
            return redirect("team")
        if request.method == "POST" and form.is_valid():
            role = Role(form.cleaned_data["role"])
            change_role(member=row, role=role, actor=actor)
            messages.success(request, f"{row.user.email} now has the role {role}.")
            return redirect("team")
    except TeamRefused as error:
        messages.error(request, error.message)
        return redirect("team")
    return render(request, "accounts/member.html", {"member": row, "form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@member_page()
def leave(request: MemberRequest) -> HttpResponse:
    if request.method != "POST":
        is_owner = request.membership.role == Role.OWNER
        return render(request, "accounts/leave.html", {"account": request.membership.account, "is_owner": is_owner})
    try:
        remove_member(member=request.membership, actor=Actor.of_member(request.membership))
    except TeamRefused as error:
        messages.error(request, error.message)
        return redirect("team")
    messages.success(request, f"You left {request.membership.account.name}.")
    return redirect("overview")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sensitive_post_parameters("current")
@member_page("manage_account")
@second_factor_first()
def transfer(request: MemberRequest) -> HttpResponse:
    """Transfers ownership to another member. The owner becomes an admin and has to enter the password."""
    form = TransferForm(request.POST if request.method == "POST" else None, owner=request.membership)
    if request.method == "POST" and is_confirmed(request, form):
        to: Membership = form.cleaned_data["to"]
        try:
            transfer_ownership(owner=request.membership, to=to, actor=Actor.of_member(request.membership))
        except TeamRefused as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, f"{to.user.email} now owns {to.account.name}. You are now an admin.")
            return redirect("team")
    return render(request, "accounts/transfer.html", {"form": form, "account": request.membership.account})


@require_POST
@member_page("manage_members")
def resend(request: MemberRequest, invitation_id: uuid.UUID) -> HttpResponse:
    row = _invitation_or_404(request, invitation_id)
    if not ratelimit.consume(request, action="invite", key=str(row.account_id)):
        messages.error(request, TOO_MANY)
        return redirect("team")
    try:
        token = renew_invitation(invitation=row, actor=Actor.of_member(request.membership))
    except TeamRefused as error:
        messages.error(request, error.message)
    else:
        _say_sent(request, row, is_sent=mail_invitation(row, token))
    return redirect("team")


@require_POST
@member_page("manage_members")
def withdraw(request: MemberRequest, invitation_id: uuid.UUID) -> HttpResponse:
    row = _invitation_or_404(request, invitation_id)
    if withdraw_invitation(invitation=row, actor=Actor.of_member(request.membership)):
        messages.success(request, f"The invitation to {row.email} was revoked. Its link no longer works.")
    return redirect("team")


def _invite(request: MemberRequest, form: InviteForm) -> bool:
    """Sends an invitation. Returns False if it was refused; the form then has the error."""
    account = request.membership.account
    if not ratelimit.consume(request, action="invite", key=str(account.pk)):
        form.add_error(None, TOO_MANY)
        return False
    email, role = form.cleaned_data["email"], Role(form.cleaned_data["role"])
    try:
        row, token = invite(account=account, email=email, role=role, actor=Actor.of_member(request.membership))
    except TeamRefused as error:
        form.add_error("email", error.message)
        return False
    _say_sent(request, row, is_sent=mail_invitation(row, token))
    return True


def _say_sent(request: MemberRequest, row: Invitation, *, is_sent: bool) -> None:
    if is_sent:
        messages.success(request, f"Invitation sent to {row.email}. It expires in seven days.")
    else:
        messages.error(
            request,
            "The mail server rejected the invitation email. The invitation is saved; send it again in a minute.",
        )


def _invitation_or_404(request: MemberRequest, invitation_id: uuid.UUID) -> Invitation:
    """Returns an invitation. Invitations of other accounts and unknown ones are a 404."""
    rows = Invitation.objects.for_account(request.membership.account).select_related("account")
    row = rows.filter(pk=invitation_id).first()
    if row is None:
        raise Http404
    return row

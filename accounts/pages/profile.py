"""The settings page: the user's email and password, and the account's name."""

from contextlib import suppress
from typing import Any, cast

from allauth.account.adapter import get_adapter
from allauth.core import ratelimit
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.errors import EmailTaken, NothingToChange
from accounts.forms.profile import AccountForm, EmailForm, PasswordForm
from accounts.mails import mail_person, send_mail
from accounts.membership import MemberRequest, member_page, person_page
from accounts.models import User
from accounts.permissions import has_permission
from accounts.reauthentication import is_confirmed, is_second_factor_due, second_factor_first
from accounts.services.audit import Actor
from accounts.services.profile import (
    change_email,
    change_password,
    email_change_token,
    find_email_change,
    rename_account,
    set_retention,
)
from accounts.services.sessions import end_other_sessions, renew_session


@require_safe
@never_cache
@person_page
def profile(request: HttpRequest) -> HttpResponse:
    return _page(request)


@require_POST
@never_cache
@sensitive_post_parameters("current")
@person_page
@second_factor_first("settings")
def new_email(request: HttpRequest) -> HttpResponse:
    """Starts an email change. Free and taken addresses get the same answer, and an email each.

    The old address stays valid until the link is followed.
    """
    user = cast(User, request.user)
    form = EmailForm(request.POST, user=user, auto_id="email_%s")
    if not is_confirmed(request, form):
        return _page(request, email_form=form)
    email = form.cleaned_data["email"]
    if not ratelimit.consume(request, action="confirm_email", key=email):
        form.add_error(
            "email", "We have just sent an email to this address. Wait three minutes before you request another."
        )
        return _page(request, email_form=form)
    if User.objects.filter(email__iexact=email).exists():
        get_adapter().send_account_already_exists_mail(email)
    else:
        url = f"{settings.PUBLIC_URL}/settings/email/{email_change_token(user=user, new_email=email)}"
        send_mail("accounts/email/new_email", to=email, subject="Confirm your new email address", context={"url": url})
    messages.success(request, f"We sent an email to {email}. Open the link in it to confirm the change.")
    return redirect("settings")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def confirm_new_email(request: HttpRequest, token: str) -> HttpResponse:
    """Opened by the email's link. Shows a button, because mail scanners follow links.

    The link proves that the user reads this mailbox.
    """
    change = find_email_change(token)
    context: dict[str, Any] = {"change": change}
    if change is not None and request.method == "POST":
        try:
            old = change_email(change=change)
        except (EmailTaken, NothingToChange) as error:
            context = {"change": None, "problem": error.message}
        else:
            send_mail("accounts/email/email_changed", to=old, subject="Your email address was changed", context={})
            messages.success(request, f"Your email address is now {change.new_email}.")
            return redirect("settings")
    return render(request, "accounts/confirm_new_email.html", context, status=200 if context["change"] else 404)


@require_POST
@never_cache
@sensitive_post_parameters("current", "password")
@person_page
@second_factor_first("settings")
def new_password(request: HttpRequest) -> HttpResponse:
    """Changes the password and ends the user's other sessions."""
    user = cast(User, request.user)
    form = PasswordForm(request.POST, user=user, auto_id="password_%s")
    if not is_confirmed(request, form):
        return _page(request, password_form=form)
    change_password(user=user, password=form.cleaned_data["password"])
    renew_session(request)
    update_session_auth_hash(request, user)
    end_other_sessions(user=user, keep=request.session.session_key)
    mail_person(user, "password_changed", subject="Your password was changed")
    messages.success(request, "Your password was changed. You have been signed out everywhere else.")
    return redirect("settings")


@require_POST
@member_page("edit_account")
def edit_account(request: MemberRequest) -> HttpResponse:
    form = AccountForm(request.POST)
    if not form.is_valid():
        return _page(request, account_form=form)
    account, actor, data = request.membership.account, Actor.of_member(request.membership), form.cleaned_data
    with suppress(NothingToChange):
        rename_account(account=account, name=data["name"], actor=actor)
    with suppress(NothingToChange):
        set_retention(account=account, days=data["retention_days"], actor=actor)
    messages.success(request, "Saved.")
    return redirect("settings")


def _page(request: HttpRequest, **forms: Form) -> HttpResponse:
    user = cast(User, request.user)
    membership = getattr(request, "membership", None)
    context: dict[str, Any] = {
        "email_form": EmailForm(user=user, auto_id="email_%s"),
        "password_form": PasswordForm(user=user, auto_id="password_%s"),
        "is_second_factor_due": is_second_factor_due(request),
    }
    if membership is not None and has_permission(membership, "edit_account"):
        account = membership.account
        context |= {
            "account_form": AccountForm(initial={"name": account.name, "retention_days": account.retention_days})
        }
    return render(request, "accounts/profile.html", context | forms)

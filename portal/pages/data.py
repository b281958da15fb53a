"""The data page of the settings: export of all account data as one file, and deletion of the account."""

import uuid
from datetime import timedelta

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.errors import NothingToChange
from accounts.forms.team import DeletionForm
from accounts.mails import in_subject, mail_owners
from accounts.membership import MemberRequest, member_page
from accounts.reauthentication import is_confirmed, second_factor_first
from accounts.services.account_deletion import ask_for_deletion, keep_account
from accounts.services.audit import Actor
from tts.account_data.exports import ask_for_export, find_export
from tts.models import AccountExport
from tts.storage import store

LINK = timedelta(minutes=15)  # how long the URL of a download can be opened


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@member_page("manage_account")
def data(request: MemberRequest) -> HttpResponse:
    """Shows the exports to the owner. POST requests a new one."""
    account = request.membership.account
    if request.method == "POST":
        if ask_for_export(account=account, actor=Actor.of_member(request.membership)) is None:
            messages.error(request, "An export is already being created. You will get an email when it is ready.")
        else:
            messages.success(request, "Your export is being created. You will get an email when it is ready.")
        return redirect("account_data")
    exports = AccountExport.objects.for_account(account).order_by("-created_at")
    context = {
        "account": account,
        "exports": exports,
        "is_in_progress": any(not row.is_finished for row in exports),
    }
    return render(request, "tts/data.html", context)


@require_safe
@never_cache
@member_page("manage_account")
def download_export(request: MemberRequest, export_id: uuid.UUID) -> HttpResponse:
    """Redirects to a fresh signed URL. Returns 404 for another account's export, or an expired one."""
    row = find_export(account=request.membership.account, export_id=export_id)
    if row is None:
        raise Http404
    base_url = request.build_absolute_uri("/").rstrip("/")
    return redirect(store.signed_url(row.get_store_key(row.attempt), base_url=base_url, lasts=LINK).url)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sensitive_post_parameters("current")
@member_page("manage_account")
@second_factor_first()
def delete(request: MemberRequest) -> HttpResponse:
    """Explains what is deleted and what is kept. POST, with account name and password, schedules the deletion."""
    account = request.membership.account
    if account.is_closing:
        return redirect("account_data")
    form = DeletionForm(request.POST if request.method == "POST" else None, owner=request.membership)
    if request.method == "POST" and is_confirmed(request, form):
        try:
            due_at = ask_for_deletion(account=account, actor=Actor.of_member(request.membership))
        except NothingToChange:  # submitted twice
            return redirect("account_data")
        subject = f"{in_subject(account.name)} will be deleted"
        mail_owners(account, "tts/email/deletion_asked", subject=subject, context={"due_at": due_at})
        return redirect("account_data")
    return render(request, "tts/delete_account.html", {"account": account, "form": form})


@require_POST
@member_page("manage_account")
def keep(request: MemberRequest) -> HttpResponse:
    account = request.membership.account
    try:
        keep_account(account=account, actor=Actor.of_member(request.membership))
    except NothingToChange as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"{account.name} will not be deleted. Its API keys work again.")
    return redirect("account_data")

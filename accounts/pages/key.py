"""Pages of one API key: rotate its secret, edit its name and scopes."""

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from accounts.errors import KeyRotatedAlready
from accounts.forms.auth import KeyForm, RotationForm
from accounts.membership import MemberRequest, member_page
from accounts.models import ApiKey
from accounts.pages.keys import ON_THE_PAGE
from accounts.services.audit import Actor
from accounts.services.key_changes import edit_key, end_old_secret, rotate_key
from config.errors import ValidationFailed


class EditForm(KeyForm):
    """Edits the name and scopes."""

    field_order = ("name", "scopes")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("expires", "expires_on", "token"):
            del self.fields[name]

    def clean(self) -> dict[str, Any]:
        return self.cleaned_data


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@member_page("manage_keys")
@sensitive_variables("secret")
def rotate(request: MemberRequest, key_id: uuid.UUID) -> HttpResponse:
    """Asks how long the old secret keeps working. A POST rotates and shows the new secret in this response only."""
    api_key = _get_or_404(request, key_id)
    if not api_key.is_usable:
        messages.error(request, f"“{api_key.name}” has expired or was revoked. Create a new key instead.")
        return redirect("keys")
    form = RotationForm(request.POST or None, initial={"last_four": api_key.last_four})
    secret = ""
    if request.method == "POST" and form.is_valid():
        try:
            secret = rotate_key(
                api_key=api_key,
                last_four=form.cleaned_data["last_four"],
                overlap_hours=form.cleaned_data["overlap_hours"],
                actor=Actor.of_member(request.membership),
                reason=ON_THE_PAGE,
            )
        except KeyRotatedAlready as error:
            form.add_error(None, error.message)
        api_key.refresh_from_db()
    return render(request, "accounts/rotate_key.html", {"key": api_key, "form": form, "secret": secret})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@member_page("manage_keys")
def edit(request: MemberRequest, key_id: uuid.UUID) -> HttpResponse:
    api_key = _get_or_404(request, key_id)
    initial = {"name": api_key.name, "scopes": api_key.scopes}
    form: forms.Form = EditForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            edit_key(
                api_key=api_key,
                name=form.cleaned_data["name"],
                scopes=form.cleaned_data["scopes"],
                actor=Actor.of_member(request.membership),
                reason=ON_THE_PAGE,
            )
        except ValidationFailed as error:
            for field, problems in error.details.items():
                form.add_error(field, problems)
        else:
            messages.success(request, "Saved. The change applies to the key's next request.")
            return redirect("keys")
    return render(request, "accounts/edit_key.html", {"key": api_key, "form": form})


@require_POST
@member_page("manage_keys")
def end_old(request: MemberRequest, key_id: uuid.UUID) -> HttpResponse:
    """Revokes the previous secret before its time."""
    api_key = _get_or_404(request, key_id)
    if end_old_secret(api_key=api_key, actor=Actor.of_member(request.membership), reason=ON_THE_PAGE):
        messages.success(request, f"The old secret of “{api_key.name}” no longer works.")
    return redirect("keys")


def _get_or_404(request: MemberRequest, key_id: uuid.UUID) -> ApiKey:
    """Returns a key. Keys of other accounts, revoked keys and unknown keys are a 404."""
    return get_object_or_404(ApiKey.objects.for_account(request.membership.account), pk=key_id, revoked_at=None)

"""`/keys/<id>/limits`: what a key may spend in a month, on which voices, and from where."""

import re
import uuid
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.membership import MemberRequest, member_page
from accounts.models import ApiKey
from accounts.services.audit import Actor
from billing.forms import positive_credits
from billing.money import format_credits, format_need
from billing.months import get_month, next_month
from billing.selectors import spent_this_month
from billing.services.key_limits import set_key_limits
from config.errors import ValidationFailed

ON_THE_PAGE = "By the customer, on the key's page."  # in the audit trail


class KeyLimitsForm(forms.Form):
    """The limits of a key. An empty field means no limit."""

    monthly_cap = forms.CharField(
        label="Monthly cap, credits",
        max_length=20,
        required=False,
        help_text="Per calendar month, UTC. Leave empty to limit spending only by the balance.",
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    providers = forms.MultipleChoiceField(
        label="Allowed providers",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": "Choose an option from the list."},
    )
    voices = forms.CharField(
        label="Allowed voices",
        max_length=40_000,
        required=False,
        help_text=(
            "Voice IDs such as espeak:en-GB-eSpeak-Lee, one per line. "
            "To allow all voices, select no provider and leave this empty."
        ),
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "autocomplete": "off"}),
    )
    networks = forms.CharField(
        label="Allowed IP addresses",
        max_length=4_000,
        required=False,
        help_text="Addresses or networks such as 203.0.113.0/24, one per line. Leave empty to allow all addresses.",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "autocomplete": "off"}),
    )

    def __init__(self, data: Any = None, *, api_key: ApiKey) -> None:
        cap = api_key.monthly_cap_microcredits
        initial = {
            "monthly_cap": "" if cap is None else format_credits(cap),
            "providers": api_key.allowed_providers,
            "voices": "\n".join(api_key.allowed_voices),
            "networks": "\n".join(api_key.allowed_networks),
        }
        super().__init__(data, initial=initial)
        self.label_suffix = ""
        # Include providers that have been removed from the settings, so that they can be seen and unchecked.
        names = dict.fromkeys([*settings.SPEECH_ENGINES, *api_key.allowed_providers])
        self.fields["providers"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]

    def clean_monthly_cap(self) -> int | None:
        text = self.cleaned_data["monthly_cap"]
        return positive_credits(text) if text else None

    def clean_voices(self) -> list[str]:
        return _lines(self.cleaned_data["voices"])

    def clean_networks(self) -> list[str]:
        return _lines(self.cleaned_data["networks"])


def _lines(text: str) -> list[str]:
    """Splits at line breaks and commas."""
    return [part for part in re.split(r"[\s,]+", text) if part]


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@member_page("manage_keys")
def key_limits(request: MemberRequest, key_id: uuid.UUID) -> HttpResponse:
    """Shows and saves the limits. Keys of other accounts, revoked keys and unknown keys are a 404."""
    keys = ApiKey.objects.for_account(request.membership.account).filter(revoked_at=None)
    api_key = get_object_or_404(keys, pk=key_id)
    form = KeyLimitsForm(request.POST if request.method == "POST" else None, api_key=api_key)
    if form.is_bound and form.is_valid() and _save(api_key, form, Actor.of_member(request.membership)):
        messages.success(request, f"“{api_key.name}” was updated. The limits apply from the key's next request.")
        return redirect("keys")
    month = get_month(timezone.now())
    context = {
        "key": api_key,
        "form": form,
        "spent": format_need(spent_this_month(api_key)),
        "renews": next_month(month),
    }
    return render(request, "billing/key_limits.html", context)


def _save(api_key: ApiKey, form: KeyLimitsForm, actor: Actor) -> bool:
    """Saves the limits. Returns False if they were refused; the form then has the error."""
    try:
        set_key_limits(
            api_key=api_key,
            monthly_cap_microcredits=form.cleaned_data["monthly_cap"],
            providers=form.cleaned_data["providers"],
            voices=form.cleaned_data["voices"],
            networks=form.cleaned_data["networks"],
            actor=actor,
            reason=ON_THE_PAGE,
        )
    except ValidationFailed as error:
        for field, problems in error.details.items():
            form.add_error(field, problems)
        return False
    return True

"""The API keys of an account, and the account switcher."""

from dataclasses import dataclass

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from accounts.errors import KeyMadeAlready, TooManyKeys
from accounts.forms.auth import KeyForm
from accounts.membership import MemberRequest, choose_account, member_page, refuse, refuse_role
from accounts.models import Account, ApiKey
from accounts.permissions import has_permission
from accounts.selectors import count_usable_keys, list_keys
from accounts.services.api_keys import MAX_USABLE_KEYS, issue_key, revoke_key
from accounts.services.audit import Actor
from config.errors import ValidationFailed

KEYS_ON_A_PAGE = 25
ON_THE_PAGE = "By the customer, on the keys page."  # in the audit trail


@dataclass(frozen=True, slots=True)
class FreshKey:
    """A new key, for the only response that shows it."""

    row: ApiKey
    key: str


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@member_page("view_keys")
@sensitive_variables("fresh")
def keys(request: MemberRequest) -> HttpResponse:
    """Lists the keys. A POST creates one and shows it in this response: a redirect would have to store it somewhere."""
    account = request.membership.account
    may_manage = has_permission(request.membership, "manage_keys")
    why_none = why_no_keys(account)
    form: KeyForm | None = KeyForm() if may_manage and not why_none else None
    fresh: FreshKey | None = None
    if request.method == "POST":
        if not may_manage:
            return refuse_role(request)
        if why_none:
            return refuse(request, "The key was not created", why_none)
        form = KeyForm(request.POST)
        fresh = _issue(account, form, Actor.of_member(request.membership))
        form = KeyForm() if fresh else form
    page = Paginator(list_keys(account=account), KEYS_ON_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "fresh": fresh,
        "page": page,
        "usable_count": count_usable_keys(account=account),
        "max_usable": MAX_USABLE_KEYS,
        "may_manage": may_manage,
        "why_none": why_none,
    }
    return render(request, "accounts/keys.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@member_page("manage_keys")
def revoke(request: MemberRequest, key_id: str) -> HttpResponse:
    """Asks for confirmation; a POST revokes the key. Keys of other accounts and unknown keys are a 404."""
    api_key = get_object_or_404(ApiKey.objects.for_account(request.membership.account), pk=key_id)
    if request.method == "POST":
        revoke_key(api_key=api_key, actor=Actor.of_member(request.membership), reason=ON_THE_PAGE)
        messages.success(request, f"“{api_key.name}” is revoked. Requests with it are now rejected.")
    elif api_key.revoked_at is None:
        return render(request, "accounts/revoke_key.html", {"key": api_key})
    return redirect("keys")


@require_POST
@member_page()
def switch_account(request: MemberRequest) -> HttpResponse:
    """Switches to another account of the same user; any other account is a 404."""
    wanted = request.POST.get("account", "")
    account = next((one.account for one in request.memberships if str(one.account_id) == wanted), None)
    if account is None:
        raise Http404
    choose_account(request, account)
    return redirect("overview")


def why_no_keys(account: Account) -> str:
    """Returns why this account cannot have API keys, or "" if it can."""
    if account.is_suspended:
        return f"{account.name} is suspended. Contact support."
    if account.is_closing:
        return account.blocked_reason
    if not account.plan.allows_api:
        plan = account.plan.name
        way = (
            "The first credits you buy" if settings.STRIPE_API_KEY else "Credits from the administrator of this server"
        )
        return f"The {plan} plan does not include API keys. {way} unlock the API."
    return ""


def _issue(account: Account, form: KeyForm, actor: Actor) -> FreshKey | None:
    """Issues a key. Returns None if it was refused; the form then has the error."""
    if not form.is_valid():
        return None
    try:
        return FreshKey(
            *issue_key(
                account=account,
                name=form.cleaned_data["name"],
                actor=actor,
                reason=ON_THE_PAGE,
                scopes=form.cleaned_data["scopes"],
                expires_at=form.expires_at(),
                form_token=form.cleaned_data["token"],
            )
        )
    except ValidationFailed as error:
        for field, problems in error.details.items():
            form.add_error(field, problems)
    except (TooManyKeys, KeyMadeAlready) as error:
        form.add_error(None, error.message)
    return None

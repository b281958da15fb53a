"""Where a small form leads back to: the page it stood on."""

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme


def get_safe_redirect(request: HttpRequest, *, default: str) -> str:
    """The form's `next` when it is an address of ours; else the page of that name."""
    target = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
    return target if is_ours else reverse(default)

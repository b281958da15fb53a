"""Redirects a small form back to the page that contains it."""

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme


def get_safe_redirect(request: HttpRequest, *, default: str) -> str:
    """Returns the form's `next` if it is one of our own URLs, else the URL of the default page."""
    target = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
    return target if is_ours else reverse(default)

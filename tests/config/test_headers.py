"""What every page tells the browser, and how its cookies may travel."""

import pytest
from django.test import Client

from tests.factories import PASSWORD, make_account, make_user

pytestmark = pytest.mark.django_db


# Where the address is a secret, too: with no-referrer a browser hides the origin of a form, which is then refused.
PAGES = (
    "/", "/sign-in", "/reset-password", "/nowhere", "/docs/api", "/admin/login/", "/keys", "/invitations/x",
    "/settings/email/x", "/confirm-email/x", "/reset-password/x-y",
)  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_framed_by_nobody_and_asks_nobody_else(path: str):
    headers = Client().get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["object-src"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Permissions-Policy"] == "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


@pytest.mark.parametrize("path", ["/", "/sign-in", "/docs/api", "/keys", "/api/v1/voices"])
def test_no_script_or_style_is_taken_from_the_page_itself(path: str):
    assert "unsafe" not in Client().get(path).headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/", "/docs/api", "/docs/quickstart", "/voices", "/nowhere"])
def test_a_page_is_kept_in_no_shared_cache(path: str):
    assert Client().get(path).headers["Cache-Control"] == "private, no-cache"


def test_cookies_are_for_this_site_and_for_no_script():
    make_user("alice@acme.example", make_account())
    client = Client()
    client.get("/sign-in")
    client.post("/sign-in", {"login": "alice@acme.example", "password": PASSWORD})
    assert set(client.cookies) == {"csrftoken", "sessionid"}
    for cookie in client.cookies.values():
        assert (cookie["httponly"], cookie["samesite"], cookie["domain"]) == (True, "Lax", "")

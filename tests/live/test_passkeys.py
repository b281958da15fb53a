"""Passkeys in a real browser with a virtual authenticator: made, used alone, used beside the password, removed."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.live.browsing import PASSWORD, link_in_mail, needs_browser, page_of, sign_up
from tests.live.service import Service

EMAIL = "pia@acme.example"

pytestmark = needs_browser


@pytest.fixture
def page(browser: Browser, service: Service) -> Page:
    """By the name of this machine: there are no passkeys for an address like 127.0.0.1."""
    page = page_of(browser, service, javascript=True, url=service.url.replace("127.0.0.1", "localhost"))
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return page


def sign_out(page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name="Sign out").click()
    page.goto("/sign-in")


def sign_in_by_password(page: Page) -> None:
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_a_passkey_from_the_first_to_the_last(page: Page, browser: Browser, service: Service):
    sign_up(page_of(browser, service, javascript=False), service, EMAIL, "Passkeys")
    page.goto("/sign-in")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("The passkey request was cancelled or timed out")
    assert page.url.endswith("/sign-in")
    sign_in_by_password(page)
    expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()
    page.goto("/settings/security")
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Name").fill("This laptop")
    page.get_by_role("button", name="Create passkey").click()
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    page.get_by_role("link", name="I have saved the codes").click()
    expect(page.get_by_role("row", name="This laptop")).to_contain_text("not yet")
    assert link_in_mail(service, EMAIL, "/settings/security")

    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_role("button", name="Create passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("You already have a passkey on this device")

    sign_out(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()

    sign_out(page)
    sign_in_by_password(page)
    expect(page.get_by_role("heading", name="Use your passkey")).to_be_visible()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()

    page.goto("/settings/security")
    page.get_by_role("link", name="Remove… This laptop").click()
    expect(page.get_by_role("heading", name="Confirm your identity")).to_be_visible()
    page.get_by_role("button", name="Use a passkey").click()
    page.get_by_role("button", name="Remove passkey").click()
    expect(page.get_by_text("was removed and no longer works")).to_be_visible()
    expect(page.get_by_role("row", name="This laptop")).to_have_count(0)
    assert page.problems == []  # type: ignore[attr-defined]

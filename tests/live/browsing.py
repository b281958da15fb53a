"""A real browser for the live tests, and the mails that lead it on."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.live.service import Service
from tests.support.totp import code_of
from tests.support.waiting import wait_for

CHROMIUM = Path("/usr/bin/chromium")
PASSWORD = "correct horse battery staple"

expect.set_options(timeout=30_000)  # ms; a machine that is busy with other tests is slow

needs_browser = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no browser at {CHROMIUM}")


def page_of(browser: Browser, service: Service, *, javascript: bool, url: str = "") -> Page:
    page = browser.new_context(base_url=url or service.url, java_script_enabled=javascript).new_page()
    page.set_default_timeout(30_000)
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.problems = problems  # type: ignore[attr-defined]
    return page


def link_in_mail(service: Service, email: str, beginning: str) -> str:
    def find() -> str:
        for file in (service.data_dir / "mail").glob("*"):
            mail = file.read_text()
            if f"To: {email}\n" in mail and (match := re.search(rf"{re.escape(service.url)}{beginning}\S+", mail)):
                return match[0]
        return ""

    return wait_for(find, f"a mail with a link to {beginning}")


def set_up_an_app(page: Page, password: str) -> None:
    """From where staff without a second factor are led, to the page with the recovery codes."""
    expect(page.get_by_role("heading", name="Set up a second factor")).to_be_visible()
    page.get_by_role("link", name="Set up an authenticator app").click()
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Code").fill(code_of(page.get_by_label("Secret").input_value()))
    page.get_by_role("button", name="Turn on").click()


def sign_up(page: Page, service: Service, email: str, account: str) -> None:
    """To the overview, with the address confirmed."""
    page.goto("/")
    page.get_by_role("link", name="Sign up").click()
    page.get_by_label("Email").fill(email)
    page.get_by_label("Account name").fill(account)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", name="Check your email")).to_be_visible()
    page.goto(link_in_mail(service, email, "/confirm-email/"))
    page.get_by_role("button", name="Confirm email address").click()
    expect(page).to_have_url(f"{service.url}/overview")

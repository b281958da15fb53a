"""The pages under /admin in a real browser: they work under their policy, with nothing in the console."""

from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from accounts.models import Account, User
from tests.factories import PASSWORD, make_job, make_key, make_user
from tts.models import JobStatus

CHROMIUM = Path("/usr/bin/chromium")
sync_api = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed")


def test_an_administrator_finds_a_customer_and_gives_credits(
    committed_db: None, account: Account, ada: User, voices: None, live_server: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright's own loop runs in this thread
    make_user("alice@acme.example", account)
    make_key(account)
    job = make_job(account, status=JobStatus.FAILED)
    problems: list[str] = []
    with sync_api.sync_playwright() as playwright, override_settings(ALLOWED_HOSTS=["localhost"]):
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 375, "height": 800})
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(f"{live_server.url}/admin/")
        page.get_by_label("Email").fill("ada@staff.example")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        for path in ("/admin/accounts/account/", "/admin/tts/job/", f"/admin/tts/job/{job.pk}/change/", "/admin/"):
            page.goto(f"{live_server.url}{path}")
            assert page.evaluate("document.documentElement.scrollWidth") <= 375, path
        page.get_by_label("Find a customer").fill("alice@acme.example")
        page.get_by_role("button", name="Search").click()
        page.get_by_role("link", name="Acme", exact=True).click()
        page.get_by_role("link", name="Adjust credits").click()
        page.get_by_label("Credits").fill("2.5")
        page.get_by_label("Reason").fill("An apology.")
        page.get_by_role("button", name="Adjust credits").click()
        page.get_by_text("2.5 credits added.").wait_for()
        browser.close()
    assert problems == []
    account.balance.refresh_from_db()
    assert account.balance.available_microcredits == 102_500_000

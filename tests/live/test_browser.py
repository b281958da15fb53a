"""The way of a customer, in a real browser: sign up, confirm by mail, make a key, use it, see it used, revoke it.

In between an operator changes the plan and gives credits, in the admin.
"""

import re
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.live.browsing import needs_browser, page_of, set_up_an_app, sign_up
from tests.live.service import VOICE_ID, Service
from tests.support.waiting import wait_for

pytestmark = needs_browser


def grant_payg_and_credits(browser: Browser, service: Service, email: str) -> None:
    """What an operator does in the admin for a customer who asked."""
    operator = f"operator-{uuid4()}@staff.example"
    page = page_of(browser, service, javascript=True)
    page.goto("/admin/")
    password = service.manage_json("create_operator", operator)["password"]
    page.get_by_label("Email").fill(operator)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    if not service.is_one_machine:
        set_up_an_app(page, password)
        page.get_by_role("link", name="Go to the operators' pages").click()
    page.get_by_label("Find a customer").fill(email)
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name=account_name(email), exact=True).click()

    page.get_by_role("link", name="Change plan").click()
    page.get_by_label("Plan").select_option(label="Pay as you go")
    page.get_by_label("Reason").fill("They pay by invoice.")
    page.get_by_role("button", name="Change plan").click()
    page.get_by_role("link", name="Adjust credits").click()
    page.get_by_label("Credits").fill("5")
    page.get_by_label("Reason").fill("Welcome.")
    page.get_by_role("button", name="Adjust credits").click()
    expect(page.get_by_text("5 credits added.")).to_be_visible()
    assert page.problems == []  # type: ignore[attr-defined]
    page.context.close()


def account_name(email: str) -> str:
    return f"Acme of {email.partition('@')[0]}"


@pytest.mark.parametrize("javascript", [True, False], ids=["with script", "without script"])
def test_from_sign_up_to_a_revoked_key(service: Service, browser: Browser, javascript: bool):
    email = f"alice-{uuid4()}@acme.example"
    page = page_of(browser, service, javascript=javascript)

    sign_up(page, service, email, account_name(email))
    expect(page.get_by_role("status")).to_have_text(f"{email} is confirmed.")
    expect(page.get_by_role("main").get_by_text("10.00")).to_be_visible()

    page.get_by_role("link", name="API keys", exact=True).click()
    expect(page.get_by_text("The Free plan does not include API keys.")).to_be_visible()
    expect(page.get_by_role("button", name="Create key")).to_have_count(0)

    grant_payg_and_credits(browser, service, email)

    page.reload()
    page.get_by_label("Name").fill("Museum guide")
    page.get_by_role("button", name="Create key").click()
    key = page.get_by_label("New API key").input_value()
    assert re.fullmatch(r"tts_[0-9A-Za-z]{36}", key)
    expect(page.get_by_role("button", name="Copy")).to_have_count(1 if javascript else 0)
    page.get_by_role("button", name="I have saved it").click()
    assert key not in page.content()
    expect(page.get_by_role("row", name="Museum guide")).to_contain_text("never")

    headers = {"Authorization": f"Bearer {key}"}
    body = {"text": "Welcome to the museum.", "voice_id": VOICE_ID}
    job = httpx.post(f"{service.url}/api/v1/tts", json=body, headers=headers).json()["data"]

    def is_completed() -> bool:
        answer = httpx.get(f"{service.url}{job['poll_url']}", headers=headers).json()["data"]
        return bool(answer["status"] == "completed")

    wait_for(is_completed, "the speech")
    page.reload()
    row = page.get_by_role("row", name="Museum guide")
    expect(row).to_contain_text(re.compile(r"\d\d:\d\d\s"))  # when it was used
    expect(row).not_to_contain_text("never")

    row.get_by_role("link", name="Revoke Museum guide").click()
    expect(page.get_by_text("Requests with this key will be rejected immediately.")).to_be_visible()
    assert httpx.get(f"{service.url}/api/v1/tts", headers=headers).status_code == 200
    page.get_by_role("button", name="Revoke key").click()
    expect(page.get_by_role("status")).to_contain_text("“Museum guide” is revoked.")
    expect(page.get_by_role("row", name="Museum guide")).to_contain_text("Revoked")
    assert httpx.get(f"{service.url}/api/v1/tts", headers=headers).status_code == 401

    page.locator(".side__who summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in").first).to_be_visible()
    page.goto("/keys")
    expect(page).to_have_url(f"{service.url}/sign-in?next=/keys")
    assert page.problems == []  # type: ignore[attr-defined]  # nothing was refused by the content policy


def test_a_second_click_on_the_button_makes_no_second_key(service: Service, browser: Browser):
    email = f"alice-{uuid4()}@acme.example"
    made = service.manage_json("create_account", email, "--plan", "payg")
    page = page_of(browser, service, javascript=True)
    page.goto("/sign-in?next=/keys")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(made["password"])
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_label("Name").fill("Museum guide")
    page.get_by_role("button", name="Create key").dblclick()
    expect(page.get_by_label("New API key")).to_be_visible()
    page.reload()  # the browser sends the form again
    expect(page.get_by_text("This form has already created a key")).to_be_visible()
    expect(page.get_by_role("row", name="Museum guide")).to_have_count(1)

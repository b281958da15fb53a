"""`make run STRIPE=local`, in a real browser: sign up, buy the smallest pack, make a key, spend, see it."""

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.live.browsing import needs_browser, page_of, sign_up
from tests.live.service import VOICE_ID, Service, settings_of_services
from tests.support.waiting import wait_for

pytestmark = [
    needs_browser,
    pytest.mark.skipif(bool(settings_of_services()), reason="DATABASE_URL is set: this is how one machine is tried"),
]


@pytest.fixture(scope="module")
def selling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("selling"), settings={}, program=("-m", "tests.peers.stripe_local"))
    try:
        service.start()
        yield service
    finally:
        service.kill_everything()


def test_a_new_customer_buys_spends_and_sees_both(selling: Service, browser: Browser):
    page = page_of(browser, selling, javascript=True)
    sign_up(page, selling, "ada@acme.example", "Acme")

    page.get_by_role("link", name="Billing", exact=True).click()
    page.get_by_role("radio").first.check()
    page.get_by_role("button", name="Pay with Stripe").click()
    expect(page.get_by_role("heading", name="Pay 10.00 USD")).to_be_visible()
    page.get_by_role("button", name="Pay").click()
    expect(page.get_by_role("heading", name="1,000 credits added")).to_be_visible()
    expect(page.get_by_text("You have 1,010.00 credits.")).to_be_visible()

    page.get_by_role("link", name="API keys", exact=True).click()
    page.get_by_label("Name").fill("Museum guide")
    page.get_by_role("button", name="Create key").click()
    headers = {"Authorization": f"Bearer {page.get_by_label('New API key').input_value()}"}
    body = {"text": "a" * 500, "voice_id": VOICE_ID}
    job = httpx.post(f"{selling.url}/api/v1/tts", json=body, headers=headers)
    assert (job.headers["X-Credits-Charged"], job.headers["X-Credits-Remaining"]) == ("0.05", "1009.95")
    poll_url = f"{selling.url}{job.json()['data']['poll_url']}"
    wait_for(lambda: httpx.get(poll_url, headers=headers).json()["data"]["status"] == "completed", "the speech")

    page.get_by_role("link", name="Ledger").click()
    rows = page.get_by_role("row")
    expect(rows.nth(1)).to_contain_text("Speech by Museum guide")
    expect(rows.nth(1)).to_contain_text("-0.05")
    expect(rows.nth(1)).to_contain_text("1,009.95")
    expect(rows.nth(2)).to_contain_text("Credits bought")
    expect(rows.nth(2)).to_contain_text("+1,000.00")
    page.get_by_role("link", name="Usage").click()
    expect(page.get_by_role("row", name="Museum guide")).to_contain_text("0.05")
    assert page.problems == []  # type: ignore[attr-defined]
    assert selling.manage_json("check_ledger")["mismatches"] == []


@pytest.mark.parametrize("javascript", [True, False])
def test_back_from_stripe_another_pack_is_that_pack(selling: Service, browser: Browser, javascript: bool):
    page = page_of(browser, selling, javascript=javascript)
    sign_up(page, selling, f"eve{javascript}@umbrella.example".lower(), "Umbrella")
    page.goto("/billing")
    token = page.locator("form[action='/billing/buy'] input[name=token]").input_value()
    page.get_by_role("radio").first.check()
    page.get_by_role("button", name="Pay with Stripe").click()
    expect(page.get_by_role("heading", name="Pay 10.00 USD")).to_be_visible()
    page.go_back()
    field = page.locator("form[action='/billing/buy'] input[name=token]")
    field.evaluate("(field, token) => { field.value = token; }", token)  # as a browser that kept the page would
    page.get_by_role("radio").nth(1).check()
    page.get_by_role("button", name="Pay with Stripe").click()
    expect(page.get_by_role("heading", name="Pay 47.50 USD")).to_be_visible()
    page.get_by_role("button", name="Pay").click()
    expect(page.get_by_role("heading", name="5,000 credits added")).to_be_visible()


def test_pro_is_bought_and_its_end_is_seen(selling: Service, browser: Browser):
    page = page_of(browser, selling, javascript=False)
    sign_up(page, selling, "bob@globex.example", "Globex")
    page.goto("/billing")
    page.get_by_role("button", name="Choose Pro").click()
    page.get_by_role("button", name="Pay").click()
    expect(page.get_by_role("heading", name="You are on the Pro plan")).to_be_visible()
    page.goto("/billing")
    expect(page.get_by_text("renews on")).to_be_visible()
    page.get_by_role("button", name="Manage at Stripe").click()
    page.get_by_role("button", name="Cancel at the end of the month").click()
    page.get_by_role("link", name="Back").click()
    expect(page.get_by_text("cancelled, ends on")).to_be_visible()

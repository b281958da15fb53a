"""A day at the desk, in a real browser: speak by stream and hear it, find the job, download it, rotate the key.

And the playground without script, which waits on the page of its job.
"""

from uuid import uuid4

import httpx
from playwright.sync_api import Browser, Page, expect

from tests.live.browsing import needs_browser, page_of
from tests.live.service import VOICE_ID, Service

LOOK_FOR_MILLISECONDS = 60_000

pytestmark = needs_browser


def sign_in(browser: Browser, service: Service, *, javascript: bool) -> tuple[Page, str]:
    """A page of a person with credits and a key, and the key."""
    email = f"alice-{uuid4()}@acme.example"
    made = service.manage_json("create_account", email, "--plan", "payg", "--credits", "25", "--key")
    page = page_of(browser, service, javascript=javascript)
    page.goto("/sign-in?next=/playground")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(made["password"])
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Playground")).to_be_visible()
    return page, made["api_key"]


def test_speak_hear_find_download_and_rotate(service: Service, browser: Browser):
    page, key = sign_in(browser, service, javascript=True)
    text = f"The ferry of {uuid4().hex[:6]} leaves at ten."
    page.get_by_label("Find a voice").fill("annie united states")
    expect(page.get_by_label("Voice", exact=True)).to_have_value(VOICE_ID)
    page.get_by_label("Text", exact=True).fill(text)
    expect(page.locator("#price")).to_contain_text("0.01 credits for 34 characters, leaving 24.99")
    expect(page.locator("#curl-code")).to_contain_text(text)

    page.get_by_role("button", name="Speak").click()
    live = page.locator("#result audio[autoplay]")
    expect(live).to_be_attached(timeout=LOOK_FOR_MILLISECONDS)
    page.wait_for_function(
        "() => document.querySelector('#result audio[autoplay]').currentTime > 0.2", timeout=LOOK_FOR_MILLISECONDS
    )  # it is heard
    expect(page.locator("#result")).to_contain_text("Completed", timeout=LOOK_FOR_MILLISECONDS)
    expect(page.locator("#result .wave")).to_be_visible()
    expect(page.locator("#balance")).to_have_text("24.99")
    expect(page.get_by_label("Text", exact=True)).to_have_value(text)

    page.get_by_label("Text", exact=True).fill(" ")
    page.get_by_role("button", name="Speak").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter a text.")
    expect(page.get_by_role("alert").get_by_role("link")).to_be_focused()

    page.get_by_role("link", name="Jobs", exact=True).click()
    page.get_by_label("Search").fill(text.split()[3])
    page.get_by_role("button", name="Search").click()
    with page.expect_download() as export:
        page.get_by_role("link", name="Export CSV").click()
    assert text in export.value.path().read_text()
    page.get_by_role("link", name=text, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(text)
    page.get_by_role("button", name=f"Play {text}").or_(page.get_by_role("link", name=f"Play {text}")).click()
    page.wait_for_function(
        "() => document.querySelector('[data-player] .on').getAttribute('d') !== ''", timeout=LOOK_FOR_MILLISECONDS
    )
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename.endswith(".mp3")
    assert download.value.path().stat().st_size > 5_000

    page.get_by_role("link", name="API keys", exact=True).click()
    page.get_by_role("link", name="Rotate").click()
    page.get_by_role("button", name="Rotate key").click()
    new_key = page.get_by_label("New secret", exact=True).input_value()
    for secret in (key, new_key):  # both open, for a while
        answer = httpx.get(f"{service.url}/api/v1/tts", headers={"Authorization": f"Bearer {secret}"})
        assert answer.status_code == 200
    assert page.problems == []  # type: ignore[attr-defined]  # nothing was refused by the content policy


def test_without_script_the_page_of_the_job_waits_for_the_sound(service: Service, browser: Browser):
    page, _ = sign_in(browser, service, javascript=False)
    page.get_by_label("Text", exact=True).fill("Mind the gap.")
    page.get_by_label("Stream").uncheck()
    page.get_by_role("button", name="Speak").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Mind the gap.")
    expect(page.get_by_role("main")).to_contain_text("Completed", timeout=LOOK_FOR_MILLISECONDS)
    expect(page.get_by_role("link", name="Download")).to_be_visible()
    assert page.problems == []  # type: ignore[attr-defined]

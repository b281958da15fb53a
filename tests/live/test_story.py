"""The whole way of a customer, in a real browser: from a voice that is heard to a colleague and a new secret."""

import zipfile
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.live.browsing import PASSWORD, link_in_mail, needs_browser, page_of, sign_up
from tests.live.service import Service, settings_of_services
from tests.support.audio import measure_audio
from tests.support.waiting import wait_for

HEARD_MILLISECONDS = 60_000
TEXT = "The ferry to the island leaves at ten, and takes bicycles."

pytestmark = [
    needs_browser,
    pytest.mark.skipif(bool(settings_of_services()), reason="DATABASE_URL is set: this is how one machine is tried"),
]


@pytest.fixture
def selling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(
        tmp_path_factory.mktemp("story"),
        settings={"SAMPLE_ENGINES": "espeak"},
        program=("-m", "tests.peers.stripe_local"),
    )
    try:
        service.start()
        yield service
    finally:
        service.kill_everything()


@pytest.mark.timeout(300)  # it is a day of somebody's
def test_a_customer_s_whole_way(selling: Service, browser: Browser):
    page = page_of(browser, selling, javascript=True)
    choose_a_voice(page)
    sign_up(page, selling, "ada@acme.example", "Acme")
    top_up(page)
    key = make_a_key(page)
    speak(page)
    find_and_download(page)
    invite(page, "vera@acme.example", "Viewer")
    colleague = page_of(browser, selling, javascript=True)
    join_and_look_round(colleague, selling, "vera@acme.example")
    rotate(page, selling, key)
    export(page, selling)
    change_address(page, selling, "ada@new.example")
    assert page.problems == []  # type: ignore[attr-defined]
    assert selling.manage_json("check_ledger")["mismatches"] == []


def choose_a_voice(page: Page) -> None:
    """Filtered, at an address that can be passed on, and heard."""
    page.goto("/voices")
    page.get_by_label("Search").fill("en-gb-espeak-lee")
    page.get_by_label("Language").select_option("en-GB")
    expect(page.get_by_role("status")).to_have_text("1 voice")
    address = page.url
    assert "q=en-gb-espeak-lee" in address
    assert "language=en-GB" in address
    play = page.get_by_role("link", name="Play a sample of Lee").or_(
        page.get_by_role("button", name="Play a sample of Lee")
    )

    def has_sample() -> bool:
        page.goto(address)
        return play.is_visible()

    wait_for(has_sample, "the sample of the voice", seconds=60)  # the engine makes one after the other
    play.click()
    page.wait_for_function(
        "() => document.querySelector('[data-player] .on').getAttribute('d') !== ''", timeout=HEARD_MILLISECONDS
    )


def top_up(page: Page) -> None:
    page.get_by_role("link", name="Billing", exact=True).click()
    page.get_by_role("radio").first.check()
    page.get_by_role("button", name="Pay with Stripe").click()
    page.get_by_role("button", name="Pay").click()
    expect(page.get_by_role("heading", name="1,000 credits added")).to_be_visible()


def make_a_key(page: Page) -> str:
    page.get_by_role("link", name="API keys", exact=True).click()
    page.get_by_label("Name").fill("Museum guide")
    page.get_by_role("button", name="Create key").click()
    return page.get_by_label("New API key").input_value()


def speak(page: Page) -> None:
    """By stream, and heard while it is made."""
    page.get_by_role("link", name="Playground", exact=True).click()
    page.get_by_label("Find a voice").fill("lee united kingdom")
    expect(page.get_by_label("Voice", exact=True)).to_have_value("espeak:en-GB-eSpeak-Lee")
    page.get_by_label("Text", exact=True).fill(TEXT)
    expect(page.locator("#price")).to_contain_text(f"0.01 credits for {len(TEXT)} characters")
    page.get_by_role("button", name="Speak").click()
    page.wait_for_function(
        "() => document.querySelector('#result audio[autoplay]')?.currentTime > 0.2", timeout=HEARD_MILLISECONDS
    )
    expect(page.locator("#result")).to_contain_text("Completed", timeout=HEARD_MILLISECONDS)


def find_and_download(page: Page) -> None:
    page.get_by_role("link", name="Jobs", exact=True).click()
    page.get_by_label("Search").fill("ferry")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name=TEXT, exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    audio = measure_audio(download.value.path())
    assert 2 < audio.duration_seconds < 6
    assert -40 < audio.rms_dbfs < -6


def invite(page: Page, email: str, role: str) -> None:
    page.get_by_role("link", name="Team", exact=True).click()
    page.get_by_label("Email").fill(email)
    page.get_by_label("Role").select_option(role.lower())
    page.get_by_role("button", name="Send invitation").click()
    expect(page.get_by_role("row", name=email)).to_contain_text(role)


def join_and_look_round(page: Page, service: Service, email: str) -> None:
    """A viewer sees everything and changes nothing."""
    page.goto(link_in_mail(service, email, "/invitations/"))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Join Acme").click()
    expect(page).to_have_url(f"{service.url}/overview")
    main = page.get_by_role("navigation", name="Main")
    expect(main.get_by_role("link", name="Playground")).to_have_count(0)
    page.get_by_role("link", name="Jobs", exact=True).click()
    page.get_by_role("link", name=TEXT, exact=True).click()
    expect(page.get_by_role("link", name="Download")).to_be_visible()
    expect(page.get_by_role("link", name="Delete")).to_have_count(0)
    page.get_by_role("link", name="API keys", exact=True).click()
    expect(page.get_by_role("row", name="Museum guide")).to_be_visible()
    expect(page.get_by_role("button", name="Create key")).to_have_count(0)
    expect(page.get_by_role("link", name="Rotate")).to_have_count(0)
    page.get_by_role("link", name="Team", exact=True).click()
    expect(page.get_by_role("button", name="Send invitation")).to_have_count(0)
    assert page.problems == []  # type: ignore[attr-defined]
    for path in ("/playground", "/webhooks"):
        assert page.goto(path).status == 403  # type: ignore[union-attr]


def rotate(page: Page, service: Service, key: str) -> None:
    page.get_by_role("link", name="API keys", exact=True).click()
    page.get_by_role("link", name="Rotate").click()
    page.get_by_role("button", name="Rotate key").click()
    new_key = page.get_by_label("New secret", exact=True).input_value()
    assert new_key != key
    for secret in (key, new_key):  # both open, for a while
        answer = httpx.get(f"{service.url}/api/v1/tts", headers={"Authorization": f"Bearer {secret}"})
        assert answer.status_code == 200


def export(page: Page, service: Service) -> None:
    """Made by a worker, told by mail, and whole."""
    page.get_by_role("link", name="Settings", exact=True).click()
    page.get_by_role("link", name="Data", exact=True).click()
    page.get_by_role("button", name="Create an export").click()
    download = page.get_by_role("link", name="Download")

    def is_ready() -> bool:
        page.reload()
        return download.is_visible()

    wait_for(is_ready, "the export", seconds=60)
    with page.expect_download() as saved:
        download.click()
    with zipfile.ZipFile(saved.value.path()) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert any(TEXT in archive.read(name).decode(errors="replace") for name in names if not name.endswith(".mp3"))
    assert link_in_mail(service, "ada@acme.example", "/settings/data")


def change_address(page: Page, service: Service, email: str) -> None:
    page.get_by_role("link", name="Settings", exact=True).click()
    page.get_by_label("New email").fill(email)
    page.locator("form", has=page.get_by_label("New email")).get_by_label("Your password").fill(PASSWORD)
    page.locator("form", has=page.get_by_label("New email")).get_by_role("button").click()
    page.goto(link_in_mail(service, email, "/settings/email/"))
    page.get_by_role("main").get_by_role("button").click()
    expect(page.get_by_role("status")).to_have_text(f"Your email address is now {email}.")

"""Comparing voices in a real browser, from the gallery to the sound: with a script and without one."""

import re
from uuid import uuid4

import httpx
from playwright.sync_api import Browser, Page, expect

from tests.live.browsing import needs_browser, page_of
from tests.live.service import Service
from tests.support.audio import measure_audio

LOOK_FOR_MILLISECONDS = 60_000
HEARD = "() => [...document.querySelectorAll('audio')].filter((audio) => audio.currentTime > 0.2).length === 2"

pytestmark = needs_browser


def speak(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("Compare voices")
    assert page.locator("thead th").all_inner_texts() == ["Lee", "Annie"]
    page.get_by_label("Your text").fill(text)
    page.get_by_role("button", name="Generate audio").click()


def test_two_voices_are_ticked_on_two_pages_and_both_are_heard(service: Service, browser: Browser):
    page = page_of(browser, service, javascript=True)
    page.goto("/voices?q=lee&language=en-GB")
    page.get_by_label("Compare Lee, English (United Kingdom)").check()
    page.get_by_role("link", name=re.compile("^lee")).click()  # the filter is taken away
    expect(page).to_have_url(re.compile(r"/voices\?language=en-GB&voice=espeak"))
    expect(page.get_by_label("Compare Lee, English (United Kingdom)")).to_be_checked()
    page.get_by_label("Search").fill("annie")
    expect(page.get_by_label("Compare Lee, English (United Kingdom)")).to_have_count(0)
    page.get_by_label("Compare Annie, English (United Kingdom)").check()
    page.get_by_role("button", name="Compare voices").click()

    speak(page, f"Platform {uuid4().hex[:4]} for Galway.")
    ready = page.get_by_text(re.compile("Your text. Generated in"))
    expect(ready).to_have_count(2, timeout=LOOK_FOR_MILLISECONDS)
    for name in ("Lee", "Annie"):
        page.get_by_label(f"Play {name}").click()
        page.wait_for_function(
            "() => [...document.querySelectorAll('audio')].at(-1).currentTime > 0.2", timeout=LOOK_FOR_MILLISECONDS
        )
    page.wait_for_function(HEARD, timeout=LOOK_FOR_MILLISECONDS)
    assert page.problems == []  # type: ignore[attr-defined]


def test_without_a_script_the_page_waits_for_the_sounds(service: Service, browser: Browser):
    page = page_of(browser, service, javascript=False)
    page.goto("/voices?q=espeak-lee&language=en-GB")
    page.get_by_label("Compare Lee, English (United Kingdom)").check()
    page.get_by_label("Search").fill("espeak-annie")
    page.get_by_role("button", name="Apply").click()
    page.get_by_label("Compare Annie, English (United Kingdom)").check()
    page.get_by_role("button", name="Compare voices").click()

    speak(page, f"Platform {uuid4().hex[:4]} for Galway.")
    expect(page.get_by_text("Your text. Generated in")).to_have_count(2, timeout=LOOK_FOR_MILLISECONDS)
    for name in ("Lee", "Annie"):
        path = page.get_by_label(f"Play {name}").get_attribute("href")
        audio = httpx.get(f"{service.url}{path}" if str(path).startswith("/") else str(path))
        assert audio.headers["Content-Type"] == "audio/mpeg"
        assert 1.0 < measure_audio(audio.content).duration_seconds < 6.0
    assert page.problems == []  # type: ignore[attr-defined]

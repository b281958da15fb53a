"""Every page of `make screenshots`, for people without a mouse, without eyes, with a small screen, by day and night.

axe's rules, and those of `page_rules.js`.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.live.browsing import needs_browser
from tests.live.service import Service
from tests.screenshots import THEMES, WIDTHS, Audience, Theme, furnished_service, go, is_problem, sign_in

AXE = Path(__file__).resolve().parent.parent / "node" / "node_modules" / "axe-core" / "axe.min.js"
RULES = (Path(__file__).resolve().parent / "page_rules.js").read_text()

# WCAG 2.2 at level AA, and what axe's makers hold for good practice. Only colours change with the theme.
EVERYTHING = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "rules": {"target-size": {"enabled": True}},
    "resultTypes": ["violations"],
}
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast"]}, "resultTypes": ["violations"]}

# Swagger UI is somebody else's; what it shows is also text, in openapi.json. A new theme is drawn with the next frame.
RUN_AXE = """async (options) => {
  await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  return axe.run({ include: [["html"]], exclude: [[".swagger-ui"]] }, options);
}"""

# What the admin theme does itself: rule and part of the selector.
THEIRS = {"landmark-unique": "simplebar"}  # each of its scrolled boxes is a region of the same name

pytestmark = [
    needs_browser,
    pytest.mark.skipif(not AXE.exists(), reason="axe is not there: npm install --prefix tests/node"),
    pytest.mark.timeout(300),
]


@pytest.fixture(scope="module")
def furnished() -> Iterator[tuple[Service, dict[str, Audience]]]:
    with furnished_service() as found:
        yield found


def axe_violations(page: Page, options: dict[str, Any]) -> list[str]:
    found = page.evaluate(RUN_AXE, options)["violations"]
    return [
        f"{rule['id']}: {node['target']} {node['any'][0]['message'] if node['any'] else rule['help']}"
        for rule in found
        for node in rule["nodes"]
        if not (rule["id"] in THEIRS and re.search(THEIRS[rule["id"]], str(node["target"])))
    ]


def skip_link_problems(page: Page) -> list[str]:
    """It is what the keyboard reaches first, unless a field has the focus, and it leads to the content."""
    page.keyboard.press("Tab")  # whoever does that sees the focus
    first = "document.querySelector('a[href], button, input:not([type=hidden]), select, textarea, summary')"
    if not page.evaluate(f"/^skip/i.test({first}.textContent.trim())"):
        return [f"the keyboard reaches first {page.evaluate(f'{first}.outerHTML')[:80]}"]
    page.evaluate(f"{first}.focus()")
    top, height = page.evaluate(f"(({{ top, height }}) => [top, height])({first}.getBoundingClientRect())")
    problems = [] if top >= 0 and height > 0 else ["the skip link is not seen when it has the focus"]
    page.keyboard.press("Enter")
    if not page.evaluate("document.activeElement.matches('main') || !!document.querySelector(':target')"):
        problems.append("the skip link leads nowhere")
    return problems


@pytest.mark.parametrize("who", ["nobody", "owner", "careful", "half-way", "newcomer", "operator"])
def test_every_page_is_for_everybody(furnished: tuple[Service, dict[str, Audience]], browser: Browser, who: str):
    service, audiences = furnished
    problems: list[str] = []
    titles: dict[str, set[str]] = defaultdict(set)
    where = ""
    address_of_service = audiences[who].address(service)
    context = browser.new_context(
        base_url=address_of_service, reduced_motion="reduce", viewport={"width": 1280, "height": 900}
    )
    page = sign_in(context, audiences[who])

    def note(what: str) -> None:
        problems.append(f"{where}: {what}")

    def note_request(url: str) -> None:
        if not url.startswith((address_of_service, "data:", "blob:")):
            note(f"it asks {url}")

    page.on(
        "console",
        lambda message: note(f"the console says {message.text}") if is_problem(message.type, message.text) else None,
    )
    page.on("pageerror", lambda error: note(f"an error in a script: {error}"))
    page.on("request", lambda request: note_request(request.url))
    for name, address in audiences[who].pages.items():
        where = name
        go(page, address, until="load")
        if page.locator("#api-reference").count():
            page.locator(".swagger-ui [role=group]").first.wait_for(state="attached")
        titles[page.title()].add(urlsplit(page.url).path)
        page.evaluate(f"() => {{ {AXE.read_text()} }}")
        page.evaluate("scrollTo(0, 0)")
        for problem in skip_link_problems(page):
            note(problem)
        for size, width in WIDTHS.items():
            page.set_viewport_size({"width": width, "height": 900})
            for theme in THEMES:
                where = f"{name}, {theme}, {width} px"
                page.emulate_media(color_scheme=theme, reduced_motion="reduce")
                found = axe_violations(page, EVERYTHING if theme == "light" else COLOURS)
                if theme == "light":
                    found += page.evaluate(RULES, {"isPhone": size == "phone"})
                for problem in found:
                    note(problem)
            page.emulate_media(color_scheme="light", reduced_motion="reduce")
    context.close()
    problems += [f"the title “{title}” for {paths}" for title, paths in titles.items() if len(paths) > 1]
    assert not problems, "\n".join(problems)


def test_every_mail_is_for_everybody(furnished: tuple[Service, dict[str, Audience]], browser: Browser):
    _, audiences = furnished
    problems: list[str] = []
    page = browser.new_page()
    for name, address in audiences["reader"].pages.items():
        go(page, address, until="load")
        page.keyboard.press("Tab")
        page.evaluate(f"() => {{ {AXE.read_text()} }}")
        for width in WIDTHS.values():
            page.set_viewport_size({"width": width, "height": 900})
            for theme in THEMES:
                page.emulate_media(color_scheme=theme)
                found = axe_violations(page, EVERYTHING) + page.evaluate(RULES, {"isPhone": False})
                problems += [f"{name}, {theme}, {width} px: {problem}" for problem in found]
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("theme", THEMES)
def test_the_menu_of_a_phone_is_for_everybody(
    furnished: tuple[Service, dict[str, Audience]], browser: Browser, theme: Theme
):
    service, audiences = furnished
    context = browser.new_context(
        base_url=service.url, viewport={"width": 375, "height": 900}, color_scheme=theme, reduced_motion="reduce"
    )
    page = sign_in(context, audiences["owner"])
    menu = page.get_by_role("button", name="Menu", exact=True)
    menu.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    page.locator("summary").filter(has_text="Alice").press("Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.evaluate(f"() => {{ {AXE.read_text()} }}")
    problems = axe_violations(page, EVERYTHING) + page.evaluate(RULES, {"isPhone": True})
    assert not problems, "\n".join(problems)
    page.keyboard.press("Escape")
    expect(page.get_by_role("navigation", name="Main")).to_be_hidden()
    context.close()


@pytest.mark.parametrize("width", WIDTHS.values())
def test_whoever_plays_a_sample_can_move_in_it(
    furnished: tuple[Service, dict[str, Audience]], browser: Browser, width: int
):
    service, _ = furnished
    page = browser.new_page(base_url=service.url, viewport={"width": width, "height": 900})
    go(page, "/voices?q=Lee&language=en-GB")
    page.locator(".play[href]:visible").click()
    slider, wave = page.get_by_role("slider").bounding_box(), page.locator(".wave:visible").bounding_box()
    assert slider is not None and wave is not None
    assert (slider["x"], slider["width"]) == (wave["x"], wave["width"])
    assert slider["y"] <= wave["y"] + 1 and slider["y"] + slider["height"] >= wave["y"] + wave["height"] - 1
    page.get_by_role("slider").press("End")
    expect(page.get_by_role("slider")).to_have_js_property("value", "100")
    page.close()


def test_the_keyboard_moves_in_a_sound(furnished: tuple[Service, dict[str, Audience]], browser: Browser):
    service, audiences = furnished
    context = browser.new_context(base_url=service.url)
    page = sign_in(context, audiences["owner"])
    go(page, audiences["owner"].pages["job"])
    page.locator(".play").focus()
    page.keyboard.press("Space")
    expect(page.locator(".play")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    slider = page.get_by_role("slider", name="Position in the audio")
    expect(slider).to_be_focused()
    page.keyboard.press("End")
    expect(slider).to_have_attribute("aria-valuetext", "0:01 of 0:01")
    page.keyboard.press("Home")
    expect(slider).to_have_attribute("aria-valuetext", "0:00 of 0:01")
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_js_property("value", "1")
    assert page.evaluate("document.querySelector('audio').currentTime") == pytest.approx(0.011, abs=0.005)
    context.close()

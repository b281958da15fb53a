"""What a first visit to a page costs: bytes over the wire, things that jump, requests to others."""

from dataclasses import dataclass

from playwright.sync_api import Browser

OBSERVE_SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""
STILL = 0.005  # less is a word that moved by a pixel or two when the icons came; web.dev calls 0.1 good
# What is still to be drawn has been once two frames have passed.
SHIFTED = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(window.shifted))))"


@dataclass(frozen=True, slots=True)
class FirstLoad:
    bytes_received: int  # headers and compressed bodies of all that the page loads
    layout_shift: float  # as web.dev/cls adds it up, without the windows: 0 is nothing moved
    elsewhere: list[str]  # requests to other hosts


def first_load(browser: Browser, url: str, path: str, *, width: int) -> FirstLoad:
    """With nothing kept from before."""
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    page.set_default_timeout(30_000)
    elsewhere: list[str] = []
    received = 0.0

    def count(event: dict[str, float]) -> None:
        nonlocal received
        received += event["encodedDataLength"]

    page.on("request", lambda request: None if request.url.startswith(url) else elsewhere.append(request.url))
    wire = context.new_cdp_session(page)
    wire.send("Network.enable")
    wire.on("Network.loadingFinished", count)
    page.add_init_script(OBSERVE_SHIFTS)
    page.goto(url + path, wait_until="networkidle")
    shift = float(page.evaluate(SHIFTED))
    context.close()
    return FirstLoad(round(received), shift, elsewhere)

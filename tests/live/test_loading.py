"""The first visit to a public page, in a real browser: small, steady, and from this host alone."""

import pytest
from playwright.sync_api import Browser

from tests.live.browsing import needs_browser
from tests.live.loading import STILL, first_load
from tests.live.service import Service
from tests.screenshots import WIDTHS
from tests.support.pages import PUBLIC

GALLERY_BYTES = 100_000
# Swagger UI, 1.5 MB of a vendored library, is the one page that is not ours to make small or still.
OURS = {name: path for name, path in PUBLIC.items() if isinstance(path, str) and path != "/docs/api"}

pytestmark = needs_browser


@pytest.mark.parametrize("size", WIDTHS)
def test_nothing_jumps_and_nobody_else_is_asked(service: Service, browser: Browser, size: str):
    loads = {
        name: first_load(browser, service.url, path, width=WIDTHS[size])
        for name, path in OURS.items()
        if "{" not in path
    }
    assert {name: load.layout_shift for name, load in loads.items() if load.layout_shift >= STILL} == {}
    assert {name: load.elsewhere for name, load in loads.items() if load.elsewhere} == {}


def test_the_gallery_is_small_with_all_that_it_loads(service: Service, browser: Browser):
    load = first_load(browser, service.url, "/voices", width=1280)
    assert 5_000 < load.bytes_received <= GALLERY_BYTES

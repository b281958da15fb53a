"""One running service for all live tests of a process. It is started again after a test that ended it."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.live.browsing import CHROMIUM
from tests.live.service import Caller, Service, settings_of_services
from tests.parallel import WORKER
from tests.support.services import create_database, drop_database


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    settings = settings_of_services()
    folder = tmp_path_factory.mktemp("live")
    if not settings:
        yield from _running(Service(folder, settings={}))
        return
    server, name = os.environ["DATABASE_URL"], f"{os.environ['TEST_DATABASE_NAME']}_live_{WORKER or 'alone'}"
    settings["DATABASE_URL"] = create_database(server, name)
    try:
        yield from _running(Service(folder, settings=settings))
    finally:
        drop_database(server, name)


def _running(service: Service) -> Iterator[Service]:
    try:
        service.start()
        yield service
    finally:
        service.kill_everything()


@pytest.fixture
def service(installation: Service) -> Service:
    """It runs when the test begins."""
    if not installation.is_running:
        installation.start()
    return installation


@pytest.fixture(scope="session")
def caller(installation: Service) -> Iterator[Caller]:
    """Alice of Acme, with credits for everything. When all tests are over, the books still balance."""
    made = installation.manage_json(
        "create_account", "alice@acme.example", "--plan", "enterprise", "--credits", "100000", "--key"
    )
    caller = Caller(installation, made["api_key"])
    with caller.http:
        yield caller
    checked = installation.manage_json("check_ledger")
    assert checked["accounts"] >= 1
    assert checked["mismatches"] == []


@pytest.fixture
def browser() -> Iterator[Browser]:
    """Closed with the test: its event loop would keep later tests of this process from their database."""
    with sync_playwright() as playwright:
        # It may play sound without a click on the very page: a test has no time to charm it.
        arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()

"""`make screenshots`: every page as people see it, in both themes, on a phone and on a desk, under var/screenshots.

Starts the real service in a temporary folder and fills it with what an account looks like after a while. Exits with 1
when a page is wider than its screen or writes an error into the console.

`python -m tests.screenshots --readme` takes only the pictures that README.md shows, into docs/images.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from itertools import chain
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.live.browsing import PASSWORD
from tests.live.service import Caller, Service
from tests.run import ROOT
from tests.support.pages import CAREFUL, HALF_WAY, NEW, PUBLIC, SIGNED_IN, STAFF, Pages
from tests.support.waiting import wait_for

CHROMIUM = Path("/usr/bin/chromium")
FOLDER = ROOT / "var" / "screenshots"
README_FOLDER = ROOT / "docs" / "images"
README_PAGES = {"landing": ("nobody", "/"), "dashboard": ("owner", "/overview")}
README_SIZE = (1280, 800)
WIDTHS = {"phone": 375, "desk": 1280}
Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")
EMAIL, NEWCOMER, OPERATOR = "alice@acme.example", "nora@globex.example", "ada@staff.example"
CAREFUL_EMAIL = "petra@globex.example"
# Selling is on, by a Stripe that nobody reaches.
SETTINGS = {"STRIPE_API_KEY": "sk_test_pictures", "STRIPE_API_BASE": "http://127.0.0.1:9"}


@dataclass(frozen=True, slots=True)
class Audience:
    """Who sees these pages, and how they sign in; nobody does without a password."""

    pages: Pages
    email: str = ""
    password: str = ""
    codes: list[str] = field(default_factory=list)  # for a second factor; each is good for one sign-in
    host: str = "127.0.0.1"
    door: str = "/sign-in"

    def address(self, service: Service) -> str:
        return service.url.replace("127.0.0.1", self.host)


def main() -> int:
    if not CHROMIUM.exists():
        print(f"There is no browser at {CHROMIUM}.", file=sys.stderr)
        return 2
    if sys.argv[1:] == ["--readme"]:
        take_for_readme()
        return 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    problems: list[str] = []
    with furnished_service() as (service, audiences), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for theme in THEMES:
            for size, width in WIDTHS.items():
                for audience in audiences.values():
                    take(browser, service, theme, size, width, audience, problems)
        browser.close()
    print(f"{len(list(FOLDER.glob('*.png')))} pictures in {FOLDER.relative_to(ROOT)}")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


@contextmanager
def furnished_service() -> Iterator[tuple[Service, dict[str, Audience]]]:
    """The real service with an account as it looks after a while, and who looks at which pages."""
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder), settings=SETTINGS)
        try:
            service.start()
            yield service, fill(service)
        finally:
            service.kill_everything()


def fill(service: Service) -> dict[str, Audience]:
    """An account with jobs in several states, keys, people, payments and deliveries; another one with nothing."""
    made = service.manage_json("create_account", EMAIL, "--plan", "enterprise", "--credits", "25", "--key")
    caller = Caller(service, made["api_key"])
    with caller.http:
        for text in (
            "Welcome to the museum.",
            "The next tour begins at three, in the great hall.",
            "Please mind the gap.",
        ):
            spoken = caller.wait_until_completed(caller.submit(text, output_format="mp3"))
        with service.standing_worker():
            job_id = caller.submit("This one was not needed after all.")
            caller.http.delete(f"/api/v1/tts/{job_id}")
    key = service.manage_json("issue_key", EMAIL, "--name", "Museum guide")
    revoked = service.manage_json("issue_key", EMAIL, "--name", "Old website")
    service.manage_json("revoke_key", revoked["key_id"], "--reason", "The website is gone.")
    operator = service.manage_json("create_operator", OPERATOR)
    furnished = subprocess.run(
        [sys.executable, "-m", "tests.support.furnish", EMAIL, NEWCOMER, CAREFUL_EMAIL, spoken["job_id"]],
        cwd=ROOT,
        env=service.environment | {"LOG_LEVEL": "WARNING"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=True,
    )
    ids = {"key": key["key_id"], "job": spoken["job_id"]} | json.loads(furnished.stdout)
    return {
        "nobody": Audience(with_ids(PUBLIC, ids), host="localhost"),  # who can have passkeys
        "owner": Audience(with_ids(SIGNED_IN, ids), EMAIL, made["password"]),
        "newcomer": Audience(NEW, NEWCOMER, PASSWORD),
        "careful": Audience(
            with_ids(CAREFUL, ids), CAREFUL_EMAIL, PASSWORD, codes=ids["codes"].split(), host="localhost"
        ),
        "half-way": Audience(HALF_WAY, CAREFUL_EMAIL, PASSWORD, host="localhost"),
        "reader": Audience(mails_of(service, count=int(ids["mails"]))),
        "operator": Audience(with_ids(STAFF, ids), OPERATOR, operator["password"], door="/admin/login/"),
    }


def mails_of(service: Service, *, count: int) -> Pages:
    """The HTML of each mail, in a file that a browser opens. Some of them the service sends, within seconds."""
    folder = service.folder / "mails"
    folder.mkdir()

    def found() -> Pages:
        pages: Pages = {}
        # Django names a file by second and address in memory: now and then it holds two.
        files = [file.read_bytes() for file in (service.data_dir / "mail").glob("*")]
        for part in chain.from_iterable(file.split(b"-" * 79) for file in files):
            mail = message_from_bytes(part.lstrip(), policy=policy.default)
            name, _, host = str(mail["To"]).partition("@")
            html = mail.get_body(("html",))
            if host == "mails.example" and html is not None:
                path = folder / f"mail-{name.removesuffix('_message')}.html"
                path.write_text(html.get_content())
                pages[path.stem.replace("_", "-")] = path.as_uri()
        return pages if len(pages) == count else {}

    return wait_for(found, "all mails")


def with_ids(pages: Pages, ids: dict[str, str]) -> Pages:
    return {
        name: where.format(**ids) if isinstance(where, str) else (where[0].format(**ids), where[1])
        for name, where in pages.items()
    }


def take(
    browser: Browser, service: Service, theme: Theme, size: str, width: int, audience: Audience, problems: list[str]
) -> None:
    context = browser.new_context(
        base_url=audience.address(service),
        viewport={"width": width, "height": 900},
        color_scheme=theme,
    )
    page = sign_in(context, audience)
    where = ""
    page.on(
        "console",
        lambda message: problems.append(f"{where}: {message.text}") if is_problem(message.type, message.text) else None,
    )
    for name, address in audience.pages.items():
        where = f"{name}-{size}-{theme}"
        go(page, address)
        page.screenshot(path=FOLDER / f"{where}.png", full_page=True)
        overflow = page.evaluate("document.documentElement.scrollWidth") - width
        if overflow > 0:
            problems.append(f"{where}: {overflow} px wider than its screen")
    context.close()


def take_for_readme() -> None:
    """Takes the first screen of each page of README_PAGES in both themes."""
    README_FOLDER.mkdir(exist_ok=True)
    width, height = README_SIZE
    with furnished_service() as (service, audiences), sync_playwright() as playwright:
        subprocess.run(  # the landing page plays a sample
            [sys.executable, "manage.py", "make_samples", "--provider", "espeak"],
            cwd=ROOT, env=service.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True,
        )  # fmt: skip
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name, (audience_name, address) in README_PAGES.items():
            audience = audiences[audience_name]
            for theme in THEMES:
                context = browser.new_context(
                    base_url=audience.address(service),
                    viewport={"width": width, "height": height},
                    color_scheme=theme,
                )
                page = sign_in(context, audience)
                go(page, address)
                page.screenshot(path=README_FOLDER / f"{name}-{theme}.png")
                context.close()
        browser.close()


def is_problem(kind: str, text: str) -> bool:
    """Of a line in the console, which repeats the status of a page that says what is wrong."""
    return kind == "error" and not re.search(r"the server responded with a status of (4|503)", text)


def sign_in(context: BrowserContext, audience: Audience) -> Page:
    page = context.new_page()
    page.set_default_timeout(30_000)
    if audience.password:
        page.goto(audience.door)
        page.get_by_label("Email").fill(audience.email)
        page.get_by_label("Password").fill(audience.password)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.wait_for_load_state()
    if audience.codes:
        for address, button in ("/sign-in/code", "Sign in"), ("/settings/confirm/code", "Continue"):
            page.goto(address)
            page.get_by_label("Code").fill(audience.codes.pop())
            page.get_by_role("button", name=button, exact=True).click()
            page.wait_for_load_state()
    return page


def go(page: Page, address: str | tuple[str, str], *, until: Literal["load", "networkidle"] = "networkidle") -> None:
    if isinstance(address, str):
        page.goto(address, wait_until=until)
        return
    page.goto(address[0])
    page.get_by_role("button", name=address[1]).first.click()
    page.wait_for_load_state(until)


if __name__ == "__main__":
    sys.exit(main())

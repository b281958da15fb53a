"""`make screenshots`: every page as people see it, in both themes, on a phone and on a desk, under var/screenshots.

Starts the real service in a temporary folder and fills it with what an account looks like after a while. Exits with 1
when a page is wider than its screen or writes an error into the console.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.live.service import Caller, Service
from tests.run import ROOT
from tests.waiting import wait_for

CHROMIUM = Path("/usr/bin/chromium")
FOLDER = ROOT / "var" / "screenshots"
WIDTHS = {"phone": 375, "desk": 1280}
Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")
EMAIL, NEWCOMER, OPERATOR = "alice@acme.example", "nora@globex.example", "ada@staff.example"
# Selling is on, by a Stripe that nobody reaches.
SETTINGS = {"STRIPE_API_KEY": "sk_test_pictures", "STRIPE_API_BASE": "http://127.0.0.1:9"}

# A page is its address, or the address of a form and the button that sends it as it stands: what is wrong is shown.
Pages = dict[str, str | tuple[str, str]]

LEE_AND_ANNIE = "voice=espeak:en-GB-eSpeak-Lee&voice=espeak:de-DE-eSpeak-Annie"

PUBLIC: Pages = {
    "home": "/",
    "sign-in": "/sign-in",
    "sign-up": "/sign-up",
    "reset-password": "/reset-password",
    "confirm-email-sent": "/confirm-email",
    "not-found": "/nowhere",
    "gallery": "/voices",
    "gallery-none": "/voices?q=nobody",
    "voice": "/voices/espeak:en-GB-eSpeak-Lee",
    "compare": (f"/voices/compare?{LEE_AND_ANNIE}&text=Good+morning.", "Speak it"),
    "compare-not-spoken": f"/voices/compare?{LEE_AND_ANNIE}&voice=nowhere&text=%D0%9F%D1%80%D0%B8",
    "compare-none": "/voices/compare",
    "pricing": "/pricing?characters=600000&tier=premium",
    "docs-api": "/docs/api",
    "docs-quickstart": "/docs/quickstart",
    "docs-authentication": "/docs/authentication",
    "docs-errors": "/docs/errors",
    "docs-rate-limits": "/docs/rate-limits",
    "docs-idempotency": "/docs/idempotency",
    "docs-speech": "/docs/speech",
    "docs-streaming": "/docs/streaming",
    "docs-voices": "/docs/voices",
    "docs-openai": "/docs/openai",
    "docs-webhooks": "/docs/webhooks",
    "docs-credits": "/docs/credits",
    "docs-self-hosting": "/docs/self-hosting",
    "admin-sign-in": "/admin/login/",
    "sign-in-wrong": ("/sign-in", "Sign in"),
    "sign-up-wrong": ("/sign-up", "Create the account"),
    "reset-password-wrong": ("/reset-password", "Mail me a link"),
    "reset-password-sent": "/reset-password/sent",
    "reset-password-done": "/reset-password/done",
    "reset-password-over": "/reset-password/abc-forged",
    "new-password": "/reset-password/{reset}",
    "new-password-wrong": ("/reset-password/{reset}", "Set the password"),
    "confirm-email": "/confirm-email/{confirm}",
    "confirm-email-over": "/confirm-email/forged",
    "invitation": "/invitations/{invitation}",
    "invitation-wrong": ("/invitations/{invitation}", "Join"),
    "invitation-over": "/invitations/forged",
    "pricing-wrong": "/pricing?characters=many",
    "gallery-one": "/voices?q=Lee",
}
SIGNED_IN: Pages = {
    "overview": "/overview",
    "playground": "/playground",
    "jobs": "/jobs",
    "jobs-none-found": "/jobs?q=nowhere",
    "job": "/jobs/{job}",
    "job-delete": "/jobs/{job}/delete",
    "team": "/team",
    "team-leave": "/team/leave",
    "team-owner": "/team/owner",
    "settings": "/settings",
    "settings-security": "/settings/security",
    "settings-data": "/settings/data",
    "settings-delete": "/settings/data/delete",
    "settings-confirm": "/settings/confirm",
    "keys": "/keys",
    "key-limits": "/keys/{key}/limits",
    "key-rotate": "/keys/{key}/rotate",
    "key-edit": "/keys/{key}/edit",
    "webhooks": "/webhooks",
    "billing": "/billing",
    "usage": "/billing/usage",
    "ledger": "/billing/ledger",
    "ledger-wrong": "/billing/ledger?first_day=soon",
    "not-found-signed-in": "/jobs/nowhere",
    "playground-wrong": ("/playground", "Speak"),
    "job-failed": "/jobs/{failed}",
    "team-wrong": ("/team", "Send the invitation"),
    "team-member": "/team/members/{member}",
    "team-owner-wrong": ("/team/owner", "Pass the ownership on"),
    "keys-wrong": ("/keys", "Make the key"),
    "key-rotated": ("/keys/{rotated}/rotate", "Make the new secret"),
    "key-revoke": "/keys/{key}/revoke",
    "webhook-delivery": "/webhooks/{delivery}",
    "webhooks-remove": "/webhooks/remove",
    "webhooks-replay-wrong": ("/webhooks", "Replay them"),
    "billing-stripe-away": ("/billing", "Pay with Stripe"),
    "billing-recharge-wrong": ("/billing", "Save"),
    "billing-bought": "/billing/bought/{paid}",
    "billing-not-bought": "/billing/not-bought/{unpaid}",
    "billing-subscribed": "/billing/subscribed/{subscription}",
}
NEW: Pages = {
    "overview-new": "/overview",
    "playground-new": "/playground",
    "jobs-new": "/jobs",
    "keys-new": "/keys",
    "webhooks-new": "/webhooks",
    "billing-new": "/billing",
    "usage-new": "/billing/usage",
    "ledger-new": "/billing/ledger",
    "team-new": "/team",
}
STAFF: Pages = {
    "admin": "/admin/",
    "admin-accounts": "/admin/accounts/account/",
    "admin-jobs": "/admin/tts/job/",
    "admin-voices": "/admin/voices/voice/",
    "admin-ledger": "/admin/billing/ledgerentry/",
    "admin-audit": "/admin/accounts/auditentry/",
    "admin-search": "/admin/search/",
    "admin-account": "/admin/accounts/account/{account}/change/",
    "admin-job": "/admin/tts/job/{job}/change/",
    "admin-deliveries": "/admin/webhooks/delivery/",
    "admin-action": "/admin/accounts/account/{account}/do/adjust-credits/",
    "admin-action-wrong": ("/admin/accounts/account/{account}/do/adjust-credits/", "Adjust credits"),
    "admin-maintenance": "/admin/maintenance/",
}


@dataclass(frozen=True, slots=True)
class Audience:
    """Who sees these pages, and where they sign in; nobody signs in without a password."""

    pages: Pages
    email: str = ""
    password: str = ""
    door: str = "/sign-in"
    button: str = "Sign in"


def main() -> int:
    if not CHROMIUM.exists():
        print(f"There is no browser at {CHROMIUM}.", file=sys.stderr)
        return 2
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
        [sys.executable, "-m", "tests.furnish", EMAIL, NEWCOMER, spoken["job_id"]],
        cwd=ROOT,
        env=service.environment | {"LOG_LEVEL": "WARNING"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=True,
    )
    ids = {"key": key["key_id"], "job": spoken["job_id"]} | json.loads(furnished.stdout)
    return {
        "nobody": Audience(with_ids(PUBLIC, ids)),
        "owner": Audience(with_ids(SIGNED_IN, ids), EMAIL, made["password"]),
        "newcomer": Audience(NEW, NEWCOMER, ids["password"]),
        "reader": Audience(mails_of(service, count=int(ids["mails"]))),
        "operator": Audience(with_ids(STAFF, ids), OPERATOR, operator["password"], "/admin/login/", "Sign in"),
    }


def mails_of(service: Service, *, count: int) -> Pages:
    """The HTML of each mail, in a file that a browser opens. Some of them the service sends, within seconds."""
    folder = service.folder / "mails"
    folder.mkdir()

    def found() -> Pages:
        pages: Pages = {}
        for file in (service.data_dir / "mail").glob("*"):
            mail = message_from_bytes(file.read_bytes().partition(b"-" * 79)[0], policy=policy.default)
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
        base_url=service.url,
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
        page.get_by_role("button", name=audience.button).click()
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

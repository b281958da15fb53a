"""`make screenshots`: every page as people see it, in both themes, on a phone and on a desk, under var/screenshots.

Starts the real service in a temporary folder and fills it with what an account looks like after a while. Exits with 1
when a page is wider than its screen or writes an error into the console.
"""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.live.service import Caller, Service
from tests.run import ROOT

CHROMIUM = Path("/usr/bin/chromium")
FOLDER = ROOT / "var" / "screenshots"
WIDTHS = {"phone": 375, "desk": 1280}
THEMES = ("light", "dark")
EMAIL, OPERATOR = "alice@acme.example", "ada@staff.example"
TEXTS = ("Welcome to the museum.", "The next tour begins at three, in the great hall.", "Please mind the gap.")

PUBLIC = {
    "home": "/",
    "sign-in": "/sign-in",
    "sign-up": "/sign-up",
    "reset-password": "/reset-password",
    "confirm-email-sent": "/confirm-email",
    "not-found": "/nowhere",
    "gallery": "/voices",
    "gallery-none": "/voices?q=nobody",
    "voice": "/voices/espeak:en-GB-eSpeak-Lee",
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
}
SIGNED_IN = {
    "overview": "/overview",
    "playground": "/playground",
    "jobs": "/jobs",
    "jobs-none-found": "/jobs?q=nowhere",
    "job": "/jobs/{job}",
    "job-delete": "/jobs/{job}/delete",
    "team": "/team",
    "team-leave": "/team/leave",
    "team-owner": "/team/owner",
    "keys": "/keys",
    "key-limits": "/keys/{key}/limits",
    "key-rotate": "/keys/{key}/rotate",
    "key-edit": "/keys/{key}/edit",
    "webhooks": "/webhooks",
    "billing": "/billing",
    "usage": "/billing/usage",
    "ledger": "/billing/ledger",
}
STAFF = {
    "admin": "/admin/",
    "admin-accounts": "/admin/accounts/account/",
    "admin-jobs": "/admin/tts/job/",
    "admin-voices": "/admin/voices/voice/",
    "admin-ledger": "/admin/billing/ledgerentry/",
    "admin-audit": "/admin/accounts/auditentry/",
}


def main() -> int:
    if not CHROMIUM.exists():
        print(f"There is no browser at {CHROMIUM}.", file=sys.stderr)
        return 2
    FOLDER.mkdir(parents=True, exist_ok=True)
    problems: list[str] = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        service = Service(Path(folder), settings={})
        try:
            service.start()
            customer, operator, key, job = fill(service)
            signed_in = {name: path.format(key=key, job=job) for name, path in SIGNED_IN.items()}
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            for theme in THEMES:
                for size, width in WIDTHS.items():
                    take(browser, service, theme, size, width, PUBLIC, problems)
                    take(browser, service, theme, size, width, signed_in, problems, sign_in=customer)
                    take(browser, service, theme, size, width, STAFF, problems, sign_in_to_admin=operator)
            browser.close()
        finally:
            service.kill_everything()
    print(f"{len(list(FOLDER.glob('*.png')))} pictures in {FOLDER.relative_to(ROOT)}")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


def fill(service: Service) -> tuple[str, str, str, str]:
    """An account with jobs in several states, keys and credits; the passwords of its owner and of an operator, and the
    ids of a key and of a job that was spoken.
    """
    made = service.manage_json("create_account", EMAIL, "--plan", "payg", "--credits", "25", "--key")
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
    return made["password"], operator["password"], key["key_id"], spoken["job_id"]


def take(
    browser: Browser,
    service: Service,
    theme: str,
    size: str,
    width: int,
    pages: dict[str, str],
    problems: list[str],
    *,
    sign_in: str = "",
    sign_in_to_admin: str = "",
) -> None:
    """Pictures of `pages`, as nobody or as who has that password."""
    context = browser.new_context(
        base_url=service.url,
        viewport={"width": width, "height": 900},
        color_scheme="dark" if theme == "dark" else "light",
    )
    page = context.new_page()
    page.set_default_timeout(30_000)
    if sign_in:
        fill_in(page, "/sign-in", EMAIL, sign_in, "Sign in")
    if sign_in_to_admin:
        fill_in(page, "/admin/login/", OPERATOR, sign_in_to_admin, "Log in")
    where = ""
    page.on("console", lambda message: note(problems, where, message.type, message.text))
    for name, path in pages.items():
        where = f"{name}-{size}-{theme}"
        page.goto(path, wait_until="networkidle")
        page.screenshot(path=FOLDER / f"{where}.png", full_page=True)
        overflow = page.evaluate("document.documentElement.scrollWidth") - width
        if overflow > 0:
            problems.append(f"{where}: {overflow} px wider than its screen")
    context.close()


def note(problems: list[str], where: str, kind: str, text: str) -> None:
    if kind == "error" and "404" not in text:
        problems.append(f"{where}: {text}")


def fill_in(page: Page, path: str, email: str, password: str, button: str) -> None:
    page.goto(path)
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name=button).click()
    page.wait_for_load_state()


if __name__ == "__main__":
    sys.exit(main())

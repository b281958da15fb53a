"""Every URL there is, who asks for it, and the status they get. A URL that is not in the table fails the test."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from accounts.models import Account, ApiKey
from accounts.services.api_keys import revoke_key
from accounts.services.audit import SYSTEM
from operations import health
from tests.factories import make_account, make_job, make_key, make_user
from tests.support.cast import close_response, own_counters, rolled_back
from tests.support.envelopes import ANNIE
from tts.models import Job, JobStatus
from tts.storage import store

ACTORS = (
    "nobody",
    "revoked key",
    "expired key",
    "key to read only",
    "key to write only",
    "free plan",
    "suspended",
    "another tenant",
    "owner's key",
    "signed in",
)

ALL_GET_IN = dict.fromkeys(ACTORS, 200)
NOT_THERE = dict.fromkeys(ACTORS, 404)
NEEDS_SIGN_IN = dict.fromkeys(ACTORS, 302) | {"signed in": 200}


def needs_key(status: int, *, read: bool, elsewhere: int | None = None) -> dict[str, int]:
    """`status`: for who may; `elsewhere`: for the other tenant, when the thing is not theirs."""
    return {
        "nobody": 401, "revoked key": 401, "expired key": 401, "signed in": 401,  # a session is no key
        "free plan": 403, "suspended": 403,
        "key to read only": status if read else 403, "key to write only": 403 if read else status,
        "another tenant": elsewhere or status, "owner's key": status,
    }  # fmt: skip


# A person's: an API key does not do here. Roles: tests/webhooks/test_api.py
NEEDS_PERSON = dict.fromkeys(ACTORS, 401)
HOOK = "api/user/enterprise/webhook"

# Route as in the URLconf, method → who gets what. {job} is a completed job of the owner.
TABLE: dict[str, dict[str, tuple[str, dict[str, int]]]] = {
    "api/v1/tts": {
        "GET": ("/api/v1/tts", needs_key(200, read=True)),
        "POST": ("/api/v1/tts", needs_key(202, read=False)),
    },
    "api/v1/tts/stream": {"POST": ("/api/v1/tts/stream", needs_key(202, read=False))},
    "api/v1/tts/quote": {"POST": ("/api/v1/tts/quote", needs_key(200, read=True))},
    "api/v1/usage": {"GET": ("/api/v1/usage", needs_key(200, read=True))},
    "api/v1/credits": {"GET": ("/api/v1/credits", needs_key(200, read=True))},
    "api/v1/tts/<uuid:job_id>": {
        "GET": ("/api/v1/tts/{job}", needs_key(200, read=True, elsewhere=404)),
        "DELETE": ("/api/v1/tts/{job}", needs_key(200, read=False, elsewhere=404)),
    },
    "api/v1/tts/<uuid:job_id>/audio": {"GET": ("/api/v1/tts/{job}/audio", needs_key(307, read=True, elsewhere=404))},
    "api/v1/voices": {"GET": ("/api/v1/voices", ALL_GET_IN)},
    "api/v1/voices/<str:voice_id>": {"GET": (f"/api/v1/voices/{ANNIE}", ALL_GET_IN)},
    "api/v1/": {"GET": ("/api/v1/anything/else", dict.fromkeys(ACTORS, 404))},
    "api/v1/openapi.json": {"GET": ("/api/v1/openapi.json", ALL_GET_IN)},
    HOOK: {
        "GET": (f"/{HOOK}", NEEDS_PERSON | {"signed in": 404}),  # there is none
        "PUT": (f"/{HOOK}", NEEDS_PERSON | {"signed in": 400}),  # without a URL
        "DELETE": (f"/{HOOK}", NEEDS_PERSON | {"signed in": 404}),
    },
    f"{HOOK}/test": {"POST": (f"/{HOOK}/test", NEEDS_PERSON | {"signed in": 404})},
    f"{HOOK}/deliveries": {"GET": (f"/{HOOK}/deliveries", NEEDS_PERSON | {"signed in": 200})},
    f"{HOOK}/deliveries/replay": {"POST": (f"/{HOOK}/deliveries/replay", NEEDS_PERSON | {"signed in": 400})},
    f"{HOOK}/deliveries/<uuid:delivery_id>/replay": {
        "POST": (f"/{HOOK}/deliveries/{{job}}/replay", NEEDS_PERSON | {"signed in": 404})
    },
    # Without a body; who speaks here: tests/tts/test_openai_speech.py
    "v1/audio/speech": {"POST": ("/v1/audio/speech", needs_key(400, read=False))},
    "v1/models": {"GET": ("/v1/models", needs_key(200, read=True))},
    "v1/models/<model_name:name>": {"GET": ("/v1/models/tts-1", needs_key(200, read=True))},
    "v1/": {"GET": ("/v1/anything/else", NOT_THERE)},
    "docs/api": {"GET": ("/docs/api", ALL_GET_IN)},
    "docs": {"GET": ("/docs", dict.fromkeys(ACTORS, 302))},
    "docs/search": {"GET": ("/docs/search?q=refund", ALL_GET_IN)},
    "docs/<slug:slug>.md": {"GET": ("/docs/errors.md", ALL_GET_IN)},
    "docs/<slug:slug>": {"GET": ("/docs/errors", ALL_GET_IN)},
    "llms.txt": {"GET": ("/llms.txt", ALL_GET_IN)},
    "llms-full.txt": {"GET": ("/llms-full.txt", ALL_GET_IN)},
    "admin": {"GET": ("/admin", dict.fromkeys(ACTORS, 302))},
    "healthz": {"GET": ("/healthz", ALL_GET_IN)},
    "readyz": {"GET": ("/readyz", ALL_GET_IN)},
    "metrics": {"GET": ("/metrics", ALL_GET_IN)},  # from this machine, without METRICS_TOKEN; else test_metrics.py
    "": {"GET": ("/", ALL_GET_IN)},
    "installing": {"GET": ("/installing", ALL_GET_IN)},
    "sign-in": {
        "GET": ("/sign-in", ALL_GET_IN | {"signed in": 302}),
        "POST": ("/sign-in", ALL_GET_IN | {"signed in": 302}),  # without a password: the form again
    },
    "sign-out": {
        "GET": ("/sign-out", dict.fromkeys(ACTORS, 405)),
        "POST": ("/sign-out", dict.fromkeys(ACTORS, 302)),
    },
    "sign-up": {
        "GET": ("/sign-up", ALL_GET_IN | {"signed in": 302}),
        "POST": ("/sign-up", ALL_GET_IN | {"signed in": 302}),  # nothing filled in: the form again
    },
    "confirm-email": {"GET": ("/confirm-email", ALL_GET_IN)},
    "confirm-email/<str:key>": {
        "GET": ("/confirm-email/forged", NOT_THERE),
        "POST": ("/confirm-email/forged", NOT_THERE),
    },
    "reset-password": {"GET": ("/reset-password", ALL_GET_IN), "POST": ("/reset-password", ALL_GET_IN)},
    "reset-password/sent": {"GET": ("/reset-password/sent", ALL_GET_IN)},
    "reset-password/done": {"GET": ("/reset-password/done", ALL_GET_IN)},
    "^reset-password/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[^/]+)$": {
        "GET": ("/reset-password/abc-forged", NOT_THERE),
        "POST": ("/reset-password/abc-forged", NOT_THERE),
    },
    "overview": {"GET": ("/overview", NEEDS_SIGN_IN)},
    # Roles: tests/portal/test_playground.py, test_jobs_page.py, test_job_page.py
    "playground": {"GET": ("/playground", NEEDS_SIGN_IN), "POST": ("/playground", NEEDS_SIGN_IN)},  # the form again
    "playground/price": {"POST": ("/playground/price", NEEDS_SIGN_IN)},
    "jobs": {"GET": ("/jobs", NEEDS_SIGN_IN)},
    "jobs.csv": {"GET": ("/jobs.csv", NEEDS_SIGN_IN)},
    "jobs/<uuid:job_id>": {"GET": ("/jobs/{job}", NEEDS_SIGN_IN)},
    "jobs/<uuid:job_id>/sound": {"GET": ("/jobs/{job}/sound", NEEDS_SIGN_IN)},
    "jobs/<uuid:job_id>/again": {"POST": ("/jobs/{job}/again", NEEDS_SIGN_IN | {"signed in": 302})},
    "jobs/<uuid:job_id>/cancel": {"POST": ("/jobs/{job}/cancel", NEEDS_SIGN_IN | {"signed in": 302})},
    "jobs/<uuid:job_id>/delete": {
        "GET": ("/jobs/{job}/delete", NEEDS_SIGN_IN),
        "POST": ("/jobs/{job}/delete", NEEDS_SIGN_IN | {"signed in": 302}),
    },
    "keys": {"GET": ("/keys", NEEDS_SIGN_IN), "POST": ("/keys", NEEDS_SIGN_IN)},
    "keys/<uuid:key_id>/revoke": {
        "GET": ("/keys/{key}/revoke", NEEDS_SIGN_IN),
        "POST": ("/keys/{key}/revoke", NEEDS_SIGN_IN | {"signed in": 302}),  # roles: tests/accounts/test_keys_page.py
    },
    "theme": {
        "GET": ("/theme", dict.fromkeys(ACTORS, 405)),
        "POST": ("/theme", dict.fromkeys(ACTORS, 204)),
    },
    "robots.txt": {"GET": ("/robots.txt", ALL_GET_IN)},
    "sitemap.xml": {"GET": ("/sitemap.xml", ALL_GET_IN)},
    "voices": {"GET": ("/voices", ALL_GET_IN)},
    "voices/compare": {
        "GET": (f"/voices/compare?voice={ANNIE}", ALL_GET_IN),
        "POST": ("/voices/compare", dict.fromkeys(ACTORS, 400)),  # no text; what is made: tests/portal/test_compare.py
    },
    "voices/compare/sound": {"GET": (f"/voices/compare/sound?voice={ANNIE}&text=x", ALL_GET_IN)},
    "voices/<str:voice_id>": {"GET": (f"/voices/{ANNIE}", ALL_GET_IN)},
    "voices/<str:voice_id>/favourite": {
        "POST": (f"/voices/{ANNIE}/favourite", NEEDS_SIGN_IN | {"signed in": 302}),  # neither on nor off: no change
    },
    "pricing": {"GET": ("/pricing", ALL_GET_IN)},
    "billing/ledger": {"GET": ("/billing/ledger", NEEDS_SIGN_IN)},  # roles: tests/portal/test_usage.py
    "billing/usage": {"GET": ("/billing/usage", NEEDS_SIGN_IN)},
    "keys/<uuid:key_id>/rotate": {
        "GET": ("/keys/{key}/rotate", NEEDS_SIGN_IN),
        "POST": ("/keys/{key}/rotate", NEEDS_SIGN_IN),  # the form again; roles: tests/accounts/test_key_changes.py
    },
    "keys/<uuid:key_id>/edit": {
        "GET": ("/keys/{key}/edit", NEEDS_SIGN_IN),
        "POST": ("/keys/{key}/edit", NEEDS_SIGN_IN),
    },
    "keys/<uuid:key_id>/end-old": {"POST": ("/keys/{key}/end-old", NEEDS_SIGN_IN | {"signed in": 302})},
    "keys/<uuid:key_id>/limits": {
        "GET": ("/keys/{key}/limits", NEEDS_SIGN_IN),
        "POST": ("/keys/{key}/limits", NEEDS_SIGN_IN | {"signed in": 302}),  # roles: tests/billing/test_key_limits.py
    },
    "billing": {"GET": ("/billing", NEEDS_SIGN_IN)},  # roles: tests/billing/test_billing_page.py
    "billing/buy": {"POST": ("/billing/buy", NEEDS_SIGN_IN | {"signed in": 400})},
    "billing/subscribe": {"POST": ("/billing/subscribe", NEEDS_SIGN_IN | {"signed in": 400})},
    "billing/portal": {"POST": ("/billing/portal", NEEDS_SIGN_IN | {"signed in": 404})},  # nobody has bought yet
    "billing/recharge": {"POST": ("/billing/recharge", NEEDS_SIGN_IN | {"signed in": 400})},
    "billing/low-balance": {"POST": ("/billing/low-balance", NEEDS_SIGN_IN | {"signed in": 302})},
    "billing/bought/<uuid:purchase_id>": {"GET": ("/billing/bought/{job}", NEEDS_SIGN_IN | {"signed in": 404})},
    "billing/not-bought/<uuid:purchase_id>": {"GET": ("/billing/not-bought/{job}", NEEDS_SIGN_IN | {"signed in": 404})},
    "billing/subscribed/<uuid:subscription_id>": {
        "GET": ("/billing/subscribed/{job}", NEEDS_SIGN_IN | {"signed in": 404}),
    },
    "webhooks/stripe/": {"POST": ("/webhooks/stripe/", dict.fromkeys(ACTORS, 503))},  # no secret of Stripe's is set
    "webhooks": {"GET": ("/webhooks", NEEDS_SIGN_IN), "POST": ("/webhooks", NEEDS_SIGN_IN)},  # without a URL
    "webhooks/replay": {"POST": ("/webhooks/replay", NEEDS_SIGN_IN)},  # the form again
    "webhooks/remove": {
        "GET": ("/webhooks/remove", NEEDS_SIGN_IN | {"signed in": 404}),
        "POST": ("/webhooks/remove", NEEDS_SIGN_IN | {"signed in": 404}),
    },
    "webhooks/id-tokens": {"POST": ("/webhooks/id-tokens", dict.fromkeys(ACTORS, 302))},
    "webhooks/<uuid:delivery_id>": {"GET": ("/webhooks/{job}", NEEDS_SIGN_IN | {"signed in": 404})},
    "webhooks/<uuid:delivery_id>/replay": {"POST": ("/webhooks/{job}/replay", NEEDS_SIGN_IN | {"signed in": 404})},
    "team": {"GET": ("/team", NEEDS_SIGN_IN), "POST": ("/team", NEEDS_SIGN_IN)},  # roles: tests/accounts/test_team.py
    "team/leave": {
        "GET": ("/team/leave", NEEDS_SIGN_IN),
        "POST": ("/team/leave", NEEDS_SIGN_IN | {"signed in": 302}),  # refused: she owns it
    },
    "team/owner": {"GET": ("/team/owner", NEEDS_SIGN_IN), "POST": ("/team/owner", NEEDS_SIGN_IN)},
    "team/members/<int:member_id>": {
        "GET": ("/team/members/0", NEEDS_SIGN_IN | {"signed in": 404}),
        "POST": ("/team/members/0", NEEDS_SIGN_IN | {"signed in": 404}),
    },
    "team/invitations/<uuid:invitation_id>/resend": {
        "POST": ("/team/invitations/{job}/resend", NEEDS_SIGN_IN | {"signed in": 404}),
    },
    "team/invitations/<uuid:invitation_id>/withdraw": {
        "POST": ("/team/invitations/{job}/withdraw", NEEDS_SIGN_IN | {"signed in": 404}),
    },
    "invitations/<str:token>": {"GET": ("/invitations/x", NOT_THERE), "POST": ("/invitations/x", NOT_THERE)},
    # Who has confirmed, and what then changes: tests/accounts/test_second_factor.py
    "sign-in/code": {
        "GET": ("/sign-in/code", dict.fromkeys(ACTORS, 302)),  # nobody is half-way in
        "POST": ("/sign-in/code", dict.fromkeys(ACTORS, 302)),
    },
    "sign-in/passkey": {"POST": ("/sign-in/passkey", dict.fromkeys(ACTORS, 302))},  # nothing was signed
    "sign-in/passkey/options": {"POST": ("/sign-in/passkey/options", dict.fromkeys(ACTORS, 200))},
    # Without anything typed in: the form again. What changes: tests/accounts/test_profile.py
    "settings": {"GET": ("/settings", NEEDS_SIGN_IN)},
    "settings/email": {"POST": ("/settings/email", NEEDS_SIGN_IN)},
    "settings/email/<str:token>": {"GET": ("/settings/email/x", NOT_THERE), "POST": ("/settings/email/x", NOT_THERE)},
    "settings/password": {"POST": ("/settings/password", NEEDS_SIGN_IN)},
    "settings/account": {"POST": ("/settings/account", NEEDS_SIGN_IN)},
    "settings/confirm": {"GET": ("/settings/confirm", NEEDS_SIGN_IN), "POST": ("/settings/confirm", NEEDS_SIGN_IN)},
    "settings/confirm/code": {
        "GET": ("/settings/confirm/code", NEEDS_SIGN_IN | {"signed in": 302}),  # by password: there is no code
        "POST": ("/settings/confirm/code", NEEDS_SIGN_IN | {"signed in": 302}),
    },
    "settings/confirm/passkey": {"POST": ("/settings/confirm/passkey", NEEDS_SIGN_IN | {"signed in": 302})},
    "settings/security": {"GET": ("/settings/security", NEEDS_SIGN_IN)},
    "settings/security/app": {
        "GET": ("/settings/security/app", NEEDS_SIGN_IN | {"signed in": 302}),  # to confirm
        "POST": ("/settings/security/app", NEEDS_SIGN_IN | {"signed in": 302}),
    },
    "settings/security/app/off": {
        "GET": ("/settings/security/app/off", NEEDS_SIGN_IN | {"signed in": 302}),
        "POST": ("/settings/security/app/off", NEEDS_SIGN_IN | {"signed in": 302}),
    },
    "settings/security/codes": {
        "GET": ("/settings/security/codes", NEEDS_SIGN_IN | {"signed in": 302}),
        "POST": ("/settings/security/codes", NEEDS_SIGN_IN | {"signed in": 302}),
    },
    "settings/security/passkeys/add": {
        "GET": ("/settings/security/passkeys/add", NEEDS_SIGN_IN | {"signed in": 302}),
        "POST": ("/settings/security/passkeys/add", NEEDS_SIGN_IN | {"signed in": 302}),
    },
    "settings/security/passkeys/<int:passkey_id>/rename": {
        "GET": ("/settings/security/passkeys/0/rename", NEEDS_SIGN_IN | {"signed in": 404}),
        "POST": ("/settings/security/passkeys/0/rename", NEEDS_SIGN_IN | {"signed in": 404}),
    },
    "settings/security/passkeys/<int:passkey_id>/remove": {
        "GET": ("/settings/security/passkeys/0/remove", NEEDS_SIGN_IN | {"signed in": 302}),
        "POST": ("/settings/security/passkeys/0/remove", NEEDS_SIGN_IN | {"signed in": 302}),
    },
    "settings/data": {  # the owner's: tests/tts/test_exports.py
        "GET": ("/settings/data", NEEDS_SIGN_IN),
        "POST": ("/settings/data", NEEDS_SIGN_IN | {"signed in": 302}),
    },
    "settings/data/delete": {
        "GET": ("/settings/data/delete", NEEDS_SIGN_IN),
        "POST": ("/settings/data/delete", NEEDS_SIGN_IN),  # the form again; who may: tests/tts/test_deletion.py
    },
    "settings/data/keep": {"POST": ("/settings/data/keep", NEEDS_SIGN_IN | {"signed in": 302})},  # nothing to keep
    "settings/data/exports/<uuid:export_id>": {
        "GET": ("/settings/data/exports/{job}", NEEDS_SIGN_IN | {"signed in": 404}),
    },
    "settings/sessions/end-others": {"POST": ("/settings/sessions/end-others", NEEDS_SIGN_IN | {"signed in": 302})},
    "settings/sessions/<uuid:session_id>/end": {
        "POST": ("/settings/sessions/{job}/end", NEEDS_SIGN_IN | {"signed in": 404}),
    },
    "switch-account": {
        "GET": ("/switch-account", dict.fromkeys(ACTORS, 405)),
        "POST": ("/switch-account", NEEDS_SIGN_IN | {"signed in": 404}),  # to no account
    },
    "voices/<str:voice_id>/sample": {"GET": (f"/voices/{ANNIE}/sample", NOT_THERE)},  # none is made yet
    "voices/<str:voice_id>/samples/<slug:kind>": {"GET": (f"/voices/{ANNIE}/samples/story", NOT_THERE)},
    "stream/<uuid:job_id>/<str:token>": {
        "GET": ("/stream/{job}/forged", NOT_THERE),  # who has the URL: tests/tts/test_stream.py
        "HEAD": ("/stream/{job}/forged", NOT_THERE),
        "OPTIONS": ("/stream/{job}/forged", dict.fromkeys(ACTORS, 204)),
        "POST": ("/stream/{job}/forged", dict.fromkeys(ACTORS, 405)),
    },
    "audio/<path:key>": {
        "GET": ("{signed}", ALL_GET_IN),
        "HEAD": ("{signed}", ALL_GET_IN),
    },
}


def routes(patterns: Any = None, prefix: str = "") -> set[str]:
    found = set()
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            found |= routes(pattern.url_patterns, route)
        else:
            assert isinstance(pattern, URLPattern)
            found.add(route)
    return found


def test_every_url_is_in_the_table():
    # What is under admin/ is for the staff alone: tests/operations/desk/test_pages.py asks for each of those.
    assert {route for route in routes() if not route.startswith("admin/")} == set(TABLE)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may ask is the question here, not how quick a busy machine is."""
    monkeypatch.setattr(health, "CHECK_SECONDS", 20.0)


@dataclass(frozen=True)
class Cast:
    """Everybody who asks, and what of the owner's they ask for. Made once for all URLs."""

    owner: Account
    job: Job
    shown_key: ApiKey
    secrets: dict[str, str]  # by actor: the API key they send
    cookies: SimpleCookie  # of who is signed in


@pytest.fixture(scope="module")
def cast(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Cast]:
    with django_db_blocker.unblock(), rolled_back():
        yield make_cast()


@pytest.fixture
def db(cast: Cast) -> None:
    """Named like pytest-django's, so that these tests run before those that flush the database."""


@pytest.fixture
def audio_file(cast: Cast) -> None:
    """The audio of the cast's job, in this test's own folder."""
    assert store.audio_storage().save(cast.job.audio_key, ContentFile(b"RIFF")) == cast.job.audio_key


def make_cast() -> Cast:
    owner = make_account("Acme")
    job = make_job(owner, status=JobStatus.COMPLETED, attempt=1, finished_at=timezone.now())
    job.audio_key = store.audio_key(job, 1)
    job.save(update_fields=["audio_key"])
    revoked_key, revoked_secret = make_key(owner)
    revoke_key(api_key=revoked_key, actor=SYSTEM, reason="For a test.")
    secret = make_key(owner)[1]
    client = Client()
    client.force_login(make_user("alice@acme.example", owner))
    return Cast(
        owner=owner,
        job=job,
        shown_key=make_key(owner, name="Shown")[0],
        secrets={
            "revoked key": revoked_secret,
            "expired key": make_key(owner, expires_at=timezone.now() - timedelta(seconds=1))[1],
            "key to read only": make_key(owner, scopes=("speech:read",))[1],
            "key to write only": make_key(owner, scopes=("speech:write",))[1],
            "free plan": secret,
            "suspended": secret,
            "another tenant": make_key(make_account("Globex"))[1],
            "owner's key": secret,
        },
        cookies=client.cookies,
    )


def status_for(actor: str, cast: Cast, method: str, path: str) -> int:
    """What one request is answered with. Nothing it changes is left for the next one."""
    client = Client()
    if actor == "signed in":
        client.cookies.load(cast.cookies.output(header="", sep=";"))
    elif actor != "nobody":
        client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {cast.secrets[actor]}"
    signed = store.signed_url(cast.job.audio_key, base_url="").url
    body = {"text": "Hello.", "voice_id": ANNIE} if path.startswith("/api/v1/tts") else {}
    with rolled_back(), own_counters():
        if actor == "free plan":
            Account.objects.filter(pk=cast.owner.pk).update(plan="free")
        elif actor == "suspended":
            Account.objects.filter(pk=cast.owner.pk).update(suspended_at=timezone.now())
        response = client.generic(
            method,
            path.format(job=cast.job.pk, signed=signed, key=cast.shown_key.pk),
            b"" if method in {"GET", "HEAD"} else json.dumps(body).encode(),
            content_type="application/json",
        )
        close_response(response)
    return response.status_code


def mismatches(cast: Cast, method: str, path: str, statuses: dict[str, int]) -> list[str]:
    """A line for each actor who is answered with another status than the table says."""
    found = {actor: status_for(actor, cast, method, path) for actor in ACTORS}
    return [
        f"{method} {path} as {actor}: got {found[actor]}, expected {statuses[actor]}"
        for actor in ACTORS
        if found[actor] != statuses[actor]
    ]


@pytest.mark.parametrize(
    "method, path, statuses",
    [(method, path, statuses) for methods in TABLE.values() for method, (path, statuses) in methods.items()],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_who_asks_for_what_gets_this(
    db: None, audio_file: None, cast: Cast, method: str, path: str, statuses: dict[str, int]
):
    assert statuses.keys() == set(ACTORS)
    found = mismatches(cast, method, path, statuses)
    assert not found, "\n".join(found)


def test_every_wrong_status_is_named(db: None, cast: Cast):
    wrong = NEEDS_SIGN_IN | {"nobody": 200, "signed in": 403}
    assert mismatches(cast, "GET", "/overview", wrong) == [
        "GET /overview as nobody: got 302, expected 200",
        "GET /overview as signed in: got 200, expected 403",
    ]


def test_what_one_request_changes_is_undone_for_the_next(db: None, audio_file: None, cast: Cast):
    path = "/api/v1/tts/{job}"
    assert status_for("owner's key", cast, "DELETE", path) == 200
    assert status_for("owner's key", cast, "GET", path) == 200
    assert Job.objects.get().status == JobStatus.COMPLETED
    assert status_for("suspended", cast, "GET", path) == 403
    assert status_for("owner's key", cast, "GET", path) == 200
    assert status_for("signed in", cast, "POST", "/sign-out") == 302
    assert status_for("signed in", cast, "GET", "/overview") == 200

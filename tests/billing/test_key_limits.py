"""Limits of a key: what it may spend in a month, on which voices, from where. Enforced like the balance."""

import json
from collections import Counter
from datetime import UTC, datetime

import pytest
import time_machine
from django.test import Client

from accounts.models import Account, ApiKey, AuditEntry, Plan, Role
from accounts.services.audit import SYSTEM
from billing.models import Balance, KeyMonth, LedgerEntry
from billing.services.key_limits import set_key_limits
from config.errors import ValidationFailed
from tests.conftest import ApiClient
from tests.factories import make_account, make_key, make_user
from tests.support.envelopes import ANNIE, data_of, error_of
from tests.support.workers import race
from tts.models import Job
from tts.services.lifecycle import claim_next_job, fail_job

CREDIT = 1_000_000
ONE_CREDIT_TEXT = "a" * 1000

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(voices: None) -> Account:
    Plan.objects.create(code="crowd", name="Crowd", allows_api=True, generate_limit=10_000, read_limit=10_000)
    return make_account("Acme", plan="crowd", credits=100)


def key_with(account: Account, *, cap: int | None = None, **lists: list[str]) -> tuple[ApiKey, ApiClient]:
    row, secret = make_key(account)
    limit(row, cap=cap, **lists)
    return row, ApiClient(secret)


def limit(row: ApiKey, *, cap: int | None = None, **lists: list[str]) -> None:
    set_key_limits(
        api_key=row,
        monthly_cap_microcredits=None if cap is None else cap * CREDIT,
        providers=lists.get("providers", []),
        voices=lists.get("voices", []),
        networks=lists.get("networks", []),
        actor=SYSTEM,
        reason="For a test.",
    )


def speak(client: ApiClient, text: str = ONE_CREDIT_TEXT, **fields: object):
    return client.post("/api/v1/tts", {"text": text, "voice_id": ANNIE, **fields})


def spent(row: ApiKey) -> int:
    return sum(KeyMonth.objects.filter(api_key=row).values_list("spent_microcredits", flat=True))


# --- the cap --------------------------------------------------------------------------------------


def test_a_key_spends_its_cap_and_not_a_credit_more(acme):
    row, api = key_with(acme, cap=2)
    assert [speak(api).status_code for _ in range(2)] == [202, 202]
    with time_machine.travel(datetime(2026, 11, 30, 12, tzinfo=UTC), tick=False):
        limit(row, cap=2)
        KeyMonth.objects.update(month=datetime(2026, 11, 1, tzinfo=UTC).date())
        refused = speak(api)
    error_of(refused, 402, "KEY_LIMIT_REACHED")
    assert json.loads(refused.content)["error"]["message"] == (
        "This needs 1.00 credits and this key has 0.00 left of its 2.00 for this month. "
        "The cap resets on 1 Dec, UTC. You can also raise it."
    )
    assert (Job.objects.count(), LedgerEntry.objects.filter(kind="charge").count()) == (2, 2)
    assert Balance.objects.get().available_microcredits == 98 * CREDIT


def test_another_key_of_the_account_goes_on(acme):
    _, capped = key_with(acme, cap=1)
    _, free = key_with(acme)
    assert speak(capped).status_code == 202
    assert speak(capped).status_code == 402
    assert speak(free).status_code == 202


@pytest.mark.usefixtures("committed_db")
def test_of_60_submissions_at_once_the_cap_pays_exactly_20(voices):
    Plan.objects.create(code="crowd", name="Crowd", allows_api=True, generate_limit=10_000, read_limit=10_000)
    account = make_account("Crowd", plan="crowd", credits=100)
    row, secret = make_key(account)
    limit(row, cap=20)

    def one():
        for _ in range(20):
            response = speak(ApiClient(secret))
            if response.status_code != 503:  # no connection to the database was free: nothing happened
                break
        return response

    responses = race(*[one] * 60)
    assert Counter(response.status_code for response in responses) == {202: 20, 402: 40}
    assert spent(row) == 20 * CREDIT
    assert Balance.objects.get(account=account).available_microcredits == 80 * CREDIT


def test_what_comes_back_is_the_keys_to_spend_again(acme):
    row, api = key_with(acme, cap=1)
    assert speak(api).status_code == 202
    job = claim_next_job(queue="speech.espeak")
    assert job is not None and fail_job(job=job, message="It could not be said.")
    assert spent(row) == 0
    assert speak(api).status_code == 202
    job_id = data_of(speak(key_with(acme)[1]), 202)["job_id"]  # of another key
    assert spent(row) == CREDIT
    assert api.delete(f"/api/v1/tts/{job_id}").status_code == 200
    assert spent(row) == CREDIT


def test_a_refund_goes_back_to_the_month_that_paid(acme):
    with time_machine.travel(datetime(2026, 10, 31, 23, 59, tzinfo=UTC), tick=False):
        row, api = key_with(acme, cap=1)
        job_id = data_of(speak(api), 202)["job_id"]
    with time_machine.travel(datetime(2026, 11, 1, 0, 1, tzinfo=UTC), tick=False):
        assert speak(api).status_code == 202  # a new month
        assert api.delete(f"/api/v1/tts/{job_id}").status_code == 200
        assert speak(api).status_code == 402
    months = dict(KeyMonth.objects.filter(api_key=row).values_list("month", "spent_microcredits"))
    assert {f"{month:%Y-%m}": amount for month, amount in months.items()} == {"2026-10": 0, "2026-11": CREDIT}


def test_a_repeat_of_a_paid_request_is_answered_at_the_cap(acme):
    _, api = key_with(acme, cap=1)
    once = {"Idempotency-Key": "once"}
    body = {"text": ONE_CREDIT_TEXT, "voice_id": ANNIE}
    first = api.post("/api/v1/tts", body, headers=once)
    again = api.post("/api/v1/tts", body, headers=once)
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.content == first.content
    assert (again.headers["X-Credits-Charged"], again.headers["X-Credits-Remaining"]) == ("1", "99")


def test_openai_s_clients_see_a_quota(acme):
    _, api = key_with(acme, cap=1)
    refused = api.post("/v1/audio/speech", {"input": "a" * 1001, "model": "tts-1", "voice": ANNIE})
    assert refused.status_code == 429
    assert json.loads(refused.content)["error"]["code"] == "insufficient_quota"
    assert refused.headers["X-Should-Retry"] == "false"


# --- voices and networks --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lists", "status"),
    [
        ({"voices": [ANNIE]}, 202),
        ({"voices": ["espeak:en-GB-eSpeak-Lee"]}, 403),
        ({"providers": ["espeak"]}, 202),
        ({"providers": ["kokoro"]}, 403),
        ({"providers": ["kokoro"], "voices": [ANNIE]}, 202),
    ],
)
def test_a_key_speaks_with_the_voices_it_may(acme, lists, status):
    _, api = key_with(acme, **lists)
    answers = [
        speak(api),
        api.post("/api/v1/tts/stream", {"text": "Hello.", "voice_id": ANNIE}),
        api.post("/api/v1/tts/quote", {"text": "Hello.", "voice_id": ANNIE}),
    ]
    assert [answer.status_code for answer in answers] == [status, status, 200 if status == 202 else 403]
    if status == 403:
        error_of(answers[0], 403, "FORBIDDEN")
        assert json.loads(answers[0].content)["error"]["message"] == f"This key cannot use the voice {ANNIE}."
        assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("networks", "caller", "status"),
    [
        (["203.0.113.0/24"], "203.0.113.77", 202),
        (["203.0.113.0/24"], "203.0.114.1", 403),
        (["203.0.113.5"], "203.0.113.5", 202),
        (["203.0.113.0/24"], "::ffff:203.0.113.9", 202),
        (["2001:db8::/32"], "2001:db8::7", 202),
        (["2001:db8::/32"], "203.0.113.5", 403),
        ([], "203.0.113.5", 202),
    ],
)
def test_a_key_is_used_from_where_it_may(acme, networks, caller, status):
    row, secret = make_key(acme)
    limit(row, networks=networks)
    answer = Client(REMOTE_ADDR=caller).post(
        "/api/v1/tts",
        {"text": "Hello.", "voice_id": ANNIE},
        content_type="application/json",
        headers={"Authorization": f"Bearer {secret}"},
    )
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["error"]["message"] == f"This key cannot be used from {caller}."
        assert not Job.objects.exists()


@pytest.mark.parametrize("caller", ["", "unix:", "203.0.113.5:80"])
def test_a_key_with_networks_is_not_used_from_nobody_knows_where(acme, caller):
    row, secret = make_key(acme)
    limit(row, networks=["203.0.113.0/24"])
    answer = Client(REMOTE_ADDR=caller).get("/api/v1/credits", headers={"Authorization": f"Bearer {secret}"})
    error_of(answer, 403, "FORBIDDEN")


def test_the_callers_address_is_the_one_that_our_proxy_heard_from(acme, settings):
    settings.TRUSTED_PROXIES = 1
    row, secret = make_key(acme)
    limit(row, networks=["203.0.113.0/24"])

    def ask(forwarded_for: str) -> int:
        headers = {"Authorization": f"Bearer {secret}", "X-Forwarded-For": forwarded_for}
        return Client(REMOTE_ADDR="10.0.0.1").get("/api/v1/credits", headers=headers).status_code

    assert ask("203.0.113.8") == 200
    assert ask("203.0.113.8, 198.51.100.1") == 403  # the first is the caller's own claim


# --- setting them ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        ({"cap": 0}, "monthly_cap"),
        ({"providers": ["nobody"]}, "providers"),
        ({"voices": ["no id"]}, "voices"),
        ({"voices": [f"espeak:{number}" for number in range(201)]}, "voices"),
        ({"networks": ["203.0.113.7/24"]}, "networks"),  # has host bits: which one is meant?
        ({"networks": ["everywhere"]}, "networks"),
        ({"networks": [f"10.0.0.{number}" for number in range(51)]}, "networks"),
    ],
)
def test_wrong_limits_are_named_and_nothing_changes(acme, limits, field):
    row, _ = key_with(acme, cap=7)
    with pytest.raises(ValidationFailed) as refusal:
        limit(row, **limits)
    assert list(refusal.value.details) == [field]
    row.refresh_from_db()
    assert (row.monthly_cap_microcredits, row.allowed_providers) == (7 * CREDIT, [])


def test_who_set_them_is_in_the_audit_trail(acme):
    row, _ = key_with(acme, cap=7, networks=["10.0.0.0/8"])
    limit(row, cap=7, networks=["10.0.0.0/8"])  # the same again is no event
    entry = AuditEntry.objects.get(action="key.limited")
    assert entry.before["monthly_cap"] is None
    assert entry.after["monthly_cap"] == "7"
    assert entry.after["allowed_networks"] == ["10.0.0.0/8"]


def test_the_page_shows_and_saves_them(client, acme):
    row, _ = make_key(acme)
    client.force_login(make_user("ada@acme.example", account=acme))
    page = client.get(f"/keys/{row.pk}/limits")
    assert 'has spent <b class="num">0.00</b> credits this month' in page.content.decode()
    saved = client.post(
        f"/keys/{row.pk}/limits",
        {"monthly_cap": "12.5", "providers": ["espeak"], "voices": f"{ANNIE}\n", "networks": "10.0.0.0/8, 192.0.2.1"},
        follow=True,
    )
    assert "was updated. The limits apply from the key" in saved.content.decode()
    row.refresh_from_db()
    assert row.monthly_cap_microcredits == 12_500_000
    assert (row.allowed_providers, row.allowed_voices) == (["espeak"], [ANNIE])
    assert row.allowed_networks == ["10.0.0.0/8", "192.0.2.1/32"]
    assert 'value="12.5"' in client.get(f"/keys/{row.pk}/limits").content.decode()


def test_what_was_typed_wrong_is_said_at_its_field_and_stays(client, acme):
    row, _ = make_key(acme)
    client.force_login(make_user("ada@acme.example", account=acme))
    page = client.post(f"/keys/{row.pk}/limits", {"monthly_cap": "2,5", "networks": "everywhere"}).content.decode()
    assert "Nothing was saved" in page
    assert "could mean" in page or "is not a number of credits" in page
    assert ">everywhere</textarea>" in page.replace("\n", "")
    row.refresh_from_db()
    assert not row.has_limits


@pytest.mark.parametrize("role", Role.values)
def test_only_who_manages_keys_sets_their_limits(client, acme, role):
    row, _ = make_key(acme)
    client.force_login(make_user(f"{role}@acme.example", account=acme, role=role))
    may = role in {"owner", "admin", "developer"}
    assert client.get(f"/keys/{row.pk}/limits").status_code == (200 if may else 403)
    assert client.post(f"/keys/{row.pk}/limits", {"monthly_cap": "1"}).status_code == (302 if may else 403)
    row.refresh_from_db()
    assert row.has_limits is may


def test_another_tenants_key_and_a_revoked_one_are_not_there(client, acme):
    row, _ = make_key(make_account("Globex"))
    client.force_login(make_user("ada@acme.example", account=acme))
    assert client.post(f"/keys/{row.pk}/limits", {"monthly_cap": "1"}).status_code == 404
    row.refresh_from_db()
    assert not row.has_limits

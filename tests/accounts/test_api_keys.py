"""API keys: their form, who gets in with one, what is kept of it."""

import re
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.db import connection
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts import keys
from accounts.models import Account, ApiKey, Plan
from accounts.services.api_keys import issue_key, revoke_key
from accounts.services.audit import SYSTEM
from tests.conftest import ApiClient
from tests.factories import make_account, make_key
from tests.support.envelopes import ANNIE, NEVER_WAS, data_of, error_of, everything_that_costs

pytestmark = pytest.mark.django_db

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
BODY = {"text": "Hello.", "voice_id": ANNIE}


def base62(number: int) -> str:
    digits = ""
    for _ in range(6):
        number, rest = divmod(number, 62)
        digits = ALPHABET[rest] + digits
    return digits


# --- the form ------------------------------------------------------------------------------------


def test_a_key_is_thirty_characters_and_their_checksum():
    key = keys.generate_key()
    match = re.fullmatch(r"tts_([0-9A-Za-z]{30})([0-9A-Za-z]{6})", key)
    assert match is not None
    assert match[2] == base62(zlib.crc32(match[1].encode()))
    assert keys.is_well_formed(key)


def test_keys_differ():
    assert len({keys.generate_key() for _ in range(200)}) == 200


@given(st.text(ALPHABET, min_size=30, max_size=30), st.integers(0, 35), st.sampled_from(ALPHABET))
@settings(database=None, max_examples=200)
def test_every_mistyped_character_is_noticed(body: str, position: int, character: str):
    right = body + base62(zlib.crc32(body.encode()))
    wrong = right[:position] + character + right[position + 1 :]
    assert keys.is_well_formed(f"tts_{wrong}") is (wrong == right)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tts_",
        "tts",
        "x" * 40,
        "sk_" + "0" * 36,
        "tts_" + "0" * 35,
        "tts_" + "0" * 37,
        "TTS_" + "0" * 36,
        "tts_" + "é" * 36,
    ],
)
def test_what_has_another_form_is_no_key(text: str):
    assert not keys.is_well_formed(text)


# --- who gets in ---------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer "])
def test_the_scheme_is_bearer_in_any_capitals(key: tuple[ApiKey, str], anonymous: ApiClient, scheme: str):
    data_of(anonymous.get("/api/v1/tts", Authorization=f"{scheme} {key[1]}"))


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "{key}",
        "Basic {key}",
        "Token {key}",
        "Bearer{key}",
        "Bearer {key}x",
        "Bearer x{key}",
        "Bearer {key} {key}",
        "Bearer {key},",
        "Bearer tts_",
        "Bearer é",
        "Bearer {lower}",
        "Bearer \x00",
        "Bearer " + "a" * 9000,
    ],
)
@pytest.mark.parametrize(
    "method, path", [("get", "/api/v1/tts"), ("post", "/api/v1/tts"), ("delete", f"/api/v1/tts/{NEVER_WAS}")]
)
def test_without_a_usable_key_nobody_gets_in(
    key: tuple[ApiKey, str], anonymous: ApiClient, method: str, path: str, header: str | None
):
    before = everything_that_costs()
    headers = {} if header is None else {"Authorization": header.format(key=key[1], lower=key[1].lower())}
    response = getattr(anonymous.client, method)(path, headers=headers)
    error_of(response, 401, "UNAUTHORIZED")
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.headers["X-RateLimit-Limit"] == "0"
    assert everything_that_costs() == before


def test_a_key_in_the_query_or_the_body_is_no_authentication(key: tuple[ApiKey, str], anonymous: ApiClient):
    error_of(anonymous.get(f"/api/v1/tts?api_key={key[1]}&key={key[1]}&access_token={key[1]}"), 401, "UNAUTHORIZED")


def test_a_wrong_checksum_is_refused_without_asking_the_database(
    key: tuple[ApiKey, str], anonymous: ApiClient, django_assert_num_queries
):
    wrong = key[1][:-1] + ("a" if key[1][-1] != "a" else "b")
    anonymous.get("/api/v1/tts")  # looks whether there is maintenance, which then is known for a second
    with django_assert_num_queries(0):
        response = anonymous.get("/api/v1/tts", Authorization=f"Bearer {wrong}")
    error_of(response, 401, "UNAUTHORIZED")


def test_a_well_formed_key_that_was_never_made_is_refused(anonymous: ApiClient, db):
    error_of(anonymous.get("/api/v1/tts", Authorization=f"Bearer {keys.generate_key()}"), 401, "UNAUTHORIZED")


def test_a_revoked_key_is_refused_from_the_next_request_on(key: tuple[ApiKey, str], api: ApiClient, voices):
    data_of(api.post("/api/v1/tts", BODY), 202)
    assert revoke_key(api_key=key[0], actor=SYSTEM, reason="For a test.") is True
    before = everything_that_costs()
    error_of(api.post("/api/v1/tts", BODY), 401, "UNAUTHORIZED")
    error_of(api.get("/api/v1/tts"), 401, "UNAUTHORIZED")
    assert everything_that_costs() == before
    assert revoke_key(api_key=key[0], actor=SYSTEM, reason="For a test.") is False


def test_revoking_one_key_leaves_the_accounts_others(account: Account, key: tuple[ApiKey, str]):
    other = make_key(account)[1]
    revoke_key(api_key=key[0], actor=SYSTEM, reason="For a test.")
    data_of(ApiClient(other).get("/api/v1/tts"))


def test_a_key_ends_at_its_expiry_to_the_moment(account: Account):
    noon = datetime(2026, 1, 8, 12, tzinfo=UTC)
    api = ApiClient(make_key(account, expires_at=noon)[1])
    with time_machine.travel(noon - timedelta(seconds=1), tick=False):
        data_of(api.get("/api/v1/tts"))
    with time_machine.travel(noon, tick=False):
        error_of(api.get("/api/v1/tts"), 401, "UNAUTHORIZED")


# --- what a key may do ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "method, path, scope",
    [
        ("post", "/api/v1/tts", "speech:write"),
        ("delete", f"/api/v1/tts/{NEVER_WAS}", "speech:write"),
        ("get", "/api/v1/tts", "speech:read"),
        ("head", "/api/v1/tts", "speech:read"),
        ("get", f"/api/v1/tts/{NEVER_WAS}", "speech:read"),
        ("get", f"/api/v1/tts/{NEVER_WAS}/audio", "speech:read"),
    ],
)
def test_each_verb_takes_one_scope(account: Account, voices, method: str, path: str, scope: str):
    (missing,) = {"speech:write", "speech:read"} - {scope}
    without = ApiClient(make_key(account, scopes=(missing,))[1])
    before = everything_that_costs()
    response = getattr(without.client, method)(path, headers=without.headers)
    assert response.status_code == 403
    if method != "head":
        assert error_of(response, 403, "FORBIDDEN")["message"] == f"This key lacks the scope {scope}."
    assert everything_that_costs() == before
    having = ApiClient(make_key(account, scopes=(scope,))[1])
    assert getattr(having.client, method)(path, headers=having.headers).status_code in {200, 404, 415}


@pytest.mark.parametrize("scopes", [(), ("speech:write ",), ("SPEECH:READ",), ("*",)])
def test_a_key_without_a_known_scope_may_do_nothing(account: Account, scopes: tuple[str, ...]):
    row, key = make_key(account)
    ApiKey.objects.filter(pk=row.pk).update(scopes=list(scopes))  # the service makes no such key
    api = ApiClient(key)
    error_of(api.get("/api/v1/tts"), 403, "FORBIDDEN")
    error_of(api.post("/api/v1/tts", BODY), 403, "FORBIDDEN")


def test_the_free_plan_has_no_api(voices):
    api = ApiClient(make_key(make_account(plan="free"))[1])
    before = everything_that_costs()
    for response in (api.post("/api/v1/tts", BODY), api.get("/api/v1/tts"), api.get(f"/api/v1/tts/{NEVER_WAS}")):
        assert "Free plan" in error_of(response, 403, "FORBIDDEN")["message"]
    assert everything_that_costs() == before


@pytest.mark.parametrize("plan", ["payg", "pro", "enterprise"])
def test_the_other_plans_have_it(voices, plan: str):
    data_of(ApiClient(make_key(make_account(plan=plan))[1]).post("/api/v1/tts", BODY), 202)


def test_a_plan_is_a_row_that_an_operator_changes(voices):
    api = ApiClient(make_key(make_account(plan="free"))[1])
    Plan.objects.filter(pk="free").update(allows_api=True)
    data_of(api.post("/api/v1/tts", BODY), 202)


def test_a_suspended_account_may_do_nothing_until_it_is_let_in_again(account: Account, api: ApiClient, voices):
    Account.objects.filter(pk=account.pk).update(suspended_at=timezone.now())
    before = everything_that_costs()
    for response in (api.post("/api/v1/tts", BODY), api.get("/api/v1/tts"), api.delete(f"/api/v1/tts/{NEVER_WAS}")):
        assert "suspended" in error_of(response, 403, "FORBIDDEN")["message"]
    assert everything_that_costs() == before
    Account.objects.filter(pk=account.pk).update(suspended_at=None)
    data_of(api.post("/api/v1/tts", BODY), 202)


# --- what is kept --------------------------------------------------------------------------------


def test_the_last_use_is_noted_at_most_once_a_minute(key: tuple[ApiKey, str], api: ApiClient):
    assert key[0].last_used_at is None
    noon = datetime(2026, 1, 8, 12, tzinfo=UTC)
    for seconds, noted in ((0, 0), (1, 0), (59, 0), (61, 61), (119, 61), (122, 122)):
        with time_machine.travel(noon + timedelta(seconds=seconds), tick=False):
            data_of(api.get("/api/v1/tts"))
        assert ApiKey.objects.get(pk=key[0].pk).last_used_at == noon + timedelta(seconds=noted), seconds


def test_only_the_hash_and_the_ends_of_a_key_are_stored(account: Account, voices):
    row, secret = issue_key(account=account, name="Museum guide", actor=SYSTEM, reason="For a test.")
    api = ApiClient(secret)
    data_of(api.post("/api/v1/tts", BODY, headers={"Idempotency-Key": "k"}), 202)
    assert (row.prefix, row.last_four) == (secret[:8], secret[-4:])
    hiding_places = [secret, secret[4:], secret[4:34], secret[:20]]
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        assert "accounts_apikey" in tables
        assert {model._meta.db_table for model in apps.get_models()} <= set(tables)
        for table in tables:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            stored = " ".join(_as_text(value) for line in cursor.fetchall() for value in line)
            assert not any(hiding_place in stored for hiding_place in hiding_places), table
    assert len(row.digest) == 64


def _as_text(value: Any) -> str:
    return bytes(value).decode("latin-1") if isinstance(value, bytes | memoryview) else str(value)

"""Idempotency-Key: a repeat gets the same answer, byte for byte, and nothing happens twice."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from accounts.models import IdempotencyRecord
from accounts.services.idempotency import forget_expired
from billing.models import Balance, LedgerEntry, Price
from tests.conftest import ApiClient
from tests.factories import make_account, make_key
from tests.support.envelopes import ANNIE, data_of, error_of, everything_that_costs
from tts.models import Job
from voices.models import Voice

pytestmark = pytest.mark.django_db

BODY = {"text": "Hello there.", "voice_id": ANNIE, "metadata": {"a": 1, "b": [1, {"c": "é"}]}}
PATH = "/api/v1/tts"
NOON = datetime(2026, 1, 8, 12, 0, 0, tzinfo=UTC)


def submit(api: ApiClient, body=BODY, *, key: str = "order-1", raw: bytes | None = None):
    return api.post(PATH, body, raw=raw, headers={"Idempotency-Key": key})


def test_a_repeat_gets_the_same_bytes_and_nothing_happens_twice(api: ApiClient, voices):
    first = submit(api)
    data_of(first, 202)
    assert "Idempotent-Replayed" not in first.headers
    after_first = everything_that_costs()
    for _ in range(3):
        again = submit(api)
        assert (again.status_code, again.content) == (202, first.content)
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.headers["Location"] == first.headers["Location"]
        assert again.headers["Content-Type"] == first.headers["Content-Type"]
    assert everything_that_costs() == after_first
    assert (Job.objects.count(), LedgerEntry.objects.filter(kind="charge").count()) == (1, 1)


def test_without_a_key_every_request_is_a_job_of_its_own(api: ApiClient, voices):
    first, second = (data_of(api.post(PATH, BODY), 202)["job_id"] for _ in range(2))
    assert first != second
    assert LedgerEntry.objects.filter(kind="charge").count() == 2
    assert IdempotencyRecord.objects.count() == 0


@pytest.mark.parametrize(
    "change",
    [{"text": "Hello there!"}, {"voice_id": "espeak:en-GB-eSpeak-Lee"}, {"speed": 2}, {"metadata": {"a": 1, "b": []}},
     {"output_format": "mp3"}, {"speed": 1.0}],
    ids=str,
)  # fmt: skip
def test_another_request_with_the_same_key_is_refused(api: ApiClient, voices, change: dict[str, Any]):
    first = submit(api)
    before = everything_that_costs()
    error = error_of(submit(api, BODY | change), 409, "IDEMPOTENCY_KEY_REUSE")
    assert "Use a new key" in error["message"]
    assert everything_that_costs() == before
    assert submit(api).content == first.content


def test_the_order_of_fields_and_the_white_space_do_not_matter(api: ApiClient, voices):
    first = submit(api)
    shuffled = {name: BODY[name] for name in ("metadata", "voice_id", "text")}
    spellings = [
        json.dumps(shuffled, indent=4, ensure_ascii=True).encode(),
        json.dumps(shuffled, separators=(",", ":"), ensure_ascii=False).encode(),
        b"\n\t " + json.dumps(BODY, sort_keys=True).encode() + b"\r\n",
        json.dumps(BODY).replace("Hello", "\\u0048ello").encode(),
    ]
    for raw in spellings:
        again = submit(api, raw=raw)
        assert (again.status_code, again.content) == (202, first.content)
    assert Job.objects.count() == 1


def test_keys_belong_to_an_account(api: ApiClient, voices):
    mine = data_of(submit(api), 202)["job_id"]
    globex = make_account("Globex")
    theirs = submit(ApiClient(make_key(globex)[1]))
    assert data_of(theirs, 202)["job_id"] != mine
    assert "Idempotent-Replayed" not in theirs.headers
    assert (Job.objects.filter(account=globex).count(), Job.objects.count()) == (1, 2)


def test_keys_belong_to_the_account_not_to_its_api_key(api: ApiClient, account, voices):
    first = submit(api)
    assert submit(ApiClient(make_key(account)[1])).content == first.content
    assert Job.objects.count() == 1


def test_keys_differ_by_their_capitals(api: ApiClient, voices):
    submit(api, key="order-a")
    assert "Idempotent-Replayed" not in submit(api, key="order-A").headers
    assert Job.objects.count() == 2


def test_a_repeat_is_answered_whatever_changed_in_between(api: ApiClient, account, voices):
    first = submit(api)
    Balance.objects.filter(account=account).update(available_microcredits=0)
    Price.objects.update(microcredits_per_character=10**9)
    Voice.objects.update(is_enabled=False)
    Job.objects.update(status="completed")
    again = submit(api)
    assert (again.status_code, again.content) == (202, first.content)


# --- refusals release the key --------------------------------------------------------------------


def test_a_refusal_for_want_of_credits_releases_the_key(voices):
    acme = make_account("Acme", credits=0)
    api = ApiClient(make_key(acme)[1])
    error_of(submit(api), 402, "INSUFFICIENT_CREDITS")
    assert IdempotencyRecord.objects.count() == 0
    Balance.objects.create(account=acme, available_microcredits=10**6)
    response = submit(api)
    data_of(response, 202)
    assert "Idempotent-Replayed" not in response.headers


@pytest.mark.parametrize(
    "change, code",
    [
        ({"text": ""}, "VALIDATION_ERROR"),
        ({"voice_id": "espeak:nobody"}, "INVALID_VOICE"),
        ({"format": "markup"}, "VALIDATION_ERROR"),
    ],
    ids=["shape", "voice", "capability"],
)
def test_a_refused_request_releases_the_key_for_another(api: ApiClient, voices, change: dict[str, Any], code: str):
    error_of(submit(api, BODY | change), 400, code)
    assert IdempotencyRecord.objects.count() == 0
    data_of(submit(api), 202)


def test_a_forbidden_webhook_url_releases_the_key(api: ApiClient, voices):
    error_of(submit(api, BODY | {"webhook_url": "https://example.com/hook"}), 403, "FORBIDDEN")
    data_of(submit(api), 202)


# --- twenty-four hours ---------------------------------------------------------------------------


def test_a_key_is_remembered_for_twenty_four_hours_and_then_free(api: ApiClient, voices):
    with time_machine.travel(NOON, tick=False) as clock:
        first = submit(api)
        clock.shift(timedelta(hours=23, minutes=59, seconds=59))
        assert submit(api).content == first.content
        clock.shift(timedelta(seconds=1))
        later = submit(api)
        data_of(later, 202)
        assert later.content != first.content
        assert "Idempotent-Replayed" not in later.headers
        assert submit(api).content == later.content
    assert (Job.objects.count(), IdempotencyRecord.objects.count()) == (2, 1)


def test_after_that_time_another_request_may_have_the_key(api: ApiClient, voices):
    with time_machine.travel(NOON, tick=False) as clock:
        submit(api)
        clock.shift(timedelta(hours=24))
        data_of(submit(api, BODY | {"text": "Something else."}), 202)


def test_what_is_past_its_time_is_forgotten(api: ApiClient, voices):
    with time_machine.travel(NOON, tick=False) as clock:
        submit(api, key="old")
        clock.shift(timedelta(hours=1))
        submit(api, key="young")
        clock.shift(timedelta(hours=23))
        assert forget_expired() == 1
    assert list(IdempotencyRecord.objects.values_list("key", flat=True)) == ["young"]


# --- the form of a key ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["a", "x" * 255, "8e03978e-40d5-43e8-bc93-6894a57f9324", "!#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\""]
)
def test_one_to_255_visible_characters_are_a_key(api: ApiClient, voices, name: str):
    first = submit(api, key=name)
    data_of(first, 202)
    assert submit(api, key=name).content == first.content


@pytest.mark.parametrize("name", ["", " ", "x" * 256, "a b", "é", "a\tb", "a\x7fb", "a\x00b", "\u4e2d"])
def test_anything_else_is_not(api: ApiClient, voices, name: str):
    before = everything_that_costs()
    error = error_of(submit(api, key=name), 400, "VALIDATION_ERROR")
    assert error["message"] == "Idempotency-Key must be 1 to 255 visible ASCII characters, without spaces."
    assert everything_that_costs() == before

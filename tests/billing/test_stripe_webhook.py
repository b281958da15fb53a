"""`POST /webhooks/stripe/`: who is believed, what is kept, what is answered."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import Account
from billing.models import LedgerEntry, OperatorAlert, StripeEvent
from billing.selectors import get_balance
from billing.services.stripe_events import apply_event, forget_old_events
from tests.factories import make_account
from tests.peers.stripe_helpers import CREDIT, SECRET, completed, deliver, event, make_purchase, post, signature
from tests.support.workers import race

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def secrets(settings):
    settings.STRIPE_WEBHOOK_SECRETS = [SECRET]


@pytest.fixture
def acme(db) -> Account:
    return make_account("Acme", plan="free", credits=0)


BODY = json.dumps(event("charge.succeeded", {"id": "ch_1"}, id="evt_1")).encode()


def test_a_signed_event_is_kept_as_it_came():
    assert post(BODY, signature(BODY)).status_code == 200
    row = StripeEvent.objects.get()
    assert (row.pk, row.type, bytes(row.payload), row.processed_at) == ("evt_1", "charge.succeeded", BODY, None)


@pytest.mark.parametrize("skew", [-298, 0, 298])
def test_five_minutes_to_either_side_are_fine(skew: int):
    assert post(BODY, signature(BODY, skew_seconds=skew)).status_code == 200
    assert StripeEvent.objects.count() == 1


@pytest.mark.parametrize(
    "header",
    [
        lambda: signature(BODY, secret="whsec_other"),
        lambda: signature(BODY, scheme="v0"),
        lambda: signature(BODY + b" "),
        lambda: signature(BODY).partition(",")[2],
        "",
        "t=,v1=",
        "nonsense",
        "t=1,v1=" + "0" * 64,
        "t=9" * 30,
        "v1=" + "0" * 64,
        "t=1,v1=\u00e9",
    ],
    ids=[
        "other secret",
        "old scheme",
        "tampered",
        "its time cut off",
        "none",
        "empty",
        "nonsense",
        "forged",
        "repeated",
        "no time",
        "not ASCII",
    ],
)
def test_what_is_not_signed_is_refused(header: str | Callable[[], str]):
    assert post(BODY, header() if callable(header) else header).status_code == 400
    assert StripeEvent.objects.count() == 0


@pytest.mark.parametrize("skew", [-302, 302, 86_400, -86_400])
def test_a_time_that_is_off_is_refused_in_the_future_too(skew: int):
    with time_machine.travel("2026-11-25T12:00:00Z", tick=False):
        assert post(BODY, signature(BODY, skew_seconds=skew)).status_code == 400
    assert StripeEvent.objects.count() == 0


def test_two_secrets_hold_while_one_replaces_the_other(settings):
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_new", SECRET]
    assert post(BODY, signature(BODY)).status_code == 200
    assert post(BODY, signature(BODY, secret="whsec_new")).status_code == 200
    assert post(BODY, signature(BODY, secret="whsec_third")).status_code == 400
    assert StripeEvent.objects.count() == 1


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe{}",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"id": 5, "type": "x", "created": 1, "data": {"object": {}}}',
        b'{"id": "evt_1", "type": "x", "created": "1", "data": {"object": {}}}',
        b'{"id": "evt_\\u0000", "type": "x", "created": 1, "data": {"object": {}}}',
        b'{"id": "evt_1", "type": "x", "created": 1, "data": []}',
        b'{"id": "evt_1", "type": "x", "created": 1e400, "data": {"object": {}}}',
        b'{"id": "evt_1", "type": "x", "created": 99999999999999999, "data": {"object": {}}}',
        b"[" * 100_000,
    ],
    ids=range(12),
)
def test_a_signed_body_that_is_no_event_is_a_400(body: bytes):
    assert post(body, signature(body)).status_code == 400
    assert StripeEvent.objects.count() == 0


def test_without_a_secret_stripe_is_asked_to_try_again(settings):
    settings.STRIPE_WEBHOOK_SECRETS = []
    assert post(BODY, signature(BODY)).status_code == 503
    assert StripeEvent.objects.count() == 0


def test_only_post():
    assert Client().get("/webhooks/stripe/").status_code == 405


def test_an_event_that_nobody_waits_for_is_acknowledged():
    deliver(event("product.created", {"id": "prod_1"}))
    assert StripeEvent.objects.get().processed_at is not None
    assert OperatorAlert.objects.count() == 0


def test_the_same_event_twenty_times_at_once_credits_once(committed_db, settings):
    acme = make_account("Acme", plan="free", credits=0)
    body = json.dumps(completed(make_purchase(acme), id="cs_1") | {"id": "evt_same"}).encode()
    header = signature(body)
    answers = race(*[lambda: post(body, header)] * 20)
    assert [answer.status_code for answer in answers] == [200] * 20
    assert StripeEvent.objects.count() == 1
    applied = race(*[lambda: apply_event(event_id="evt_same")] * 20)
    assert sorted(map(bool, applied)) == [False] * 19 + [True]
    assert get_balance(acme).available_microcredits == 1_000 * CREDIT
    assert LedgerEntry.objects.count() == 1


def test_what_was_applied_90_days_ago_is_forgotten_and_nothing_else(db):
    now = timezone.now()
    for event_id, processed_at in (
        ("evt_old", now - timedelta(days=91)),
        ("evt_young", now - timedelta(days=89)),
        ("evt_waiting", None),
    ):
        StripeEvent.objects.create(
            event_id=event_id, type="charge.succeeded", payload=b"{}", created_at=now - timedelta(days=99),
            processed_at=processed_at,
        )  # fmt: skip
    assert forget_old_events() == 1
    assert set(StripeEvent.objects.values_list("pk", flat=True)) == {"evt_young", "evt_waiting"}

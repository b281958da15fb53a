"""Prices by family of voices and by tier: those of a fresh and of an upgraded installation, and which counts."""

import importlib
from dataclasses import replace
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction
from django.test import Client

from accounts.models import Account, AuditEntry
from accounts.services.audit import SYSTEM
from billing.models import Balance, LedgerEntry, Price
from billing.services.prices import change_price, set_price_enabled
from speech.engines.espeak.voices import voice_entries
from tests.conftest import ApiClient
from tests.support.envelopes import ANNIE, data_of
from tests.support.rows import text_of
from voices.services import reconcile_catalogue

TEXT = "The quick brown fox jumps over a lazy dog."  # 42 characters
BODY = {"text": TEXT, "voice_id": ANNIE}
JOANNA = "polly:en-US-Neural-Joanna"
ESPEAK = "espeak:eSpeak"

pytestmark = pytest.mark.usefixtures("voices")


def migrate() -> None:
    """What the migration does after it changed the table, in a database whose rows for families are gone."""
    importlib.import_module("billing.migrations.0016_family_prices").add_espeak(apps, None)


@pytest.fixture
def default_prices(db: None) -> None:
    """As on a fresh installation; the other tests have the tiers' alone."""
    migrate()


@pytest.fixture
def joanna(db: None) -> str:
    """A premium voice of Amazon's."""
    entry = replace(voice_entries()[0], voice_id=JOANNA, provider="polly", family="Neural", name="Joanna")
    reconcile_catalogue(provider="polly", entries=[entry], unavailable_reason="")
    return JOANNA


def per_1000(api: ApiClient, voice_id: str) -> str:
    return str(data_of(api.get(f"/api/v1/voices/{voice_id}"))["credits_per_1000_chars"])


# --- a fresh installation ------------------------------------------------------------------------


def test_espeak_costs_a_tenth_of_other_premium_voices(default_prices: None, api: ApiClient, joanna: str):
    rows = list(Price.objects.order_by("code").values_list("code", "microcredits_per_character", "is_enabled"))
    assert rows == [(ESPEAK, 100, True), ("premium", 1_000, True), ("ultra", 4_000, True)]
    assert (per_1000(api, ANNIE), per_1000(api, joanna)) == ("0.1", "1")


def test_a_job_a_quote_and_the_ledger_say_the_same(default_prices: None, api: ApiClient, account: Account):
    assert data_of(api.post("/api/v1/tts/quote", BODY))["credits_charged"] == "0.0042"
    assert data_of(api.post("/api/v1/tts", BODY), 202)["credits_charged"] == "0.0042"
    assert LedgerEntry.objects.get(kind="charge").amount_microcredits == -4_200
    assert Balance.objects.get(account=account).available_microcredits == 99_995_800


def test_the_pages_show_it(default_prices: None, client: Client, signed_in: Client):
    assert "Basic : 0.10 credits per 1,000 characters" in text_of(client.get("/pricing").content.decode())
    assert "Basic voices 0.10 credits per 1,000 characters" in text_of(client.get("/").content.decode())
    assert "0.10 credits / 1,000 chars" in text_of(client.get("/voices").content.decode())
    assert "0.10 credits per 1,000 characters" in text_of(client.get(f"/voices/{ANNIE}").content.decode())
    assert "espeak:eSpeak 0.10" in text_of(client.get("/docs/credits").content.decode())
    page = text_of(signed_in.get("/playground").content.decode())
    assert "Annie, eSpeak, Basic, 0.10" in page
    assert "0.01 credits for 63 characters" in page  # 0.0063, rounded up


def test_the_calculator_knows_its_price(default_prices: None, client: Client):
    page = text_of(client.get("/pricing?characters=1000000&tier=espeak:eSpeak").content.decode())
    assert "That is 100.00 credits per month." in page
    assert client.get("/pricing?characters=1&tier=polly:Neural").status_code == 400


# --- an upgrade ----------------------------------------------------------------------------------


def test_an_upgrade_leaves_the_price_of_espeak_alone_where_the_premium_price_is_another(api: ApiClient):
    Price.objects.filter(code="premium").update(microcredits_per_character=50)
    migrate()
    assert not Price.objects.filter(code=ESPEAK).exists()
    assert per_1000(api, ANNIE) == "0.05"


def test_an_upgrade_leaves_it_alone_where_an_operator_came_back_to_the_first_price():
    premium = Price.objects.get(code="premium")
    for amount in (2_000, 1_000):
        change_price(price=premium, microcredits_per_character=amount, actor=SYSTEM, reason="For a test.")
    migrate()
    assert not Price.objects.filter(code=ESPEAK).exists()


# --- which price counts --------------------------------------------------------------------------


def test_a_family_without_a_price_costs_what_its_tier_costs(api: ApiClient, joanna: str):
    assert per_1000(api, joanna) == "1"
    row = Price.objects.create(code="polly:Neural", microcredits_per_character=2_500)
    Price.objects.create(code="polly:Generative", microcredits_per_character=9_000)
    assert (per_1000(api, joanna), per_1000(api, ANNIE)) == ("2.5", "1")
    quote: dict[str, Any] = data_of(api.post("/api/v1/tts/quote", BODY))
    assert quote["credits_charged"] == "0.042"
    set_price_enabled(price=row, is_enabled=False, actor=SYSTEM, reason="For a test.")
    assert per_1000(api, joanna) == "1"
    assert AuditEntry.objects.get(action="price.disabled").target_id == "polly:Neural"


def test_a_price_of_nothing_is_a_price(api: ApiClient):
    Price.objects.create(code=ESPEAK, microcredits_per_character=0)
    assert per_1000(api, ANNIE) == "0"
    assert data_of(api.post("/api/v1/tts", BODY), 202)["credits_charged"] == "0"


def test_an_accepted_job_keeps_its_price(default_prices: None, api: ApiClient, account: Account):
    job_id = data_of(api.post("/api/v1/tts", BODY), 202)["job_id"]
    Price.objects.filter(code=ESPEAK).update(microcredits_per_character=7_000)
    assert data_of(api.get(f"/api/v1/tts/{job_id}"))["credits_charged"] == "0.0042"
    data_of(api.delete(f"/api/v1/tts/{job_id}"))
    assert Balance.objects.get(account=account).available_microcredits == 100_000_000


def test_the_price_of_a_tier_cannot_be_disabled():
    with pytest.raises(IntegrityError), transaction.atomic():
        Price.objects.filter(code="premium").update(is_enabled=False)

"""The operators' page over prices: what each family of voices brings in, and a warning where its provider asks more."""

from dataclasses import replace
from decimal import Decimal

import pytest
from django.test import Client

from accounts.models import Plan
from billing.models import Pack, Price
from operations.desk.margins import list_family_prices
from speech.engines.espeak.voices import voice_entries
from speech.engines.google.voices import FAMILIES, GEMINI
from speech.engines.polly.voices import FAMILIES as POLLY_FAMILIES
from speech.list_prices import LIST_PRICES_USD
from tests.conftest import ApiClient
from tests.operations.desk.action_cases import WHY
from tests.support.envelopes import data_of
from tests.support.rows import text_of
from voices.services import reconcile_catalogue

LIST = "/admin/billing/price/"
PREMIUM = "/admin/billing/price/premium/change/"
WARNING = "polly:Neural brings in $9.00 per million characters, less than its provider's list price of $16.00."

pytestmark = pytest.mark.usefixtures("voices")


@pytest.fixture
def polly(db: None) -> None:
    """Two families of Amazon's, one voice each."""
    entries = [
        replace(voice_entries()[0], voice_id=f"polly:en-US-{family}-Joanna", provider="polly", family=family)
        for family in ("Neural", "Standard")
    ]
    reconcile_catalogue(provider="polly", entries=entries, unavailable_reason="")


def test_every_family_of_a_paid_provider_has_a_list_price_or_is_known_to_have_none():
    google = {f"google:{family.name}" for family in (*FAMILIES, GEMINI)} - {"google:Casual", "google:News"}
    assert set(LIST_PRICES_USD) == google | {f"polly:{family.name}" for family in POLLY_FAMILIES.values()}


def test_the_income_is_that_of_the_cheapest_credits(polly):
    # The largest pack on sale: 20,000 credits for $180.
    found = {row.family: (row.price_code, row.income_usd, row.is_underpriced) for row in list_family_prices()}
    assert found == {
        "espeak:eSpeak": ("premium", Decimal("9.00"), False),
        "polly:Neural": ("premium", Decimal("9.00"), True),
        "polly:Standard": ("premium", Decimal("9.00"), False),
    }


def test_a_price_below_the_providers_is_warned_of_until_the_family_has_its_own(administrator: Client, polly):
    for url in ("/admin/", LIST, PREMIUM):
        assert WARNING in text_of(administrator.get(url).content.decode()), url
    data = {"family": "polly:Neural", "microcredits_per_character": 1_777, "reason": WHY}
    administrator.post("/admin/billing/price/premium/do/copy/", data)
    for url in ("/admin/", LIST):  # $15.99
        assert "less than its provider's list price of $16.00" in text_of(administrator.get(url).content.decode()), url
    assert "polly:Neural" not in text_of(administrator.get(PREMIUM).content.decode())
    data = {"microcredits_per_character": 1_778, "reason": WHY}
    administrator.post("/admin/billing/price/polly:Neural/do/edit/", data)
    for url in ("/admin/", LIST, "/admin/billing/price/polly:Neural/change/"):
        assert "list price of" not in text_of(administrator.get(url).content.decode()), url


def test_where_nothing_is_sold_for_dollars_nothing_is_compared(administrator: Client, polly):
    Pack.objects.update(currency="eur")
    Plan.objects.update(currency="eur")
    assert {row.income_usd for row in list_family_prices()} == {None}
    page = text_of(administrator.get(PREMIUM).content.decode())
    assert "list price of" not in page
    assert "polly:Neural 1 – $16.00" in page


def test_where_no_provider_is_paid_nothing_is_warned_of(administrator: Client):
    assert "Prices below cost" not in text_of(administrator.get("/admin/").content.decode())


def test_a_family_gets_one_price(administrator: Client, api: ApiClient, polly):
    url = "/admin/billing/price/ultra/do/copy/"
    data = {"family": "polly:Neural", "microcredits_per_character": 2_000, "reason": WHY}
    assert administrator.post(url, data).status_code == 302
    assert data_of(api.get("/api/v1/voices/polly:en-US-Neural-Joanna"))["credits_per_1000_chars"] == "2"
    page = administrator.post(url, data | {"microcredits_per_character": 3_000}).content.decode()
    assert "Select a valid choice. polly:Neural is not one of the available choices." in text_of(page)
    assert Price.objects.get(code="polly:Neural").microcredits_per_character == 2_000


def test_the_price_of_a_tier_has_no_switch(administrator: Client):
    page = administrator.get(PREMIUM).content.decode()
    assert "/admin/billing/price/premium/do/edit/" in page
    assert "/admin/billing/price/premium/do/disable/" not in page

"""Lists the prices that apply on this server: those of the tiers, and of voice families with their own price."""

from collections.abc import Mapping
from dataclasses import dataclass

from billing.money import format_need
from portal.pages.cards import QUALITIES, TIERS, get_provider
from voices.selectors import usable_voices

# Families that are better known by their quality than by their provider.
FAMILY_NAMES = {"espeak:eSpeak": QUALITIES["basic"]}


@dataclass(frozen=True, slots=True)
class PriceRow:
    """`code` is that of `billing.models.Price`."""

    code: str
    name: str
    microcredits_per_character: int

    @property
    def per_1000(self) -> str:
        """Credits for 1,000 characters."""
        return format_need(self.microcredits_per_character * 1000)


def list_price_rows(prices: Mapping[str, int]) -> list[PriceRow]:
    """Returns the tiers, then the available families. `prices` is from `billing.selectors.get_prices`."""
    tiers = [PriceRow(code, name, prices[code]) for code, name in TIERS.items()]
    families = usable_voices().order_by("provider", "family").values_list("provider", "family").distinct()
    rows = [(f"{provider}:{family}", provider, family) for provider, family in families]
    return tiers + [
        PriceRow(code, FAMILY_NAMES.get(code, f"{get_provider(provider).name} {family}"), prices[code])
        for code, provider, family in rows
        if code in prices
    ]

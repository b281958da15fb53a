"""Compares what each family of voices earns with its provider's list price, to find families sold below cost."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from billing.selectors import cheapest_credit_usd, get_prices
from speech.list_prices import LIST_PRICES_USD
from voices.selectors import list_families

CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class FamilyPrice:
    """An available family of voices, the row that its price comes from, and both prices.

    The prices are in US dollars per million characters. `income_usd` is at the cheapest credits on sale; None if none
    are sold for dollars.
    """

    family: str
    voices: int
    price_code: str
    income_usd: Decimal | None
    list_price_usd: Decimal | None  # None if the provider is free, or lists no price

    @property
    def is_underpriced(self) -> bool:
        return self.income_usd is not None and self.list_price_usd is not None and self.income_usd < self.list_price_usd

    @property
    def warning(self) -> str:
        return (
            f"{self.family} brings in ${self.income_usd} per million characters, "
            f"less than its provider's list price of ${self.list_price_usd:.2f}."
        )


def list_family_prices() -> list[FamilyPrice]:
    """Returns every family with available voices. Four queries."""
    prices, credit_usd = get_prices(), cheapest_credit_usd()
    found = []
    for provider, family, model_type, voices in list_families():
        name = f"{provider}:{family}"
        code = name if name in prices else model_type
        # A character's price in microcredits equals the price of a million characters in credits.
        income = None if credit_usd is None else _dollars(prices[code] * credit_usd)
        found.append(FamilyPrice(name, voices, code, income, LIST_PRICES_USD.get(name)))
    return found


def list_underpriced() -> list[FamilyPrice]:
    """Returns the families that are sold below the list price. Runs no further queries if all providers are free."""
    if not any(f"{provider}:{family}" in LIST_PRICES_USD for provider, family, _, _ in list_families()):
        return []
    return [family for family in list_family_prices() if family.is_underpriced]


def _dollars(amount: Fraction) -> Decimal:
    return (Decimal(amount.numerator) / amount.denominator).quantize(CENT)

"""What every family of voices brings in, and where that is less than the provider of the voices asks for."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from billing.selectors import cheapest_credit_usd, get_prices
from speech.list_prices import LIST_PRICES_USD
from voices.selectors import list_families

CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class FamilyPrice:
    """A family of voices that work here, the row that its price comes from, and both prices in US dollars for a million
    characters. `income_usd`: at the cheapest credits on sale; None while none are sold for dollars.
    """

    family: str
    voices: int
    price_code: str
    income_usd: Decimal | None
    list_price_usd: Decimal | None  # of the provider; None where it asks for nothing, or does not say

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
    """Of every family with voices that work here. Four queries."""
    prices, credit_usd = get_prices(), cheapest_credit_usd()
    found = []
    for provider, family, model_type, voices in list_families():
        name = f"{provider}:{family}"
        code = name if name in prices else model_type
        # As many microcredits as a character costs, a million characters cost in credits.
        income = None if credit_usd is None else _dollars(prices[code] * credit_usd)
        found.append(FamilyPrice(name, voices, code, income, LIST_PRICES_USD.get(name)))
    return found


def list_underpriced() -> list[FamilyPrice]:
    """Nothing is looked up where no provider is paid."""
    if not any(f"{provider}:{family}" in LIST_PRICES_USD for provider, family, _, _ in list_families()):
        return []
    return [family for family in list_family_prices() if family.is_underpriced]


def _dollars(amount: Fraction) -> Decimal:
    return (Decimal(amount.numerator) / amount.denominator).quantize(CENT)

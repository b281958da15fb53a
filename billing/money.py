"""Microcredits as text and back. Exact in data; two decimals, rounded against us, in what people read."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation

from billing.models import MICROCREDITS_PER_CREDIT

CENT = Decimal("0.01")


def format_credits(microcredits: int) -> str:
    """Exact, without trailing zeros: 42_000 → "0.042", 5_000_000 → "5"."""
    sign = "-" if microcredits < 0 else ""
    whole, rest = divmod(abs(microcredits), MICROCREDITS_PER_CREDIT)
    return f"{sign}{whole}.{rest:06d}".rstrip("0").rstrip(".")


def format_need(microcredits: int) -> str:
    """Two decimals, rounded up: nobody is told less than they need."""
    return _two_decimals(microcredits, ROUND_CEILING)


def format_have(microcredits: int) -> str:
    """Two decimals, rounded down: nobody is told more than they have."""
    return _two_decimals(microcredits, ROUND_FLOOR)


def parse_credits(text: str) -> int:
    """"2.5" → 2_500_000. Raises ValueError for what is no number or finer than a microcredit."""
    try:
        microcredits = Decimal(text.replace(",", "")) * MICROCREDITS_PER_CREDIT
    except InvalidOperation:
        raise ValueError(f"{text!r} is not a number of credits.") from None
    if not microcredits.is_finite() or microcredits != microcredits.to_integral_value():
        raise ValueError(f"{text!r} is not a whole number of microcredits (six decimals at most).")
    return int(microcredits)


def _two_decimals(microcredits: int, rounding: str) -> str:
    return f"{(Decimal(microcredits) / MICROCREDITS_PER_CREDIT).quantize(CENT, rounding=rounding):,.2f}"

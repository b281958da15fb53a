"""Microcredits as text and back. Exact in data; two decimals, rounded against us, in what people read."""

import re
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from billing.models import MICROCREDITS_PER_CREDIT

CENT = Decimal("0.01")
MAX_CREDITS = 1_000_000_000  # in one movement: nine thousand of these still fit the database's 64 bits
# A comma only between thousands: "2,5" could mean 2.5 or 25, so it means neither.
NUMBER = re.compile(r"([+-]?)([0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.([0-9]+))?")


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
    """ "2.5" → 2_500_000, "1,000" → 1_000_000_000.

    Raises ValueError for what is no number, more than MAX_CREDITS or finer than a microcredit.
    """
    match = NUMBER.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text[:40]!r} is not a number of credits such as 100, 2.5 or 1,000.")
    sign, whole, fraction = match[1], match[2].replace(",", ""), (match[3] or "").rstrip("0")
    if len(fraction) > 6:
        raise ValueError(f"{text[:40]!r} is not a whole number of microcredits (six decimals at most).")
    microcredits = int(whole[:40]) * MICROCREDITS_PER_CREDIT + int(fraction.ljust(6, "0"))
    if microcredits > MAX_CREDITS * MICROCREDITS_PER_CREDIT:
        raise ValueError(f"{text[:40]!r} is more than {MAX_CREDITS:,} credits.")
    return -microcredits if sign == "-" else microcredits


def _two_decimals(microcredits: int, rounding: str) -> str:
    return f"{(Decimal(microcredits) / MICROCREDITS_PER_CREDIT).quantize(CENT, rounding=rounding):,.2f}"

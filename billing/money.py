"""Converts microcredits to text and back. Exact in data; for display two decimals, rounded against us."""

import re
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from babel.numbers import format_currency

from billing.models import MICROCREDITS_PER_CREDIT

CENT = Decimal("0.01")
MAX_CREDITS = 1_000_000_000  # per movement; nine thousand of these still fit in 64 bits
# Commas only as thousands separators: "2,5" could mean 2.5 or 25, so it is refused.
NUMBER = re.compile(r"([+-]?)([0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.([0-9]+))?")


def format_credits(microcredits: int) -> str:
    """Formats credits exactly, without trailing zeros: 42_000 → "0.042", 5_000_000 → "5"."""
    sign = "-" if microcredits < 0 else ""
    whole, rest = divmod(abs(microcredits), MICROCREDITS_PER_CREDIT)
    return f"{sign}{whole}.{rest:06d}".rstrip("0").rstrip(".")


def format_exact(microcredits: int, *, signed: bool = False) -> str:
    """Formats exactly, with at least two decimals: 42_000 → "0.042", -5_000_000 → "-5.00"; `signed`: "+5.00"."""
    text = f"{Decimal(microcredits) / MICROCREDITS_PER_CREDIT:{'+' if signed else ''},.6f}"
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def format_need(microcredits: int) -> str:
    """Formats with two decimals, rounded up, so that no one is told less than they need."""
    return _two_decimals(microcredits, ROUND_CEILING)


def format_have(microcredits: int) -> str:
    """Formats with two decimals, rounded down, so that no one is told more than they have."""
    return _two_decimals(microcredits, ROUND_FLOOR)


def format_whole(microcredits: int) -> str:
    """Formats like `format_have`, but omits ".00": packs are sold in round numbers."""
    return format_have(microcredits).removesuffix(".00")


def parse_credits(text: str) -> int:
    """Parses credits: "2.5" → 2_500_000, "1,000" → 1_000_000_000.

    Raises ValueError if the text is not a number, exceeds MAX_CREDITS or is finer than a microcredit.
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


# https://docs.stripe.com/currencies#zero-decimal and #three-decimal
ZERO_DECIMAL = frozenset(
    {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"}
)
THREE_DECIMAL = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})


def currency_decimals(currency: str) -> int:
    """Returns how many decimals Stripe's smallest unit of a currency has."""
    return 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2


def format_money(amount: int, currency: str) -> str:
    """Formats money, given in the currency's smallest unit: 1000 usd → "$10.00", 1000 jpy → "¥1,000"."""
    value = Decimal(amount).scaleb(-currency_decimals(currency))
    return str(format_currency(value, currency.upper(), locale="en_US", currency_digits=True))


def parse_money(text: str, currency: str) -> int:
    """Parses money: "50" or "1,250.50" usd → 5000, 125050. Raises ValueError for an invalid amount."""
    match = NUMBER.fullmatch(text.strip().lstrip("+"))
    decimals = currency_decimals(currency)
    fraction = (match[3] or "").rstrip("0") if match else ""
    if match is None or match[1] == "-" or len(match[2]) > 15 or len(fraction) > decimals:
        raise ValueError(f"{text[:40]!r} is not an amount such as 50 or 1,250.")
    return int(match[2].replace(",", "") + fraction.ljust(decimals, "0"))

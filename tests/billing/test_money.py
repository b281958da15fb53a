"""Microcredits as text and back."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.errors import InsufficientCredits
from billing.money import format_credits, format_have, format_need, parse_credits

AMOUNTS = st.integers(-(10**15), 10**15)


@pytest.mark.parametrize(
    "microcredits, text",
    [
        (0, "0"),
        (1, "0.000001"),
        (42_000, "0.042"),
        (5_000_000, "5"),
        (10_000_000, "10"),
        (100_000_000, "100"),
        (1_234_500_000, "1234.5"),
        (-1, "-0.000001"),
        (-2_500_000, "-2.5"),
        (9_223_372_036_854_775_807, "9223372036854.775807"),
    ],
)
def test_amounts_are_exact_decimal_strings(microcredits: int, text: str):
    assert format_credits(microcredits) == text


@given(AMOUNTS)
@settings(database=None)
def test_what_is_written_is_read_again_and_is_exact(microcredits: int):
    text = format_credits(microcredits)
    assert Decimal(text) * 1_000_000 == microcredits
    assert parse_credits(text) == microcredits
    assert not text.endswith(".")
    assert "e" not in text.lower()


@given(AMOUNTS)
@settings(database=None)
def test_a_need_is_never_understated_and_a_have_never_overstated(microcredits: int):
    need, have = (
        Decimal(text.replace(",", "")) * 1_000_000 for text in (format_need(microcredits), format_have(microcredits))
    )
    assert 0 <= need - microcredits < 10_000
    assert 0 <= microcredits - have < 10_000


@pytest.mark.parametrize(
    "text, microcredits",
    [
        ("100", 100_000_000),
        ("2.5", 2_500_000),
        ("0", 0),
        ("-3", -3_000_000),
        ("+3", 3_000_000),
        ("1,000", 1_000_000_000),
        ("1,234,567.25", 1_234_567_250_000),
        ("0.000001", 1),
        ("2.5000000000", 2_500_000),
        (" 7 ", 7_000_000),
        ("1000000000", 10**15),
    ],
)
def test_a_number_of_credits_is_read_exactly(text: str, microcredits: int):
    assert parse_credits(text) == microcredits


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "ten",
        "NaN",
        "sNaN",
        "Infinity",
        "-inf",
        "1e3",
        "1e999999999",
        "0x10",
        "1_000",
        "1,5",
        "2,50",
        "1,0000",
        ",5",
        "1.",
        ".5",
        "--1",
        "1 000",
        "1.2.3",
        "0.0000001",
        "1.0000001",
        "１２",
        "1000000001",
        "9" * 5000,
        "1" + "0" * 30,
        "\x00",
    ],
)
def test_what_is_no_number_of_credits_is_refused(text: str):
    with pytest.raises(ValueError, match="credits"):
        parse_credits(text)


@pytest.mark.parametrize(
    "need, have, message",
    [
        (5_000_000, 2_500_000, "Need 5.00 credits, have 2.50"),
        (4_990_001, 2_509_999, "Need 5.00 credits, have 2.50"),
        (1, 0, "Need 0.01 credits, have 0.00"),
        (1_234_567_890_000, 1_000_000_000, "Need 1234567.89 credits, have 1000.00"),
    ],
)
def test_the_refusal_says_what_is_needed_rounded_up_and_what_is_there_rounded_down(need: int, have: int, message: str):
    error = InsufficientCredits(need_microcredits=need, have_microcredits=have)
    assert (error.message, error.code, error.status) == (message, "INSUFFICIENT_CREDITS", 402)

"""Decomposed letters become one character in bounded time, and positions map back to the source."""

import time
import unicodedata

import pytest

from speech.text.composition import MAX_MARKS, find_composed
from speech.text.spans import SpokenText, apply


def compose(text: str) -> SpokenText:
    return apply(text, find_composed(text))


@pytest.mark.parametrize(
    "text", ["cafe\u0301 noir", "a\u0301\u0323b", unicodedata.normalize("NFD", "한국어 Nguyễn"), "नमस्ते", "\u0301x", ""]
)
def test_text_is_composed(text: str):
    assert compose(text).text == unicodedata.normalize("NFC", text)


def test_what_was_composed_knows_its_source():
    composed = compose("un cafe\u0301 noir")
    assert composed.text == "un café noir"
    assert composed.source_span(3, 7) == (3, 8)
    assert composed.source_span(8, 12) == (9, 13)


def test_a_letter_keeps_32_marks():
    text = "e" + "\u0316\u0301" * 20_000 + "x"
    started = time.perf_counter()
    composed = compose(text).text
    assert time.perf_counter() - started < 0.4  # 0.8 s as a whole
    assert composed == unicodedata.normalize("NFC", text[: 1 + MAX_MARKS]) + "x"

"""How long audio may get, by the words that are spoken; what a text's own breaks may add."""

import pytest

from speech.audio_bound import (
    Extent,
    break_seconds,
    count_spoken_words,
    longest_break_seconds,
    longest_seconds,
    measure_extent,
)
from speech.ssml import SsmlError
from speech.text.normalize import normalize


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        (" ... -- !\n", 0),
        ("Hello, world!", 2),
        ("don't", 2),
        ("Привет, мир", 2),
        ("Encyclopaedia", 2),  # 13 letters
        ("Donaudampfschifffahrtsgesellschaft", 5),  # 34
        ("777777.\n" * 30, 180),
        ("It costs 50%.", 5),
        ("a@b.c", 4),
        ("😀 €", 5),
        ("今日は良い天気。", 3.5),
        ("สวัสดี", 2),  # six characters, of which two are marks
        ("안녕하세요", 2.5),
        ("BBC xkcd Rhythm", 8),  # spelled, but for the last
        ("ᚠᚢᚦᚨ", 2),
        ("a" * 100_000, 12_500),  # longer than a slice that is counted in one go
    ],
)
def test_words_are_counted_as_they_are_said(text: str, words: float):
    assert count_spoken_words(text) == words


@pytest.mark.parametrize(
    "written",
    [
        *("777777.", "1", "9.99", "$1B", "-$5", "1 ppm", "1mph", "5m²", "25℃", "1‰", "7%", "10^6", "⅞", "§ 7", "≤5"),
        *("w/o", "e.g.", "a.k.a.", "St. X", "Henry VIII", "CO2", "a@b.co", "http://a.bc/?d=7#e", "#1", "1/2", "1-1-1"),
        *("😂", "🤣", "🫰", "🧑‍🦽‍➡️", "🇬🇸", "4111111111111111", "1" * 36, "12/12/1999", "+1 800 555 0199", "5'11\""),
    ],
)
def test_what_is_said_for_a_text_is_allowed_its_time(written: str):
    """With the slowest voice, a short word takes at most half of the time that the limit allows for a word."""
    text = f"{written}\n" * 30
    assert len(normalize(text, "en-US").text.split()) <= 2 * count_spoken_words(text)


@pytest.mark.parametrize(
    ("ssml", "words", "pauses"),
    [
        ("<speak>Hello world</speak>", 2, 0),
        ("Hello <break time='1500ms'/> world <break/>", 2, 1.71),
        ("<p>Hello</p><s>world</s>", 2, 1.05),
        ("<say-as interpret-as='characters'>ab cd</say-as> ef", 5, 0),
        ("<say-as interpret-as='date'>ab ed</say-as>", 2, 0),
        ("<sub alias='World Wide Web'>WWW</sub>!", 3, 0),
        ("<phoneme ph='pɪˈkɑːn ab'>pecan</phoneme>", 2.25, 0),
        ("<prosody rate='50%'>a b <prosody rate='50%'>c <prosody rate='20%'>d</prosody></prosody></prosody> e", 13, 0),
        ("<prosody rate='200%'>a b</prosody>", 2, 0),
        ("<prosody volume='loud'>a b</prosody>", 2, 0),
        ("5 &lt; 6", 4, 0),
    ],
)
def test_ssml_counts_what_is_said_and_its_pauses(ssml: str, words: float, pauses: float):
    assert measure_extent(ssml, text_format="ssml") == pytest.approx(Extent(words, pauses))


def test_tags_are_words_of_a_plain_text_and_errors_of_broken_ssml():
    assert measure_extent("<s>a</s>", text_format="text") == Extent(
        3 + 2 + 2 + 2 + 2 + 1, 0
    )  # letters, and signs with names
    with pytest.raises(SsmlError):
        measure_extent("<s>a", text_format="ssml")


@pytest.mark.parametrize(
    ("speed", "breaks", "longest_break", "longest"), [(1, 5, 75, 80), (2, 5, 67.5, 72.5), (0.5, 10, 90, 100)]
)
def test_the_bound(speed: float, breaks: float, longest_break: float, longest: float):
    extent = Extent(words=10, break_seconds=5)
    assert break_seconds(extent, speed=speed) == breaks
    assert longest_break_seconds(extent, speed=speed) == longest_break
    assert longest_seconds(extent, speed=speed) == longest

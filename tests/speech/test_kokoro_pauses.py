"""Kokoro's pauses: their length for a text, and how they are set in the samples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech.engines.kokoro import chunks
from speech.engines.kokoro.pauses import count_marks, pause_ms, set_pauses
from speech.engines.kokoro.phonemes import style_row, with_end
from tests.support.pace import measure_silences

RATE_HERTZ = 24_000


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("A sentence. ", 380),
        ('"A question?" ', 380),
        ("文章。", 380),
        ("वाक्य। ", 380),
        ("The end of a text", 380),
        ("A paragraph.\n\n", 750),
        ("A heading\n \n", 750),
        ("Milk\n", 300),
        ("milk,\n", 300),
        ("A line that ends.\n", 380),
        ("Well... ", 400),
        ("“Well…” ", 400),
        ("Well... \n\n", 750),
        ("A clause, ", 190),
        ("子句，", 190),
        ("a phrase ", 40),
        ("", 380),
    ],
)
def test_the_end_of_a_piece_tells_how_long_to_pause(text: str, milliseconds: int):
    assert pause_ms(text) == milliseconds


def test_a_line_without_a_mark_falls_like_a_sentence():
    assert with_end("mˈɪlk", "Milk\n") == "mˈɪlk."
    assert with_end("mˈɪlk", "Milk") == "mˈɪlk."
    assert with_end("mˈɪlk", "milk ") == "mˈɪlk"
    assert with_end("mˈɪlk!", "Milk!\n") == "mˈɪlk!"


def test_short_pieces_are_not_hurried():
    assert [style_row("a" * count) for count in (1, 30, 31, 510)] == [29, 29, 30, 509]


def test_marks_inside_are_those_between_words():
    assert count_marks("wɛn ðə lˈɔŋ, kˈOld… wˈɪntəɹ, wʌz ˌOvəɹ.") == 3
    assert count_marks("wˌʌn pˈis.") == 0


def sound(*milliseconds: int) -> np.ndarray:
    """Returns silence and noise, alternating, of these durations."""
    random = np.random.default_rng(1)
    parts = [
        random.uniform(-0.5, 0.5, ms * 24) if number % 2 else np.zeros(ms * 24)
        for number, ms in enumerate(milliseconds)
    ]
    return np.concatenate(parts).astype(np.float32)


@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("after_ms", [40, 190, 750])
def test_silence_is_cut_and_set(speed: float, after_ms: int):
    spoken = set_pauses(sound(320, 500, 370, 500, 450), RATE_HERTZ, marks=1, after_ms=after_ms * speed, speed=speed)
    lead, between, trail = measure_silences(spoken, RATE_HERTZ)
    assert lead == pytest.approx(30, abs=6)
    assert between == pytest.approx([min(370, 240 / speed)], abs=12)
    assert lead + trail == pytest.approx(after_ms, abs=12)


def test_only_marks_make_long_silences_and_the_longest_are_theirs():
    spoken = set_pauses(sound(300, 300, 200, 300, 400, 300, 80, 300, 500), RATE_HERTZ, marks=1, after_ms=380, speed=1.0)
    assert measure_silences(spoken, RATE_HERTZ).between == pytest.approx([150, 240, 80], abs=12)


def test_sound_that_goes_to_the_last_sample_is_followed_by_the_whole_pause():
    spoken = set_pauses(sound(0, 500), RATE_HERTZ, marks=0, after_ms=380, speed=1.0)
    assert len(spoken) == (500 + 350) * 24
    silent = set_pauses(np.zeros(24_000, np.float32), RATE_HERTZ, marks=0, after_ms=380, speed=1.0)
    assert not silent.any()


@given(st.text(st.sampled_from("Ab .,!\n\t…—"), max_size=80))
def test_the_segments_are_the_text(text: str):
    assert "".join(piece.text for piece in chunks.split(text, "en-US")) == text

"""A text as pieces: nothing is lost, nothing is too long, and the time follows the length."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech.sentences import MAX_SEGMENT_CHARS, split_text

TEXTS = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from(" \n\t.!?。！？,;:\"'“”()-…") | st.sampled_from("aé中"),
    max_size=300,
)


def pieces_of(text: str, language: str = "en-US") -> list[str]:
    pieces = list(split_text(text, language))
    assert "".join(pieces) == text
    assert all(0 < len(piece) <= MAX_SEGMENT_CHARS for piece in pieces)
    return pieces


@given(text=TEXTS, language=st.sampled_from(["en-US", "de", "ja-JP", "zh-CN", "ar", "xx-XX", "hy"]))
@settings(database=None, deadline=None, max_examples=150)
def test_the_pieces_are_the_text(text: str, language: str):
    pieces_of(text, language)


@given(text=TEXTS, times=st.integers(1, 60))
@settings(database=None, deadline=None, max_examples=50)
def test_the_pieces_of_a_long_text_are_the_text(text: str, times: int):
    pieces_of(text * times)


def test_sentences_are_pieces():
    text = 'Dr. Smith paid $3.50 on Jan. 5. "Was it much?" Nobody knows!'
    assert [piece.strip() for piece in pieces_of(text)] == [
        "Dr. Smith paid $3.50 on Jan. 5.",
        '"Was it much?"',
        "Nobody knows!",
    ]


def test_paragraphs_end_a_piece():
    pieces = [piece.strip() for piece in pieces_of("A title\n\nThe first line\n \t\nthe end")]
    assert [piece for piece in pieces if piece] == ["A title", "The first line", "the end"]


@pytest.mark.parametrize(
    "language, text",
    [("ja-JP", "今日は晴れです。明日は雨でしょう。傘を持って。"), ("zh-CN", "今天天气好。明天会下雨。带上伞。")],
)
def test_chinese_and_japanese_sentences_are_pieces(language: str, text: str):
    assert pieces_of(text, language) == [f"{sentence}。" for sentence in text.split("。") if sentence]


def test_a_text_of_white_space_is_kept():
    for text in (" ", "\n", "\n\n\n", " \n \n ", "\u3000"):
        pieces_of(text)
    assert pieces_of("") == []


def test_a_sentence_of_exactly_the_longest_is_one_piece():
    assert len(pieces_of("a" * MAX_SEGMENT_CHARS)) == 1
    assert [len(piece) for piece in pieces_of("a" * (MAX_SEGMENT_CHARS + 1))] == [MAX_SEGMENT_CHARS, 1]


@pytest.mark.parametrize("character", ["a", "é", "中", "\U0001f600", "\u0301"])
def test_a_text_without_a_break_is_cut_all_the_same(character: str):
    assert [len(piece) for piece in pieces_of(character * 2_500)] == [1_000, 1_000, 500]


@pytest.mark.parametrize(
    "character",
    ["e\u0301", "क्षि", "👩‍👩‍👧", "👍🏽", "❤️", "ค่ำ"],
)
def test_what_is_one_character_to_a_reader_stays_whole(character: str):
    pieces = pieces_of(character * MAX_SEGMENT_CHARS)
    assert len(pieces) > 1
    joined = "\u0301\u0902\u093f\u094d\u200d\ufe0f🏽\u0e48"
    assert all(piece[0] not in joined and piece[-1] != "\u200d" for piece in pieces)


def test_a_clause_is_a_better_place_than_a_word_and_a_number_is_neither():
    words = "word " * 190
    assert pieces_of(f"{words}so, {'more ' * 40}") == [f"{words}so, ", "more " * 40]
    number = "1,000,000,000,000"
    pieces = pieces_of(f"{'word ' * 198}{number} {'more ' * 40}")
    assert pieces[1].startswith(number)


@pytest.mark.parametrize("mark", [" ", "\n", "\t", ",", "、", "，", ";"])
def test_a_long_sentence_is_cut_after_white_space_or_a_comma(mark: str):
    pieces = pieces_of((f"{'w' * 9}{mark}" * 250).rstrip(mark))
    assert len(pieces) == 3
    assert all(piece.endswith(mark) for piece in pieces[:-1])


@pytest.mark.parametrize(
    "unit",
    [
        "One sentence follows another. ",
        "a",
        "word ",
        "Short.\n\n",
        "e.g. ",
        '"Quoted." ',
        "?",
        "x\n",
        "1. ",
        "Öl ist größer. ",
        "中",
        "中文。",
    ],
)
def test_the_time_follows_the_length(unit: str):
    def seconds(size_bytes: int) -> float:
        text = unit * (size_bytes // len(unit.encode()))
        started = time.process_time()
        assert sum(map(len, split_text(text, "en-US"))) == len(text)
        return time.process_time() - started

    seconds(1_000)
    small, large = seconds(25_000), seconds(250_000)
    # Ten times the text may take thirty times as long on a noisy machine; a square would take a hundred times.
    assert large < 30 * max(small, 0.005), (small, large)

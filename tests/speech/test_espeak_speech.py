"""What eSpeak says: the same for the same request, at the speed asked for, and never more than the text."""

import math
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest

from speech.engines.base import PermanentEngineError, Segment
from speech.engines.espeak import EspeakEngine
from speech.engines.espeak.pace import split_speed
from speech.engines.espeak.text import pauses_after
from speech.engines.espeak.voices import SPEAKERS
from tests.support.engines import (
    ANNIE,
    LEE,
    RATE_HERTZ,
    SENTENCES,
    SHORT_SENTENCES,
    level_db,
    median_pitch_hertz,
    segment,
    speak,
)

EVERY_VOICE = [f"{english}+{speaker.variant}" for english in ("gmw/en-US", "gmw/en") for speaker in SPEAKERS]
DENSE_SPEEDS = [hundredths / 100 for hundredths in (*range(25, 125, 5), *range(125, 401, 25))]
# The ends, and both sides of where eSpeak's own rate gives way to stretching.
TELLING_SPEEDS = [0.25, 0.85, 0.86, 1.14, 1.15, 4.0]


@pytest.fixture(scope="module")
def engine() -> Iterator[EspeakEngine]:
    engine = EspeakEngine()
    yield engine
    engine.close()


def speed_errors(engine: EspeakEngine, text: str, voice: str, speeds: list[float]) -> dict[float, float]:
    """Measured speed ÷ asked speed - 1, by asked speed."""
    normal_bytes = len(speak(engine, text, voice=voice))
    return {speed: normal_bytes / len(speak(engine, text, voice=voice, speed=speed)) / speed - 1 for speed in speeds}


@pytest.mark.parametrize("voice", [ANNIE, "gmw/en-US+Andy", "gmw/en+linda", LEE])
def test_speed_is_true_over_the_whole_range(engine: EspeakEngine, voice: str) -> None:
    errors = speed_errors(engine, SENTENCES, voice, DENSE_SPEEDS)
    assert {speed: error for speed, error in errors.items() if abs(error) > 0.04} == {}


@pytest.mark.parametrize("voice", EVERY_VOICE)
def test_speed_is_true_even_for_one_word_sentences(engine: EspeakEngine, voice: str) -> None:
    errors = speed_errors(engine, SHORT_SENTENCES, voice, TELLING_SPEEDS)
    assert {speed: error for speed, error in errors.items() if abs(error) > 0.08} == {}


@pytest.mark.parametrize("speed", [0.5, 1.0, 3.0])
@pytest.mark.parametrize(
    "text",
    [
        "Good morning. How are you? I am fine, thanks! And you?",
        "The first paragraph is here. It goes on.\n\nThe second follows. The end.",
        "It costs 3.50 for Mr. Smith. He pays (at last!). And so do we.",
    ],
)
def test_a_text_spoken_in_pieces_has_the_pauses_of_one_spoken_whole(
    engine: EspeakEngine, text: str, speed: float
) -> None:
    pieces = list(engine.split(text, text_format="text", language="en-US"))
    assert len(pieces) >= 3
    assert sum(piece.source_chars for piece in pieces) == len(text)
    spoken = sum(len(speak(engine, piece.text, speed=speed)) for piece in pieces)
    assert spoken == pytest.approx(len(speak(engine, text, speed=speed)), rel=0.06)


def test_only_what_ends_a_sentence_is_followed_by_a_pause(engine: EspeakEngine) -> None:
    long_sentence = "nobody knows how the story ends, " * 90
    pieces = list(engine.split(f"{long_sentence}. The end. ", text_format="text", language="en-US"))
    assert [pauses_after(piece.text) for piece in pieces] == [False, False, True, False]
    assert not pauses_after("The last words.")
    assert [pauses_after(f"{end} ") for end in ("So.", "So?'", "So!)", "So…", "So,", "so", "so:")] == [
        *(True, True, True, True),
        *(False, False, False),
    ]


def test_sentences_without_spaces_between_them_are_told_apart(engine: EspeakEngine) -> None:
    pieces = list(engine.split("你好。你好吗？我很好。", text_format="text", language="zh-CN"))
    assert [(piece.text, piece.source_chars) for piece in pieces] == [
        ("你好。\n", 3),
        ("你好吗？\n", 4),
        ("我很好。", 4),
    ]


def test_markup_in_a_plain_text_is_read_out_and_not_obeyed_in_any_piece(engine: EspeakEngine) -> None:
    obeyed = speak(engine, "A  B. ")
    assert len(speak(engine, 'A <break time="9s"/> B. ')) > 1.5 * len(obeyed)
    assert len(speak(engine, "A & B. ")) > 1.1 * len(obeyed)


@pytest.mark.parametrize("speed", [0.25, 0.5, 2.0, 4.0])
def test_speed_keeps_pitch_and_level(engine: EspeakEngine, speed: float) -> None:
    normal, changed = speak(engine, SENTENCES), speak(engine, SENTENCES, speed=speed)
    assert median_pitch_hertz(changed) == pytest.approx(median_pitch_hertz(normal), rel=0.06)
    assert level_db(changed) == pytest.approx(level_db(normal), abs=2)


def test_near_normal_speeds_are_not_stretched() -> None:
    assert [split_speed(speed) for speed in (0.88, 1.0, 1.12)] == [(154, 1.0), (175, 1.0), (196, 1.0)]
    assert split_speed(4.0) == (200, 3.5)


@pytest.mark.parametrize("speed", [0.24, 4.01, 0.0, -1.0, math.nan, math.inf])
def test_a_speed_outside_the_range_is_refused(engine: EspeakEngine, speed: float) -> None:
    with pytest.raises(PermanentEngineError, match=r"between 0\.25 and 4\.0"):
        speak(engine, "Hello.", speed=speed)


@pytest.mark.parametrize("voice", EVERY_VOICE)
def test_the_same_request_gives_the_same_bytes_whatever_was_said_between(engine: EspeakEngine, voice: str) -> None:
    first = speak(engine, SENTENCES, voice=voice)
    speak(engine, SHORT_SENTENCES, voice="gmw/en+aunty", speed=0.5)
    speak(engine, SENTENCES, voice="gmw/en-US+michel", speed=1.14)
    assert speak(engine, SENTENCES, voice=voice) == first


def test_another_process_gives_the_same_bytes(engine: EspeakEngine) -> None:
    other = EspeakEngine()
    try:
        for voice in EVERY_VOICE:
            assert speak(other, SENTENCES, voice=voice) == speak(engine, SENTENCES, voice=voice)
    finally:
        other.close()


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\t", "\x00\x01"])
def test_nothing_to_say_yields_nothing(engine: EspeakEngine, text: str) -> None:
    assert speak(engine, text) == b""


@pytest.mark.parametrize("text", ["...", ".,;:", "--", "\u200b", "!", "—", "\U0010ffff"])
@pytest.mark.parametrize("speed", [0.25, 1.0, 4.0])
def test_punctuation_alone_is_no_error(engine: EspeakEngine, text: str, speed: float) -> None:
    assert len(speak(engine, text, speed=speed)) < 2 * RATE_HERTZ * 2 / speed


@pytest.mark.parametrize(
    "text",
    [
        "A grin 😀 and a family 👩‍👩‍👧.",
        "日本語 and 汉字.",
        "שלום and مرحبا.",
        "e\u0301\u0301\u0301 \u202ereversed\u202c \ufeff joined\u200d up",
        "half \ud800 a pair",
        "\x1b[31mred\x1b[0m \x7f\x85\x9f control",
        "a\x00b",
        "Ǆ" * 200,
        "a" * 5_000,
    ],
    ids=["emoji", "cjk", "rtl", "marks", "surrogate", "controls", "nul", "digraphs", "endless word"],
)
def test_any_text_is_survived(engine: EspeakEngine, text: str) -> None:
    assert len(speak(engine, text)) > RATE_HERTZ // 10
    assert speak(engine, "Still here.") == speak(engine, "Still here.")


def test_words_after_a_nul_are_spoken(engine: EspeakEngine) -> None:
    assert speak(engine, "before\x00after") == speak(engine, "before after")


def test_embedded_commands_are_plain_text(engine: EspeakEngine) -> None:
    # "\x01" and "90P" would raise the pitch, "400S" the rate, until the end of the text.
    assert speak(engine, "one \x0190P two \x01400S three") == speak(engine, "one  90P two  400S three")


def test_inline_phonemes_are_plain_text(engine: EspeakEngine) -> None:
    # The double bracket would switch to phoneme names; round ones never do.
    assert speak(engine, "say [[ni:]] now") == speak(engine, "say ((ni:)) now")


@pytest.mark.parametrize("text", ["<audio src='{}'/>", "<speak><audio src='{}'>fallback</audio></speak>"])
def test_markup_in_plain_text_opens_no_file(engine: EspeakEngine, tmp_path: Path, text: str) -> None:
    present, absent = tmp_path / "here.wav", tmp_path / "gone.wav"
    with wave.open(str(present), "wb") as file:
        file.setparams((1, 2, RATE_HERTZ, 0, "NONE", ""))
        file.writeframes(b"\x00\x40" * RATE_HERTZ * 30)
    spoken = speak(engine, text.format(present))
    assert len(spoken) < 30 * RATE_HERTZ * 2
    assert b"\x00\x40" * 100 not in spoken
    # Spoken as words, and the absent file's name is as long as the other one's.
    assert len(speak(engine, text.format(absent))) == pytest.approx(len(spoken), rel=0.2)
    assert len(spoken) > RATE_HERTZ


def test_breaks_in_plain_text_make_no_silence(engine: EspeakEngine) -> None:
    assert len(speak(engine, '<break time="600s"/>' * 20)) < 120 * RATE_HERTZ * 2


def test_markup_that_is_not_ssml_is_refused(engine: EspeakEngine) -> None:
    request = Segment(text="Hi [pause]", engine_voice=ANNIE, language="en-US", text_format="markup")
    with pytest.raises(PermanentEngineError, match="plain text and SSML only"):
        list(engine.speak(request))


@pytest.mark.parametrize("voice", ["", "gmw/en-US", "gmw/en-US+../../../../etc/passwd", "Annie"])
def test_a_voice_that_is_not_in_the_table_is_refused(engine: EspeakEngine, voice: str) -> None:
    with pytest.raises(PermanentEngineError, match="no such voice"):
        list(engine.speak(segment("Hello.", voice=voice)))
    with pytest.raises(PermanentEngineError, match="no such voice"):
        engine.sample_rate_hertz(voice)


def test_a_segment_larger_than_a_pipe_is_spoken_whole(engine: EspeakEngine) -> None:
    text = (SENTENCES + " ") * 360
    assert len(text) > 65_536
    one_bytes = len(speak(engine, SENTENCES))
    spoken_bytes = sum(map(len, engine.speak(segment(text))))
    assert spoken_bytes == pytest.approx(360 * one_bytes, rel=0.05)

"""Which texts have nothing to say. The result does not depend on the engine."""

import pytest

from speech.text.silence import has_speech

NOTHING = [
    "", " ", "\n", ".", "...", "…", "—", "-", "--", '"', "“”", "«»", "'", "?!", "¿?", "。", "、", ":", ";", ",", "()",
    "\u200b", "\ufeff", "\u2060\u200d", "\u00ad", "\u0301", "\ufe0f", "\u3164", "\uffa0", "\u2800", "•", "`", "´",
    "\ue000", "\U0010ffff", "\U000e0041", "\ufffd", "───", "█▒░", "***", "=====", "___\n___", "~~~",
]  # fmt: skip
SOMETHING = [
    "a", "é", "1", "½", "٣", "Ⅷ", "你", "アー", "नमस्ते", "한", "ⓐ", "★", "☆☆☆", "→", "∞", "°", "%", "€", "$", "#", "*",
    "@", "&", "+", "=", "/", "_", "^", "§", "‰", "©", "™", "№", "🙂", "❤️", "👍🏽", "🏽", "🇩🇪", "#️⃣", "... 7 ...",
    "\u200bx", "*** a ***", "＠", "．1",
]  # fmt: skip


@pytest.mark.parametrize("text", NOTHING)
def test_punctuation_and_what_cannot_be_seen_say_nothing(text: str):
    assert not has_speech(text)
    assert not has_speech(text, "markdown")


@pytest.mark.parametrize("text", SOMETHING)
def test_letters_digits_and_symbols_with_a_name_are_said(text: str):
    assert has_speech(text)


@pytest.mark.parametrize(
    ("markdown", "is_said"),
    [("# ", False), ("**", False), ("- \n- ", False), ("| | |\n|---|---|", False), ("> ", False), ("```\n```", False),
     ("# a", True), ("1. ", True), ("★", True), ("%", True)],
)  # fmt: skip
def test_marks_of_structure_say_nothing_in_markdown(markdown: str, is_said: bool):
    assert has_speech(markdown, "markdown") == is_said


@pytest.mark.parametrize(
    ("ssml", "is_said"),
    [
        ("<speak>.</speak>", False),
        ("<speak><p>…</p><s> - </s></speak>", False),
        ("<speak><prosody rate='slow'>&quot;</prosody></speak>", False),
        ("<say-as interpret-as='characters'>.</say-as>", False),
        ("<break/>", True),
        ("<speak><break time='300ms'/></speak>", True),
        ("<break time='0s'/>", False),
        ("<break strength='none'/>.", False),
        ("<sub alias='full stop'>.</sub>", True),
        ("<sub alias='.'>W3C</sub>", False),
        ("<phoneme ph='@' alphabet='x-sampa'>.</phoneme>", True),
        ("<phoneme ph=''>pecan</phoneme>", False),
        ("<phoneme ph=''>pecan</phoneme> a", True),
        ("<speak>&#9733;</speak>", True),
        ("<speak>a</speak>", True),
        ("<!-- a -->.", False),
        ("<speak>.", True),  # cannot be read
    ],
)
def test_ssml_counts_what_is_heard(ssml: str, is_said: bool):
    assert has_speech(ssml, "ssml") == is_said


def test_tags_are_letters_of_a_plain_text():
    assert has_speech("<s>.</s>")


@pytest.mark.parametrize(
    ("dialogue", "is_said"),
    [("Speaker 1: ... Speaker 2: —", False), ("Speaker 1: ... Speaker 2: Yes.", True), ("no label", True)],
)
def test_the_labels_of_a_dialogue_are_not_said(dialogue: str, is_said: bool):
    assert has_speech(dialogue, is_dialogue=True) == is_said

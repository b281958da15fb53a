"""A text for two: who says what, and what is no dialogue."""

import pytest

from speech.dialogue import DialogueError, Turn, read_dialogue


@pytest.mark.parametrize(
    ("text", "turns"),
    [
        ("Speaker 1: Hi.\nSpeaker 2: Hello.", [Turn(1, "Hi."), Turn(2, "Hello.")]),
        ("speaker2: Hi. SPEAKER 1 : Hello.", [Turn(2, "Hi."), Turn(1, "Hello.")]),
        (" \n Speaker 1: One.\n\nTwo.\nSpeaker 1: Three.", [Turn(1, "One.\n\nTwo."), Turn(1, "Three.")]),
        ("Speaker 1： 你好。Speaker 2：再见。", [Turn(1, "你好。"), Turn(2, "再见。")]),
        ("Speaker 1:\nSpeaker 2: Alone: yes.", [Turn(2, "Alone: yes.")]),
        ("Speaker 1: loudspeaker 2: no label.", [Turn(1, "loudspeaker 2: no label.")]),
        ("Speaker 1: Speaker 3: no label.", [Turn(1, "Speaker 3: no label.")]),
        ("Speaker 1: speaker 2 is no label.", [Turn(1, "speaker 2 is no label.")]),
    ],
)
def test_each_turn_is_what_one_says_before_the_other(text: str, turns: list[Turn]):
    assert read_dialogue(text) == turns


@pytest.mark.parametrize(
    "text",
    ["Hello.", "Hello. Speaker 1: Hi.", "Anna: Hi.\nBob: Hello.", "Speaker 3: Hi.", "Speaker: Hi.", "", "1: Hi."],
)
def test_a_text_that_begins_without_a_speaker_is_no_dialogue(text: str):
    with pytest.raises(DialogueError, match='must start with "Speaker 1:" or "Speaker 2:"'):
        read_dialogue(text)


@pytest.mark.parametrize("text", ["Speaker 1:", "Speaker 1: \nSpeaker 2:\t"])
def test_a_dialogue_without_a_word_is_none(text: str):
    with pytest.raises(DialogueError, match="nothing that can be spoken"):
        read_dialogue(text)

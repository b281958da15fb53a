"""`manage.py phonemes`: how a voice reads a text, for operators."""

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

HEART = "kokoro:en-US-Kokoro-Heart"


def phonemes(*arguments: str, voice: str = HEART) -> list[dict[str, Any]]:
    output = io.StringIO()
    call_command("phonemes", *arguments, voice=voice, stdout=output)
    return [json.loads(line) for line in output.getvalue().splitlines()]


def test_a_text_is_shown_as_it_is_read_with_the_place_of_every_word():
    assert phonemes("It costs $5, the cafe\u0301 said.") == [
        {
            "text": "It costs $5, the cafe\u0301 said.",
            "spoken": "It costs five dollars, the café said.",
            "phonemes": "ˌɪt kˈɔsts fˈIv dˈɑləɹz, ðə kæfˈA sˈɛd.",
            "words": [
                {"text": "It", "phonemes": "ˌɪt", "start": 0, "end": 2},
                {"text": "costs", "phonemes": "kˈɔsts", "start": 3, "end": 8},
                {"text": "$5", "phonemes": "fˈIv dˈɑləɹz", "start": 9, "end": 11},
                {"text": "the", "phonemes": "ðə", "start": 13, "end": 16},
                {"text": "cafe\u0301", "phonemes": "kæfˈA", "start": 17, "end": 22},
                {"text": "said", "phonemes": "sˈɛd", "start": 23, "end": 27},
            ],
        }
    ]


@pytest.mark.parametrize(
    ("voice", "text", "words"),
    [
        ("kokoro:es-ES-Kokoro-Dora", "Hola 한국어, ¿qué tal?", ["Hola", "한국어", "qué", "tal"]),
        (
            "kokoro:fr-FR-Kokoro-Siwis",
            "Il y a de l'eau, n'est-ce pas ?",
            ["Il", "y", "a", "de", "l'eau", "n'est-ce", "pas"],
        ),
        ("kokoro:ja-JP-Kokoro-Alpha", "私はWeChatを使う。", ["私", "は", "WeChat", "を", "使う"]),
        ("kokoro:zh-CN-Kokoro-Xiaobei", "我爱北京，KFC。", ["我", "爱", "北京", "KFC"]),
        ("kokoro:hi-IN-Kokoro-Alpha", "नमस्ते दुनिया।", ["नमस्ते", "दुनिया"]),
    ],
)
def test_words_of_every_language_have_their_places(voice: str, text: str, words: list[str]):
    (line,) = phonemes(text, voice=voice)
    assert [word["text"] for word in line["words"]] == words
    assert all(text[word["start"] : word["end"]] == word["text"] and word["phonemes"] for word in line["words"])


def test_places_count_from_the_beginning_of_a_long_text():
    text = "A short sentence of some words, and then another clause. " * 6
    (line,) = phonemes(text)
    assert len(line["words"]) == 60
    assert all(text[word["start"] : word["end"]] == word["text"] for word in line["words"])


def test_standard_input_is_read_line_by_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("Hello.\n\nWorld.\r\n"))
    lines = phonemes("--stdin")
    assert [line["text"] for line in lines] == ["Hello.", "", "World."]
    assert lines[1] == {"text": "", "spoken": "", "phonemes": "", "words": []}
    assert lines[2]["phonemes"] == "wˈɜɹld."


def test_what_cannot_be_read_is_refused():
    with pytest.raises(CommandError, match="is no voice of Kokoro"):
        phonemes("Hello.", voice="espeak:en-US-eSpeak-Annie")
    with pytest.raises(CommandError, match="Give either a text or --stdin"):
        phonemes()
    with pytest.raises(CommandError, match="Give either a text or --stdin"):
        phonemes("--stdin", "Hello.")

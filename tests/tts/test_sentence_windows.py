"""The splitter sees a long paragraph window by window; nothing that people write sounds different for it."""

import gettext
import random
import re
from pathlib import Path

import django
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from speech import sentences
from speech.engines.espeak.languages import LANGUAGES as ESPEAK_LANGUAGES
from speech.sentences import MAX_SEGMENT_CHARS, split_text
from voices.sentences import get_sentence

ROOT = Path(__file__).resolve().parent.parent.parent
LANGUAGES = sorted({language.tag for language in ESPEAK_LANGUAGES} | {"ja-JP", "zh-CN", "th-TH"})


def pieces_of(text: str, language: str = "en-US") -> list[str]:
    pieces = list(split_text(text, language))
    assert "".join(pieces) == text
    assert all(0 < len(piece) <= MAX_SEGMENT_CHARS for piece in pieces)
    return pieces


def whole(text: str, language: str) -> list[str]:
    """As if the splitter saw every paragraph at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sentences, "WINDOW_CHARS", 10**9)
        return list(split_text(text, language))


def prose(language: str) -> list[str]:
    """Sentences of a language: its sample, and what Django says in it."""
    code = language.partition("-")[0]
    catalogues = Path(django.__file__).parent.glob(f"c*/**/locale/{code}*/LC_MESSAGES/django.mo")
    found = [get_sentence(language)]
    for catalogue in sorted(catalogues):
        with catalogue.open("rb") as file:
            messages = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
        found += [message for message in messages.values() if message and "\n" not in message and "%" not in message]
    ended = [message if message[-1] in ".!?。！？।" else f"{message}." for message in dict.fromkeys(found) if message]
    return [message for message in ended if is_balanced(message)]


def is_balanced(text: str) -> bool:
    """Every quotation and bracket that opens closes."""
    text = re.sub(r"(?<=\w)['’](?=\w)", "", text)  # an apostrophe
    counts = {mark: text.count(mark) for mark in "()[]<>{}«»“”„‘’‹›\"'`‚"}
    pairs = (("(", ")"), ("[", "]"), ("<", ">"), ("{", "}"), ("«", "»"), ("‘", "’"), ("‹", "›"))
    is_even = not any(counts[mark] % 2 for mark in "\"'‚") and not counts["`"]
    return is_even and counts["“"] == counts["”"] + counts["„"] and all(counts[a] == counts[b] for a, b in pairs)


@pytest.mark.parametrize("language", LANGUAGES)
def test_windows_change_nothing_in_the_prose_of_a_language(language: str):
    sentences_of_it = prose(language)
    numbers = random.Random(language)
    for _ in range(3):
        text = " ".join(numbers.choice(sentences_of_it) for _ in range(1 + 20_000 // len(sentences_of_it[0])))
        assert pieces_of(text, language) == whole(text, language)


def test_windows_change_nothing_in_real_prose():
    pages = "\n\n".join(path.read_text() for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))])
    told = [" ".join(part.split()) for part in re.split(r"\n\s*\n|\n[-#|]\s", pages) if part[:1].isalpha()]
    text = " ".join(paragraph for paragraph in told * 4 if is_balanced(paragraph))
    assert len(text) > 2 * sentences.WINDOW_CHARS
    assert pieces_of(text) == whole(text, "en-US")


ANYTHING = st.text(
    st.characters(exclude_categories=["Cs"])
    | st.sampled_from(" \n\t.!?。！？,;:\"'“”„«»‘’()-…")
    | st.sampled_from("aé中"),
    max_size=300,
)
QUOTED = st.sampled_from(['"{}"', "“{}”", "«{}»", "„{}“", "‘{}’", "({})", "[{}]", "{}", "{}", "{}"])
WORDS = st.sampled_from(
    [
        *(
            "the",
            "a",
            "Dr.",
            "Mr.",
            "e.g.",
            "U.S.",
            "3.14",
            "$5",
            "1,000",
            "Yahoo!",
            "it’s",
            "don't",
            "naïve",
            "No.",
            "5",
        ),
        *(
            "No.",
            "www.example.com",
            "me@example.com",
            "St.",
            "p.m.",
            "—",
            "…",
            "and,",
            "but;",
            "then:",
            "Öl",
            "ist",
            "größer",
        ),
    ]
)
SENTENCES = st.builds(
    lambda words, quoted, end: quoted.format(" ".join(words).capitalize() + end),
    st.lists(WORDS, min_size=1, max_size=25),
    QUOTED,
    st.sampled_from([".", "!", "?", "...", "…"]),
)


@given(
    parts=st.lists(SENTENCES, min_size=1, max_size=40),
    times=st.integers(1, 12),
    language=st.sampled_from(["en-US", "de-DE", "fr-FR", "es-ES", "ru-RU", "hi-IN", "fi-FI", "it-IT", "pl-PL"]),
)
@settings(database=None, deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_windows_change_nothing_in_sentences_with_quotations_and_brackets(parts: list[str], times: int, language: str):
    text = " ".join(parts * times)
    assert pieces_of(text, language) == whole(text, language)


@given(text=ANYTHING, times=st.integers(1, 80))
@settings(database=None, deadline=None, max_examples=50)
def test_no_window_loses_a_character_whatever_the_text(text: str, times: int):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sentences, "WINDOW_CHARS", 2_100)
        patch.setattr(sentences, "LOOK_AHEAD_CHARS", 1_050)
        pieces_of(text * times)


@pytest.mark.parametrize("quote", ['"{}"', "«{}»", "»{}«", "“{}”", "„{}“", "‹{}›"])
def test_a_quotation_longer_than_a_window_does_not_turn_what_follows_inside_out(quote: str):
    text = quote.format("Word after word is said. " * 300) + " He was silent. " + quote.format("Now. Go.") + " He went."
    pieces = [piece.strip() for piece in pieces_of(text)]
    assert pieces[-3:] == ["He was silent.", quote.format("Now. Go."), "He went."]

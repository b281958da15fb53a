"""What engines over the network share: few requests, quick second tries, and no audio that cannot be the text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech.engines.base import PermanentEngineError, Segment, TransientEngineError
from speech.engines.espeak import EspeakEngine
from speech.engines.remote.duration_check import check_duration, least_seconds, least_seconds_of_ssml
from speech.engines.remote.request_batching import split_for_requests, whole_ssml
from speech.engines.remote.retries import MAX_TRIES, with_retries
from speech.segments import split_into_pieces
from speech.sentences import MAX_SEGMENT_CHARS
from speech.ssml import SsmlError, check_ssml
from voices.sentences import get_sentence

RATE_HERTZ = 24_000
SENTENCE = "The quick brown fox jumps over the lazy dog, and then it sleeps for a long while. "


# --- pieces --------------------------------------------------------------------------------------


def split(text: str, max_bytes: int = 500, *, text_format: str = "text") -> list[str]:
    pieces = list(split_for_requests(text, text_format=text_format, language="en-US", max_bytes=max_bytes))
    assert sum(piece.source_chars for piece in pieces) == len(text)
    return [piece.text for piece in pieces]


def test_the_first_sentence_is_asked_for_alone_and_then_as_many_as_fit():
    texts = split(SENTENCE * 20)
    assert "".join(texts) == SENTENCE * 20
    assert [len(text) // len(SENTENCE) for text in texts] == [1, 6, 6, 6, 1]


@given(
    text=st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(" \n.!?。,é中🙂"), max_size=400),
    times=st.integers(1, 8),
    max_bytes=st.integers(1_000, 6_000),
)
@settings(database=None, deadline=None, max_examples=100)
def test_nothing_is_lost_and_nothing_is_too_large(text: str, times: int, max_bytes: int):
    texts = split(text * times, max_bytes)
    assert "".join(texts) == text * times
    assert all(len(piece.encode()) <= max(max_bytes, 4 * MAX_SEGMENT_CHARS) for piece in texts)


def test_ssml_is_packed_into_documents_that_are_whole():
    markup = f'<speak><prosody rate="slow">{SENTENCE * 10}</prosody><p>A &amp; B.</p></speak>'
    texts = split(markup, text_format="ssml")
    assert [text.count("quick") for text in texts] == [1, 4, 4, 1]
    for text in texts:
        check_ssml(text)
        assert text.startswith("<speak>")
        assert text.endswith("</speak>")
        assert len(text.encode()) <= 500
    assert texts[-1].endswith("<p>A &amp; B.</p></speak>")


def test_ssml_is_handed_on_as_we_write_it():
    markup = '<speak xml:lang="de-DE"><!-- no -->A<![CDATA[ & ]]><break time="1s"/> <s>&lt;B</s></speak>'
    assert whole_ssml(markup) == '<speak>A &amp; <break time="1s"></break> <s>&lt;B</s></speak>'
    assert whole_ssml(whole_ssml(markup)) == whole_ssml(markup)
    assert whole_ssml("bare") == "<speak>bare</speak>"
    with pytest.raises(SsmlError):
        whole_ssml('<speak><audio src="x"/></speak>')


# --- plausible -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def espeak():
    engine = EspeakEngine()
    yield engine
    engine.close()


def seconds_of(espeak: EspeakEngine, text: str, voice: str, language: str) -> float:
    segment = Segment(text=text, engine_voice=voice, language=language)
    return sum(map(len, espeak.speak(segment))) / 2 / espeak.sample_rate_hertz(voice)


def test_the_fastest_voices_we_know_are_no_suspects_in_any_language(espeak):
    languages = 0
    for entry in espeak.voices():
        text = get_sentence(entry.language)
        if entry.name != "Lee" or not text:
            continue
        languages += 1
        whole = f"{text} {text}"
        spoken = seconds_of(espeak, whole, entry.engine_voice, entry.language)
        assert least_seconds(whole, entry.language) < 0.8 * spoken, entry.language
    assert languages > 120


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (SENTENCE * 2, "en-US"),
        ("Tous les êtres humains naissent libres et égaux en dignité et en droits. " * 2, "fr-FR"),
        ("Alle Menschen sind frei und gleich an Würde und Rechten geboren. " * 2, "de-DE"),
        ("Todos los seres humanos nacen libres e iguales en dignidad y derechos. " * 2, "es-ES"),
    ],
)
def test_half_of_a_text_is_a_suspect(espeak, text, language):
    voice = next(v.engine_voice for v in espeak.voices() if (v.language, v.name) == (language, "Lee"))
    assert least_seconds(text, language) > 0.5 * seconds_of(espeak, text, voice, language)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", 0.0),
        ("OK", 0.0),
        ("Hello.", 0.127),
        ("🙂 — … ()", 0.0),
        ("a" * 22, 0.036),  # said as one
        ("abcdefghijklmnopqrstuv" * 2, 1.9),
        ("abcdefghijk, lmnopqrstuv.", 1.0),
        ("人人生而自由人人生而自由", 1.1),
        ("かなかなかなかなかなかなか", 0.9),
        ("모든인간은태어날때부터", 1.0),
    ],
)
def test_what_a_text_takes_at_least(text, seconds):
    assert least_seconds(text, "xx") == pytest.approx(seconds, abs=0.001)


def test_of_ssml_only_what_is_said_counts_at_the_fastest_pace_in_it():
    words = "abcdefghijklmnopqrstuv" * 4
    assert least_seconds_of_ssml(f"<p>{words}</p>", "en") == pytest.approx(3.9)
    assert least_seconds_of_ssml(f'<prosody rate="200%">{words}</prosody>', "en") == pytest.approx(1.95)
    assert least_seconds_of_ssml(f'<prosody rate="slow">{words}</prosody>', "en") == pytest.approx(3.9)
    for markup in (f'<sub alias="x">{words}</sub>', f'<say-as interpret-as="expletive">{words}</say-as>'):
        assert least_seconds_of_ssml(markup, "en") == 0.0


def pcm(seconds: float, value: int = 7) -> bytes:
    return bytes([value, 0]) * round(seconds * RATE_HERTZ)


def test_what_is_long_enough_passes_as_it_comes():
    passing = check_duration(iter([pcm(0.5), pcm(0.5)]), seconds=1.0, rate_hertz=RATE_HERTZ)
    assert next(passing) == pcm(0.5)
    assert list(passing) == [pcm(0.5)]


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        ([pcm(0.5), pcm(0.49)], "returned 0.99 s of audio; this text takes at least 1.00 s"),
        ([], "returned 0.00 s"),
        ([pcm(1.0, 0), pcm(1.0, 0)], "returned silence"),
    ],
)
def test_what_cannot_be_the_text_is_an_error_at_its_end(chunks, message):
    with pytest.raises(TransientEngineError, match=message):
        list(check_duration(chunks, seconds=1.0, rate_hertz=RATE_HERTZ))


def test_a_text_of_pauses_may_be_silent():
    assert list(check_duration([pcm(1.0, 0)], seconds=0.0, rate_hertz=RATE_HERTZ)) == [pcm(1.0, 0)]
    assert list(check_duration([], seconds=0.0, rate_hertz=RATE_HERTZ)) == []


# --- retries -------------------------------------------------------------------------------------


class Tries:
    """Says what is planned for each try: chunks, and perhaps an error after them."""

    def __init__(self, *planned) -> None:
        self.planned = list(planned)
        self.count = self.closed = 0

    def __call__(self):
        chunks, error = self.planned[self.count]
        self.count += 1
        try:
            yield from chunks
            if error is not None:
                raise error
        finally:
            self.closed += 1


FAILS: tuple[list[bytes], TransientEngineError] = ([], TransientEngineError("for a moment"))


def test_a_try_that_failed_before_any_sound_is_repeated():
    tries = Tries(FAILS, FAILS, ([b"a", b"b"], None))
    assert list(with_retries(tries)) == [b"a", b"b"]
    assert (tries.count, tries.closed) == (3, 3)


def test_the_last_failure_is_told():
    tries = Tries(*[FAILS] * (MAX_TRIES + 1))
    with pytest.raises(TransientEngineError, match="for a moment"):
        list(with_retries(tries))
    assert tries.count == MAX_TRIES


@pytest.mark.parametrize(
    "planned",
    [
        ([b"heard"], TransientEngineError("later")),
        ([], TransientEngineError("the quota", pause_seconds=30.0)),
        ([], PermanentEngineError("never")),
    ],
    ids=["after a sound", "a pause is asked for", "permanent"],
)
def test_what_must_not_be_repeated_is_not(planned):
    tries = Tries(planned, FAILS)
    with pytest.raises(type(planned[1])):
        list(with_retries(tries))
    assert (tries.count, tries.closed) == (1, 1)


def test_a_quota_that_counts_seconds_is_waited_for(monkeypatch):
    pauses: list[float] = []

    def at_once(low: float, high: float) -> float:
        pauses.append(high)
        return low

    monkeypatch.setattr("random.uniform", at_once)
    tries = Tries(([], TransientEngineError("the quota", pause_seconds=10.0)), FAILS, ([b"a"], None))
    assert list(with_retries(tries, quota_is_by_the_second=True)) == [b"a"]
    assert pauses == [1.0, 0.5]
    assert tries.count == MAX_TRIES


def test_whoever_stops_listening_stops_the_try():
    tries = Tries(([b"a", b"b"], None))
    spoken = with_retries(tries)
    next(spoken)
    spoken.close()
    assert tries.closed == 1


def test_pieces_for_requests_are_those_of_the_segments_only_packed():
    text = SENTENCE * 5
    assert "".join(split(text)) == "".join(p.text for p in split_into_pieces(text, text_format="text", language="en"))

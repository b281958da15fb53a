"""What the elements of SSML mean, for the engines that render them themselves."""

import contextlib
import time

import pytest
from hypothesis import given, settings

from speech.ssml import NORMAL, Edge, Pause, Span, SsmlError, Style, check_ssml, get_words, read_spans
from speech.ssml.x_sampa import to_ipa
from tests.speech.test_ssml import well_formed


def test_nested_prosody_is_multiplied_and_the_innermost_emphasis_counts() -> None:
    markup = (
        "a<prosody rate='50%' pitch='+12st'>b<prosody rate='150%' volume='-20dB' range='low'>c</prosody></prosody>"
        "<emphasis level='strong'>d<emphasis>e</emphasis><emphasis level='none'>f</emphasis></emphasis>g"
    )
    assert list(read_spans(markup)) == [
        Span("a"),
        Span("b", Style(rate=0.5, pitch=2.0)),
        Span("c", Style(rate=0.75, pitch=2.0, range=0.5, volume=0.1)),
        Span("d", Style(emphasis="strong")),
        Span("e", Style(emphasis="moderate")),
        Span("f", NORMAL),
        Span("g", NORMAL),
    ]


def test_nested_prosody_stays_within_what_one_may_say() -> None:
    inner = "<prosody rate='400%' pitch='400%' volume='+12dB'>a</prosody>"
    [span] = read_spans(f"<prosody rate='400%' pitch='400%' volume='+12dB'>{inner}</prosody>")
    assert isinstance(span, Span)
    assert (span.style.rate, span.style.pitch, span.style.volume) == (4.0, 4.0, 4.0)


def test_a_voice_is_chosen_by_the_innermost_elements() -> None:
    markup = (
        "<voice name='Lee' xml:lang='en-GB'>a<lang xml:lang='fr'>b</lang><voice gender='female'>c</voice></voice>"
        "<p xml:lang='de'>d</p>"
    )
    assert [item for item in read_spans(markup) if isinstance(item, Span)] == [
        Span("a", Style(name="Lee", language="en-GB")),
        Span("b", Style(name="Lee", language="fr")),
        Span("c", Style(gender="female", language="en-GB")),
        Span("d", Style(language="de")),
    ]


def test_pauses_and_edges_stand_between_the_spans() -> None:
    markup = "<p>a<break time='.5s'/><mark name='x'/><s>b</s></p><sub alias='c'>d</sub><break strength='strong'/>"
    assert list(read_spans(markup)) == [
        Edge("p", is_end=False),
        Span("a"),
        Pause(500),
        Edge("s", is_end=False),
        Span("b"),
        Edge("s", is_end=True),
        Edge("p", is_end=True),
        Span("c"),
        Pause(400),
    ]


def test_phonemes_are_ipa_and_replace_the_text_or_stand_alone() -> None:
    markup = "<phoneme ph='həˈloʊ'>hi</phoneme><phoneme alphabet='x-sampa' ph='h@&quot;loU'/>after"
    assert list(read_spans(markup)) == [Span("hi", ipa="həˈloʊ"), Span("", ipa="həˈloʊ"), Span("after")]


@pytest.mark.parametrize(
    ("x_sampa", "ipa"),
    [
        ('p@"teIt@U', "pəˈteɪtəʊ"), ("tS{nIz", "tʃænɪz"), ("bVtn=", "bʌtn̩"), (r"r\EdI", "ɹɛdɪ"), ("E~", "ɛ̃"),
        ("a_~", "a\u0303"), ("t_d", "t̪"), ('b@n"ZuR', "bənˈʒuʁ"), ("JJ\\", "ɲɟ"), ("d`d_<", "ɖɗ"), ("xyz", "xyz"),
        ("%In.t@", "ˌɪn.tə"), (":\\", "ˑ"), ("=\\", "ǂ"), ("n_=", "n̩"), ("", ""),
    ],
)  # fmt: skip
def test_x_sampa_becomes_ipa(x_sampa: str, ipa: str) -> None:
    assert to_ipa(x_sampa) == ipa


@pytest.mark.parametrize(
    ("text", "kind", "date_format", "language", "words"),
    [
        ("a-Z 1", "characters", "", "en-US", ["A", "dash", "Z", "1"]),
        ("ab@", "spell-out", "", "fr-FR", ["A", "B", "@"]),
        ("1 2.5", "digits", "", "en-US", ["1", "2", "point", "5"]),
        ("+1 555-0199", "telephone", "", "en-US", ["plus", "1,", "5", "5", "5,", "0", "1", "9", "9"]),
        ("21", "ordinal", "", "en-US", ["twenty-first"]),
        ("21", "ordinal", "", "es-ES", ["vigésimo primero"]),
        ("21", "ordinal", "", "hi-IN", ["21"]),
        ("XII", "ordinal", "", "en-US", ["XII"]),
        ("3/4", "fraction", "", "en-US", ["3 quarters"]),
        ("1 1/2", "fraction", "", "en-US", ["1 and 1 half"]),
        ("2/3", "fraction", "", "en-US", ["2 thirds"]),
        ("1/0", "fraction", "", "en-US", ["1/0"]),
        ("5/3/2024", "date", "dmy", "en-US", ["March fifth, 2024"]),
        ("5/3/2024", "date", "MDY", "en-GB", ["May third, 2024"]),
        ("20240305", "date", "yyyymmdd", "en-US", ["March fifth, 2024"]),
        ("2024-03", "date", "ym", "en-US", ["March 2024"]),
        ("3/5", "date", "md", "en-US", ["March fifth"]),
        ("13/13/2024", "date", "mdy", "en-US", ["13/13/2024"]),
        ("5/3/2024", "date", "", "en-US", ["5/3/2024"]),
        ("5/3/2024", "date", "dmy", "fr-FR", ["5/3/2024"]),
        ("$5", "currency", "", "en-US", ["$5"]),
        ("1984", "cardinal", "", "en-US", ["one thousand, nine hundred and eighty-four"]),
        ("1,984", "number", "", "en-US", ["1,984"]),
        ("", "characters", "", "en-US", []),
    ],
)  # fmt: skip
def test_say_as_is_written_as_it_is_read(
    text: str, kind: str, date_format: str, language: str, words: list[str]
) -> None:
    assert get_words(text, kind, date_format=date_format, language=language) == words


@settings(max_examples=100, deadline=None)
@given(well_formed())
def test_whatever_is_taken_has_spans(markup: str) -> None:
    with contextlib.suppress(SsmlError):
        check_ssml(markup)
        assert list(read_spans(markup))


def test_half_a_megabyte_is_read_in_linear_time() -> None:
    text = "<prosody rate='90%'>a</prosody>" * 15_000
    check_ssml(text)
    started = time.process_time()
    assert len(list(read_spans(text))) == 15_000
    assert time.process_time() - started < 5

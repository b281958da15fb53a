"""What SSML lets through, and how it says no: by name and place, before anything is opened, expanded or charged."""

import contextlib
import time
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech.segments import split_ssml
from speech.sentences import MAX_SEGMENT_CHARS
from speech.ssml import ELEMENTS, MAX_DEPTH, SsmlError, check_ssml, read_ssml


def refusal(text: str) -> str:
    with pytest.raises(SsmlError) as raised:
        check_ssml(text)
    return str(raised.value)


def parse(markup: str) -> ElementTree.Element:
    """With another reader than ours."""
    return ElementTree.fromstring(markup)  # noqa: S314  (our own markup)


def heard(text: str) -> str:
    """All text of all pieces, without the tags."""
    return "".join("".join(parse(piece.text).itertext()) for piece in split_ssml(text, "en-US"))


BILLION_LAUGHS = (
    '<!DOCTYPE speak [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {new} "{f"&{old};" * 10}">' for old, new in zip("abcdefgh", "bcdefghi", strict=True))
    + "]><speak>&i;</speak>"
)
XXE = '<!DOCTYPE speak [<!ENTITY file SYSTEM "file:///etc/passwd">]><speak>&file;</speak>'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Hello <audio src='/a.wav'/>", "line 1, column 7: The element <audio> is not allowed."),
        ("<speak>\n  <audio src='a'/></speak>", "line 2, column 3: The element <audio> is not allowed."),
        ("<speak xml:base='/etc'>a</speak>", "line 1, column 1: The attribute xml:base is not allowed on <speak>."),
        ("<s xml:base='/etc'>a</s>", "line 1, column 1: The attribute xml:base is not allowed on <s>."),
        ("<p onclick='x()'>a</p>", "line 1, column 1: The attribute onclick is not allowed on <p>."),
        ("<voice src='/etc'>a</voice>", "line 1, column 1: The attribute src is not allowed on <voice>."),
        ("<mark/>a", "line 1, column 1: <mark> requires the attribute name."),
        ("<mark name='a'>b</mark>", "line 1, column 16: <mark> must be empty."),
        ("<mark name='a'/>", "The text contains nothing that can be spoken."),
        ("<lang>a</lang>", "line 1, column 1: <lang> requires the attribute xml:lang."),
        ("<tts:style field='punctuation'>a</tts:style>", "line 1, column 1: The element <tts:style> is not allowed."),
        ("<script>a</script>", "line 1, column 1: The element <script> is not allowed."),
        ("<BREAK/>", "line 1, column 1: The element <BREAK> is not allowed."),
        ("<x:break xmlns:x='y'/>", "line 1, column 1: The element <x:break> is not allowed."),
        ("<p xmlns='y'>a</p>", "line 1, column 1: The attribute xmlns is not allowed on <p>."),
        ("<p xmlns:x='y'>a</p>", "line 1, column 1: The attribute xmlns:x is not allowed on <p>."),
        (f"<{'x' * 99}/>", f"line 1, column 1: The element <{'x' * 40}…> is not allowed."),
        (XXE, "line 1, column 17: A document type (DTD) is not allowed."),
        (BILLION_LAUGHS, "line 1, column 17: A document type (DTD) is not allowed."),
        ("<!DOCTYPE speak><speak>a</speak>", "line 1, column 16: A document type (DTD) is not allowed."),
        ("<?php echo 1 ?>a", "line 1, column 1: The processing instruction <?php?> is not allowed."),
        ("a &nbsp; b", "line 1, column 3: The entity &nbsp; is not declared. Use the character itself."),
        ("a & b", "line 1, column 4: This is not well-formed XML: not well-formed (invalid token)."),
        ("a\nb <p>c", "line 2, column 9: The element <p> is not closed."),
        ("<p>a</s>", "line 1, column 7: The element <p> is not closed."),
        ("</speak><speak>", "line 1, column 9: This is not well-formed XML: junk after document element."),
        ("<speak>a</speak>b", "line 1, column 17: This is not well-formed XML: junk after document element."),
        ("a <speak>b</speak>", "line 1, column 3: The element <speak> must be the root element and appear once."),
        ("<p a='1' a='2'>b</p>", "line 1, column 10: This is not well-formed XML: duplicate attribute."),
        ("<sub>a</sub>", "line 1, column 1: <sub> requires the attribute alias."),
        ("<say-as>a</say-as>", "line 1, column 1: <say-as> requires the attribute interpret-as."),
        ("<sub alias='a'><break/></sub>", "line 1, column 16: <break> is not allowed inside <sub>."),
        ("<break>a</break>", "line 1, column 8: <break> must be empty."),
        ("<p><s><p>a</p></s></p>", "line 1, column 7: <p> is not allowed inside <p>."),
        ("<emphasis><s>a</s></emphasis>", "line 1, column 11: <s> is not allowed inside <emphasis>."),
        ("<break time='10.001s'/>", "line 1, column 1: time of <break> must be at most 10s."),
        ("<break time='600s'/>", "line 1, column 1: time of <break> must be at most 10s."),
        ("<break time='-1s'/>", "line 1, column 1: time of <break> must be a time such as 500ms or 1.5s."),
        ("<break time='9999999999s'/>", "line 1, column 1: time of <break> must be a time such as 500ms or 1.5s."),
        ("<speak> <!-- a --> </speak>", "The text contains nothing that can be spoken."),
        ("<speak/>", "The text contains nothing that can be spoken."),
    ],
)  # fmt: skip
def test_what_is_refused_is_named_with_its_place(text: str, message: str) -> None:
    assert refusal(text) == message


@pytest.mark.parametrize(
    "attribute",
    [
        "rate='1e3%'", "rate='19%'", "rate='401%'", "rate='nan%'", "rate='5'", "rate='.1'", "rate='-1'", "rate='.'",
        "rate=''", "pitch='200Hz'",
        "pitch='+99st'", "pitch='-100%'", "volume='+13dB'", "volume='11'", "range='x'", "contour='(0%,+20Hz)'",
        "duration='5s'",
    ],
)  # fmt: skip
def test_a_prosody_that_makes_no_sense_is_refused(attribute: str) -> None:
    name = attribute.partition("=")[0]
    message = refusal(f"<prosody {attribute}>a</prosody>")
    assert f"{name} of <prosody>" in message or f"The attribute {name} is not allowed on <prosody>." in message


@pytest.mark.parametrize(
    "reference",
    ["&#0;", "&#x1;", "&#8;", "&#xB;", "&#x1F;", "&#xD800;", "&#xDFFF;", "&#xFFFE;", "&#x110000;", "&#99999999999;"],
)
def test_a_reference_to_no_character_is_refused(reference: str) -> None:
    assert "reference to invalid character number" in refusal(f"a {reference} b")


@pytest.mark.parametrize("character", ["\x00", "\x01", "\x08", "\x1b", "\ud800", "\udfff"])
def test_a_character_that_xml_has_not_is_refused(character: str) -> None:
    assert "line 1, column 3: This is not well-formed XML" in refusal(f"a {character} b")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello there.", "Hello there."),
        ("<speak version='1.1' xmlns='http://www.w3.org/2001/10/synthesis' xml:lang='en-US'>Hi</speak>", "Hi"),
        ("\ufeff<?xml version='1.0' encoding='UTF-16'?><speak>Hi</speak>", "Hi"),
        (" <!-- a --> <!-- <audio/> --><speak>Hi</speak>", "Hi"),
        ("a<!-- <audio src='x'/> -->b", "ab"),
        ("<![CDATA[<audio src='x'/> & more]]>", "<audio src='x'/> & more"),
        ("&lt;audio&gt; &amp;amp; &quot;&apos;", "<audio> &amp; \"'"),
        ("&#72;&#x69; &#x1F600;", "Hi 😀"),
        ("\u202eabc\u202c \u2066x\u2069 e\u0301", "\u202eabc\u202c \u2066x\u2069 e\u0301"),
        ("\x7f\x85\u2028", "\x7f\x85\u2028"),
    ],
)
def test_what_is_text_stays_text(text: str, words: str) -> None:
    check_ssml(text)
    assert heard(text) == words


@pytest.mark.parametrize(
    ("written", "rewritten"),
    [
        ('<break time=".5s"/>', '<break time="0.5s"></break>'),
        ('<break time="10.s"/>', ""),
        ('<prosody rate="0.5">a</prosody>', '<prosody rate="50%">a</prosody>'),
        ('<prosody rate=".75">a</prosody>', '<prosody rate="75%">a</prosody>'),
        ('<prosody rate="4">a</prosody>', '<prosody rate="400%">a</prosody>'),
        ('<prosody rate="+.5%" volume="-.5dB">a</prosody>', '<prosody rate="+0.5%" volume="-0.5dB">a</prosody>'),
        ('<prosody pitch="+.5st" range="+.5%">a</prosody>', '<prosody pitch="+0.5st" range="+0.5%">a</prosody>'),
        ('<lang xml:lang="fr-FR">a</lang>', '<lang xml:lang="fr-FR">a</lang>'),
        ('<mark name="here"/>a', '<mark name="here"></mark>a'),
        ('<voice name="Lee">a</voice>', '<voice name="Lee">a</voice>'),
    ],
)
def test_a_value_is_written_out_as_every_engine_reads_it(written: str, rewritten: str) -> None:
    if not rewritten:
        assert "must be a time such as" in refusal(written)
        return
    assert [piece.text for piece in split_ssml(written, "en-US")] == [f"<speak>{rewritten}</speak>"]


def test_nesting_has_an_end() -> None:
    def nested(depth: int) -> str:
        return "<voice>" * depth + "a" + "</voice>" * depth

    check_ssml(nested(MAX_DEPTH - 1))
    assert refusal(nested(MAX_DEPTH)) == "line 1, column 106: Elements are nested more than 16 levels deep."
    started = time.perf_counter()
    assert "nested more than 16 levels deep" in refusal("<prosody>" * 100_000)
    assert "nested more than 16 levels deep" in refusal(nested(100_000))
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(
    "text",
    ["<s>a</s>" * 62_500, "a&#65;" * 83_000, "<!-- a -->" * 50_000, "<!--" * 125_000, "<" * 500_000, "a" * 500_000],
    ids=["elements", "references", "comments", "unended comments", "less-than signs", "one word"],
)
def test_half_a_megabyte_is_judged_in_linear_time(text: str) -> None:
    started = time.process_time()
    with contextlib.suppress(SsmlError):
        check_ssml(text)
    assert time.process_time() - started < 5


# --- pieces -------------------------------------------------------------------------------------


def pieces(text: str) -> list[tuple[str, int]]:
    found = [(piece.text, piece.source_chars) for piece in split_ssml(text, "en-US")]
    assert sum(chars for _, chars in found) == len(text)
    return found


def test_sentences_become_pieces_with_their_surroundings_open_again() -> None:
    assert pieces('<prosody rate="80%">One. Two &amp; <emphasis>three. Four.</emphasis></prosody>') == [
        ('<speak><prosody rate="80%">One. </prosody></speak>', 25),
        ('<speak><prosody rate="80%">Two &amp; <emphasis>three. </emphasis></prosody></speak>', 27),
        ('<speak><prosody rate="80%"><emphasis>Four.</emphasis></prosody></speak>', 26),
    ]


def test_a_paragraph_ends_once_and_keeps_its_language() -> None:
    assert pieces('<speak><p xml:lang="fr">Un. Deux.</p>\n<p>Three. Four.</p> </speak>') == [
        ('<speak><lang xml:lang="fr">Un. </lang></speak>', 28),
        ('<speak><p xml:lang="fr">Deux.</p>\n</speak>', 10),
        ("<speak>Three. </speak>", 10),
        ("<speak><p>Four.</p> </speak>", 18),
    ]


def test_breaks_belong_to_the_sentence_before_them() -> None:
    assert pieces('<p><s>One.</s> <break time="1s"/><mark name="x"/></p> <p>Two.</p><break/>') == [
        ('<speak><p><s>One.</s> <break time="1s"></break><mark name="x"></mark></p> </speak>', 54),
        ("<speak><p>Two.</p><break></break></speak>", 19),
    ]


def test_an_element_that_is_whole_is_never_cut() -> None:
    long = "One. " * 190
    for element in (
        "<sub alias='x'>{}</sub>",
        "<say-as interpret-as='characters'>{}</say-as>",
        "<phoneme ph='x'>{}</phoneme>",
    ):
        assert len(pieces(element.format(long))) == 1
        assert "more than 1,000 characters" in refusal(element.format(long * 2))


def test_a_run_without_an_end_is_cut_between_elements() -> None:
    found = pieces('<prosody pitch="high">' + "<emphasis>word</emphasis> " * 1000 + "</prosody>")
    assert len(found) > 20
    assert max(chars for _, chars in found) < MAX_SEGMENT_CHARS + 100
    assert max(len(text) for text, _ in found) < MAX_SEGMENT_CHARS + 200


def test_words_without_an_end_are_cut_too() -> None:
    found = pieces("<p>" + "word " * 10_000 + "</p>")
    assert len(found) > 40
    assert max(chars for _, chars in found) <= MAX_SEGMENT_CHARS + 50


# --- whatever comes -----------------------------------------------------------------------------

ATTRIBUTES = st.sampled_from(
    ["time='2s'", "time='1h'", "rate='200%'", "rate='-5%'", "alias='a &lt; b'", "interpret-as='digits'",
     "level='strong'", "src='/etc/passwd'", "xml:base='/'", "xml:lang='fr'", "gender='male'", "name='x'", "ph='a'",
     "onload='x'", "pitch='+2st'"]
)  # fmt: skip
NAMES = st.sampled_from([*ELEMENTS, "audio", "x:y"])
TAGS = st.builds(
    lambda name, attributes, end: f"<{name} {' '.join(attributes)}{end}",
    NAMES,
    st.lists(ATTRIBUTES, max_size=2),
    st.sampled_from([">", "/>"]),
)
OTHERS = st.sampled_from(["&amp;", "&x;", "&#7;", "<!--", "-->", "<![CDATA[", "]]>", "]]", " One. Two. "])
MARKUP = st.lists(st.one_of(TAGS, NAMES.map(lambda name: f"</{name}>"), st.text(max_size=8), OTHERS), max_size=12).map(
    "".join
)


@st.composite
def well_formed(draw: st.DrawFn) -> str:
    """Nests allowed elements with allowed attributes: most of it is taken."""
    words = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12).map(
        lambda text: text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    )
    leaf = st.sampled_from(
        ["<break time='50ms'/>", "<sub alias='x'>y</sub>", "<say-as interpret-as='digits'>12</say-as>",
         "One. Two. ", "<mark name='x'/>", "<phoneme ph='ˈwʌn'>1</phoneme>"]
    )  # fmt: skip
    wrapped = st.sampled_from(
        ["prosody rate='80%'", "prosody pitch='+2st' volume='soft'", "emphasis", "voice gender='male'",
         "voice name='Lee'", "lang xml:lang='es'", "s", "p", "p xml:lang='fr'"]
    )  # fmt: skip
    tree = st.recursive(
        st.one_of(words, leaf),
        lambda inner: st.builds(
            lambda tag, parts: f"<{tag}>{''.join(parts)}</{tag.split()[0]}>", wrapped, st.lists(inner, max_size=4)
        ),
        max_leaves=20,
    )
    return draw(tree)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=60), MARKUP, well_formed()))
def test_any_text_is_refused_or_rebuilt_from_the_allow_list(text: str) -> None:
    try:
        check_ssml(text)
    except SsmlError:
        return
    found = list(split_ssml(text, "en-US"))
    assert sum(piece.source_chars for piece in found) == len(text)
    for piece in found:
        for element in parse(piece.text).iter():
            assert element.tag in ELEMENTS
            names = {name.replace("{http://www.w3.org/XML/1998/namespace}", "xml:") for name in element.attrib}
            assert names <= ELEMENTS[element.tag].attributes.keys()
        list(read_ssml(piece.text))  # what we write we take

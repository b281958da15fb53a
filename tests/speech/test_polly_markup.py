"""The markup that each family of Polly's voices accepts, written from ours."""

import pytest

from speech.engines.polly.markup import for_polly
from speech.engines.polly.voices import FAMILIES


def test_a_family_gets_the_markup_that_it_takes():
    markup = (
        '<speak xml:lang="de-DE">A <emphasis level="strong">b</emphasis> <prosody pitch="+10%" rate="80%">c &amp; d'
        '</prosody><prosody pitch="high">e</prosody><voice xml:lang="fr-FR" gender="female">f</voice>'
        '<voice gender="male">g</voice><break time="1s"/></speak>'
    )
    assert for_polly(markup, FAMILIES["standard"]) == (
        '<speak>A <emphasis level="strong">b</emphasis> <prosody rate="80%" pitch="+10%">c &amp; d</prosody>'
        '<prosody pitch="high">e</prosody><lang xml:lang="fr-FR">f</lang>g<break time="1s"></break></speak>'
    )
    assert for_polly(markup, FAMILIES["generative"]) == (
        '<speak>A b <prosody rate="80%">c &amp; d</prosody>e'
        '<lang xml:lang="fr-FR">f</lang>g<break time="1s"></break></speak>'
    )


@pytest.mark.parametrize(
    ("ours", "polly"),
    [
        ('<prosody rate="+20%">a</prosody>', '<prosody rate="120%">a</prosody>'),
        ('<prosody rate="400%">a</prosody>', '<prosody rate="200%">a</prosody>'),
        ('<prosody rate="default" volume="-6dB">a</prosody>', '<prosody rate="100%" volume="-6dB">a</prosody>'),
        ('<prosody rate="x-fast">a</prosody>', '<prosody rate="x-fast">a</prosody>'),
        ('<prosody pitch="-2st">a</prosody>', '<prosody pitch="-11%">a</prosody>'),
        ('<prosody pitch="150%">a</prosody>', '<prosody pitch="+50%">a</prosody>'),
        ('<prosody pitch="+24st">a</prosody>', '<prosody pitch="+50%">a</prosody>'),
        ('<prosody pitch="-24st">a</prosody>', '<prosody pitch="-33%">a</prosody>'),
        ('<prosody range="high">a</prosody>', "a"),
        ('<emphasis level="none">a</emphasis>', "a"),
        ("<emphasis>a</emphasis>", "<emphasis>a</emphasis>"),
        ('<s xml:lang="fr-FR">a</s>', '<s><lang xml:lang="fr-FR">a</lang></s>'),
        ('<voice xml:lang="tlh">a</voice>', "a"),
        ('<voice name="Lee">a</voice>', "a"),
        ('<lang xml:lang="fr-FR">a</lang>', '<lang xml:lang="fr-FR">a</lang>'),
        ('<lang xml:lang="tlh">a</lang>', "a"),
        ('<mark name="b"/>a', '<mark name="b"></mark>a'),
        ('<prosody rate=".5">a</prosody>', '<prosody rate="50%">a</prosody>'),
        ('<break time=".5s"/>', '<break time="0.5s"></break>'),
        ('<say-as interpret-as="verbatim">a</say-as>', '<say-as interpret-as="characters">a</say-as>'),
        ('<say-as interpret-as="currency" detail="x">a</say-as>', "a"),
        ('<say-as interpret-as="time" format="hms12">a</say-as>', '<say-as interpret-as="time">a</say-as>'),
        ('<say-as interpret-as="date">a</say-as>', "a"),
        (
            '<say-as interpret-as="date" format="DMY">a</say-as>',
            '<say-as interpret-as="date" format="dmy">a</say-as>',
        ),
        ('<phoneme ph="x">a</phoneme>', '<phoneme alphabet="ipa" ph="x">a</phoneme>'),
        ('<sub alias="b&amp;c">a</sub>', '<sub alias="b&amp;c">a</sub>'),
    ],
)
def test_what_polly_says_in_other_words_is_put_into_them_and_what_it_lacks_is_left_out(ours: str, polly: str):
    assert for_polly(f"<speak>{ours}</speak>", FAMILIES["standard"]) == f"<speak>{polly}</speak>"

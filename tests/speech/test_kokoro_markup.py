"""What the model is asked to say for SSML, with a reader that spells: each letter of the text is a phoneme."""

import pytest
from hypothesis import given, settings

from speech.engines.kokoro.markup import EMPHASIS, MAX_RUN_PHONEMES, Run, Silence, best_voice, plan
from speech.engines.kokoro.parts import Effect
from speech.engines.kokoro.phonemes import VOCABULARY
from speech.engines.kokoro.written_ipa import to_model_symbols
from speech.ssml import SsmlError, check_ssml
from tests.speech.test_ssml import well_formed

PLAIN = Effect(1.0, 1.0, 1.0, 1.0)


def planned(ssml: str, *, voice: str = "af_heart", speed: float = 1.0) -> list[Run | Silence]:
    return list(
        plan(ssml, voice, speed=speed, read=lambda text, _: text.lower(), has_language=lambda tag: tag != "ja-JP")
    )


def one(ssml: str, **options: object) -> Run:
    [run] = planned(ssml, **options)  # type: ignore[arg-type]
    assert isinstance(run, Run)
    assert len(run.effects) == len(run.phonemes)
    return run


def runs(ssml: str, *, voice: str = "af_heart") -> list[tuple[str, str, int]]:
    found = planned(ssml, voice=voice)
    return [(run.engine_voice, run.phonemes, run.after_ms) for run in found if isinstance(run, Run)]


def with_effect(run: Run, effect: Effect) -> str:
    return "".join(symbol for symbol, found in zip(run.phonemes, run.effects, strict=True) if found == effect)


def test_plain_words_are_one_run_without_an_effect() -> None:
    assert one("we are here.") == Run("af_heart", "we are here.", [PLAIN] * 12, [], 380, 1.0)
    assert one("we are here").phonemes == "we are here."  # so that the voice falls
    assert planned("<speak> . </speak>") == []


def test_what_is_louder_or_slower_in_a_sentence_is_no_run_of_its_own() -> None:
    run = one("we <prosody rate='50%' volume='-20dB'>are <emphasis>now</emphasis></prosody> here.")
    assert run.phonemes == "we are now here."
    assert with_effect(run, Effect(0.5, 1.0, 1.0, 0.1)).strip() == "are"
    more = EMPHASIS["moderate"]
    assert with_effect(run, Effect(0.5 * more.rate, more.pitch, more.range, 0.1 * more.volume)).strip() == "now"


def test_a_word_keeps_its_parts_and_its_punctuation() -> None:
    run = one("we <emphasis>are</emphasis>, un<emphasis>believ</emphasis>able.")
    assert run.phonemes == "we are, unbelievable."
    assert with_effect(run, EMPHASIS["moderate"]) == "arebeliev"


@pytest.mark.parametrize(("rate", "speed", "own", "tempo"), [
    ("80%", 1.0, 0.8, 1.0), ("200%", 1.0, 2.0, 1.0), ("400%", 1.0, 2.0, 2.0), ("20%", 1.0, 0.5, 0.4),
    ("50%", 4.0, 2.0, 1.0), ("100%", 0.25, 0.5, 0.5),
])  # fmt: skip
def test_a_rate_multiplies_with_the_speed_and_the_rest_is_stretched(
    rate: str, speed: float, own: float, tempo: float
) -> None:
    run = one(f"<prosody rate='{rate}'>we are.</prosody>", speed=speed)
    assert (run.effects[0].rate, run.tempo) == (own, tempo)


def test_a_break_inside_a_sentence_is_spoken_as_a_comma() -> None:
    run = one("we <break time='1s'/><break time='.5s'/>are, <break time='200ms'/>here.")
    assert (run.phonemes, run.breaks, run.after_ms) == ("we, are, here.", [(2, 1500), (7, 200)], 380)
    assert one("we <break strength='none'/>are.").phonemes == "we are."


def test_a_break_after_a_sentence_is_its_pause() -> None:
    assert runs("we are. <break time='1s'/> here <break time='2s'/>") == [
        ("af_heart", "we are.", 1000),
        ("af_heart", "here.", 2000),
    ]
    assert runs("<p><s>we.</s><break time='1s'/></p>") == [("af_heart", "we.", 1000)]
    assert planned("<break time='1s'/><break time='2s'/>") == [Silence(3000)]
    assert planned("<break time='1s'/>we.")[0] == Silence(1000)
    assert one("dr. <break time='1s'/> we.").breaks == [(2, 1000)]  # which does not end a sentence


def test_paragraphs_and_sentences_end_with_their_pauses() -> None:
    assert runs("<p><s>one</s> <s>two</s></p> <p>three</p>") == [
        ("af_heart", "one.", 380),
        ("af_heart", "two.", 750),
        ("af_heart", "three.", 750),
    ]


def test_a_voice_is_another_one_of_the_same_language() -> None:
    assert runs("we <voice gender='male'>are</voice> here.") == [
        ("af_heart", "we", 40),
        ("am_michael", "are", 40),
        ("af_heart", "here.", 380),
    ]
    for name in ("Bella", "af_bella", "kokoro:en-US-Kokoro-Bella"):
        assert runs(f"<voice name='{name}'>we.</voice>") == [("af_bella", "we.", 380)]
    for attributes in ("name='Emma'", "name='../af_bella'", "gender='female'", "gender='neutral'"):
        assert runs(f"<voice {attributes}>we.</voice>") == [("af_heart", "we.", 380)]
    assert runs("<voice gender='male'>we.</voice>", voice="ff_siwis") == [("ff_siwis", "we.", 380)]  # there is none
    assert (best_voice("b", "m"), best_voice("f", "m")) == ("bm_george", "")


def test_another_language_is_read_by_its_rules_with_the_same_voice() -> None:
    tags = []

    def read(text: str, tag: str) -> str:
        tags.append((text.strip(), tag))
        return text

    markup = "we <lang xml:lang='fr-CA'>bon</lang> <lang xml:lang='ja'>a</lang> <lang xml:lang='tlh'>b</lang>."
    found = list(plan(markup, "bf_emma", speed=1.0, read=read, has_language=lambda tag: tag != "ja-JP"))
    assert [run.engine_voice for run in found if isinstance(run, Run)] == ["bf_emma"]
    assert ("bon", "fr-FR") in tags
    assert {tag for text, tag in tags if text != "bon"} == {"en-GB"}


def test_say_as_and_sub_are_read_in_words() -> None:
    assert one("<sub alias='world wide web'>WWW</sub>.").phonemes == "world wide web."
    assert one("<say-as interpret-as='characters'>az</say-as>.", voice="bf_emma").phonemes == "ˈA zˈɛd."
    assert one("<say-as interpret-as='ordinal'>2</say-as> we.").phonemes == "second we."


@pytest.mark.parametrize(
    ("ipa", "letter", "symbols"),
    [
        ("təˈmeɪtoʊ", "a", "təmˈAtO"), ("təˈmɑːtəʊ", "b", "təmˈɑːtQ"), ("/ˈt͡ʃɜːt͡ʃ/", "a", "ʧˈɜɹʧ"),
        ("ˈbʌtn̩", "a", "bˈʌtᵊn"), ("kæt", "b", "kat"), ("rɛd", "a", "ɹɛd"), ("bed", "a", "bɛd"),
        ("bɔ̃ʒuʁ", "f", "bɔ̃ʒuʁ"), ("ˈpit.tsa", "i", "pˈitʦa"), ("ˈstriːt", "b", "stɹˈiːt"), ("hɝ", "a", "hɜɹ"),
    ],
)  # fmt: skip
def test_ipa_is_written_with_the_models_symbols(ipa: str, letter: str, symbols: str) -> None:
    assert to_model_symbols(ipa, letter) == symbols
    assert set(symbols) <= set(VOCABULARY)


def test_phonemes_replace_the_text_unless_the_model_has_none_of_them() -> None:
    assert one("we <phoneme ph='təˈmeɪtoʊ'>abc</phoneme>, we.").phonemes == "we təmˈAtO, we."
    assert one("we <phoneme alphabet='x-sampa' ph='t@&quot;meItoU'>abc</phoneme>").phonemes == "we təmˈAtO."
    assert one("<phoneme ph='kæt'/><break time='1s'/> we.").breaks == [(3, 1000)]
    assert one("<phoneme ph='123'>abc</phoneme>").phonemes == "abc."


def test_a_long_sentence_is_cut_where_it_pauses() -> None:
    found = planned("we are here, and we go on" * 40)
    assert all(isinstance(run, Run) and len(run.phonemes) <= MAX_RUN_PHONEMES for run in found)
    assert "".join(run.phonemes for run in found if isinstance(run, Run)).count("here") == 40


@settings(max_examples=150, deadline=None)
@given(well_formed())
def test_whatever_is_taken_has_a_plan(markup: str) -> None:
    try:
        check_ssml(markup)
    except SsmlError:
        return
    for item in planned(markup):
        if isinstance(item, Run):
            assert 0 < len(item.phonemes) == len(item.effects) <= MAX_RUN_PHONEMES + 2
            assert set(item.phonemes) <= set(VOCABULARY)
            assert all(0 <= at < len(item.phonemes) for at, _ in item.breaks)

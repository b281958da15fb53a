"""Words in another script are read as a language that uses the script, and never left out."""

from collections.abc import Iterator

import pytest

from speech.engines.espeak.phonemes import PhonemeReader
from speech.engines.kokoro import g2p
from speech.engines.kokoro.g2p import Readers
from speech.engines.kokoro.phonemes import spoken_phonemes
from speech.engines.kokoro.scripts import Run, fold, letter_names, split_scripts


@pytest.fixture(scope="module")
def readers() -> Iterator[Readers]:
    readers = Readers()
    yield readers
    readers.close()


@pytest.mark.parametrize(
    ("language", "text", "phonemes"),
    [
        ("en-US", "नमस्ते friend", "nəmˈʌsteː fɹˈɛnd"),
        ("en-US", "Say 한국어 now.", "sˈA hˈɐnkukˌʌ nˈW."),
        ("en-GB", "Say 한국어 now.", "sˈA hˈɐnkukˌʌ nˈW."),
        ("en-US", "தமிழ் is old", "tˈʌmiɻ ɪz ˈOld"),
        ("en-US", "你好 in English", "ni↓xau↓ ɪn ˈɪŋɡlɪʃ"),
        ("en-US", "Привет, мир!", "prʲivʲˈet, mʲˈir!"),
        ("en-US", "π and α", "pˈI ænd ˈælfə"),
        ("en-US", "አማርኛ", "ˈamarɨɲa"),
        ("en-US", "Nguyễn", "nˈujɛn"),
        ("en-US", "café", "kæfˈA"),
        ("en-US", "cafe\u0301", "kæfˈA"),
        ("en-US", "The KFC한국어 mix", "ðə kˌAˌɛfsˈi hˈɐnkukˌʌ mˈɪks"),
        ("es-ES", "Hola Привет, 你好.", "ˈola prʲivʲˈet, ni↓xau↓."),
        ("fr-FR", "le weekend 한국어 и Привет", "lə wiːkˈɛnd hˈɐnkukˌʌ ɪ prʲivʲˈet"),
        ("hi-IN", "नमस्ते friend 한국어", "nəmˈʌsteː fɹˈɛnd hˈɐnkukˌʌ"),
        ("it-IT", "Ciao नमस्ते", "ʧˈao nəmˈʌsteː"),
        ("pt-BR", "software नमस्ते", "sˈɔftweə nəmˈʌsteː"),
        ("zh-CN", "我用WeChat和email", "wo↓jʊ↘ŋ wˌiʧˈæt xɤ↗ ˈimˌAl"),
        ("zh-CN", "USB接口", "jˌuˌɛsbˈi ʨje→kʰou↓"),
        ("zh-CN", "Python很好", "pˈIθˌɑn xə↓n xau↓"),
        ("zh-CN", "KFC", "kˌAˌɛfsˈi"),
        ("zh-CN", "我说：“Hello, world.”他笑了", "wo↓ ʂwo→: “həlˈO, wˈɜɹld.”tʰa→ ɕjau↘ lɤ"),
        ("ja-JP", "私はWeChatを使う", "wataɕiwa wˌiʧˈæt o ʦukau"),
        ("ja-JP", "USBとKFC", "juːesubiːto keːefuɕiː"),
        ("ja-JP", "한국어です", "hˈɐnkukˌʌ desu"),
    ],
)
def test_a_word_in_another_script_is_read_as_its_own_language(
    language: str, text: str, phonemes: str, readers: Readers
):
    assert spoken_phonemes(readers.phonemes(text, language)) == phonemes


def test_letters_of_a_script_that_nothing_can_read_are_named(readers: Readers):
    assert letter_names("ไทย") == "sara ai maimalai tho thahan yo yak"
    assert spoken_phonemes(readers.phonemes("ไทย is Thai", "en-US")).endswith(" ɪz tˈI")


@pytest.mark.parametrize("word", ["한국어", "नमस्ते", "தமிழ்", "ქართული", "հայերեն", "বাংলা", "తెలుగు", "ಕನ್ನಡ", "മലയാളം"])
def test_espeak_says_nothing_about_the_language_of_a_word(word: str):
    reader = PhonemeReader()
    try:
        for identifier in ("gmw/en-US", "gmw/en", "roa/es", "roa/fr", "gmw/de"):
            phonemes = reader.read(f"{word} (en-us) x", identifier=identifier)
            assert "(" not in phonemes
            assert ")" not in phonemes
    finally:
        reader.close()


def test_a_text_is_split_where_its_script_changes():
    assert list(split_scripts("我用WeChat和Mac mini.", ("CJK",))) == [
        Run("", 0, 2), Run("LATIN", 2, 8), Run("", 8, 9), Run("LATIN", 9, 17), Run("", 17, 18)
    ]  # fmt: skip
    assert list(split_scripts("日本語を話す now", ("LATIN",))) == [Run("KANA", 0, 6), Run("", 6, 10)]
    assert list(split_scripts("", ("LATIN",))) == []


@pytest.mark.parametrize("text", ["我用WeChat和Mac mini.", "π, αβγ x", "a\u0301한 b", "ไทย中文かな日本 x", "…—한", "α"])
def test_runs_are_together_the_text(text: str):
    for own in (("LATIN",), ("CJK",), ("CJK", "KANA")):
        runs = list(split_scripts(text, own))
        assert "".join(text[run.start : run.end] for run in runs) == text
        assert all(run.start < run.end for run in runs)


def test_folding_keeps_every_place():
    assert fold("Nguyễn Đà Nẵng, café, Łódź") == "Nguyen Đà Nang, café, Łódź"


def test_without_the_dictionaries_chinese_is_espeaks_and_kana_are_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(g2p.PACKAGES, "z", ("no_such_package",))
    monkeypatch.setitem(g2p.PACKAGES, "j", ("no_such_package",))
    readers = Readers()
    assert spoken_phonemes(readers.phonemes("你好 in English", "en-US")) == "nixˈɑu ɪn ˈɪŋɡlɪʃ"
    assert spoken_phonemes(readers.phonemes("すし", "es-ES")) == "sˈu sˈi"
    readers.close()

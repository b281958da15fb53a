"""Every language of eSpeak: each voice of the catalogue says a sentence of its own, as a woman and as a man.

`make test` speaks twelve languages, one or more for each way of writing; `make test-all` speaks all of them.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import espeakng_loader
import numpy as np
import pytest
from _pytest.mark import ParameterSet

from speech.engines.espeak import EspeakEngine
from speech.engines.espeak.languages import LANGUAGES, LEFT_OUT
from speech.engines.espeak.voices import Spoken, engine_voice, find_language, find_spoken, get_speakers
from tests.support.engines import RATE_HERTZ, level_db, median_pitch_hertz, samples_of, speak
from voices.sentences import get_sentence

DATA = Path(espeakng_loader.get_data_path())
# RFC 5646, of which this covers what the table uses: language, script, region, variant, private use.
TAG = re.compile(
    r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|\d{3}))?(-([a-z]{5,8}))?(-x-[a-z0-9]{1,8})?|art-x-[a-z0-9]{1,8}"
)
# Latin (four families), Cyrillic, Greek, Arabic, Hebrew, Devanagari, Georgian, Hangul, Chinese.
ALWAYS_SPOKEN = frozenset(
    {"en-US", "de-DE", "es-ES", "vi-VN", "ru-RU", "el-GR", "ar-001", "he-IL", "hi-IN", "ka-GE", "ko-KR", "zh-CN"}
)


def language_cases(tags: Iterable[str]) -> list[ParameterSet]:
    """A case for each tag, which `make test` leaves out unless the language is one of the twelve."""
    return [pytest.param(tag, marks=() if tag in ALWAYS_SPOKEN else pytest.mark.all_languages, id=tag) for tag in tags]


@pytest.fixture(scope="module")
def engine() -> Iterator[EspeakEngine]:
    engine = EspeakEngine()
    yield engine
    engine.close()


def test_every_language_of_the_library_is_offered_or_left_out_for_a_reason() -> None:
    of_the_library = {str(path.relative_to(DATA / "lang")) for path in (DATA / "lang").rglob("*") if path.is_file()}
    offered = [language.identifier for language in LANGUAGES]
    assert len(offered) == len(set(offered)) == 132
    assert set(offered) | LEFT_OUT.keys() == of_the_library
    assert set(offered) & LEFT_OUT.keys() == set()


@pytest.mark.parametrize("identifier", ["art/xex", "gmq/fo", "trk/kaa"])
def test_a_language_without_a_dictionary_is_left_out(identifier: str) -> None:
    assert not (DATA / f"{identifier.partition('/')[2]}_dict").exists()
    assert "does not include its dictionary" in LEFT_OUT[identifier]


def test_the_languages_that_are_always_spoken_are_offered() -> None:
    assert len(ALWAYS_SPOKEN) == 12
    assert {language.tag for language in LANGUAGES} >= ALWAYS_SPOKEN


def test_tags_are_bcp_47_and_voices_are_unique(engine: EspeakEngine) -> None:
    assert [language.tag for language in LANGUAGES if not TAG.fullmatch(language.tag)] == []
    assert len({language.tag.lower() for language in LANGUAGES}) == len(LANGUAGES)
    assert len({language.name for language in LANGUAGES}) == len(LANGUAGES)
    entries = engine.voices()
    assert len(entries) == len({entry.voice_id for entry in entries}) == len({entry.engine_voice for entry in entries})
    assert all(re.fullmatch(r"espeak:[A-Za-z0-9-]+-eSpeak-[A-Z][a-z]+", entry.voice_id) for entry in entries)
    assert all(len(entry.language) <= 35 and len(entry.language_name) <= 80 for entry in entries)


@pytest.mark.parametrize("tag", language_cases(language.tag for language in LANGUAGES))
def test_a_woman_and_a_man_speak_it(engine: EspeakEngine, tag: str) -> None:
    language = next(language for language in LANGUAGES if language.tag == tag)
    text = get_sentence(language.tag)
    assert text
    pitches: dict[str, list[float]] = {"female": [], "male": []}
    for speaker in get_speakers(language):
        pcm = speak(engine, text, voice=engine_voice(language, speaker))
        seconds = len(pcm) / 2 / RATE_HERTZ
        # One character takes 30 to 260 ms: nothing is swallowed, nothing is spelled out by its Unicode name.
        assert 0.03 * len(text) < seconds < 0.26 * len(text), (speaker.name, seconds)
        assert -26 < level_db(pcm) < -9, speaker.name
        assert np.mean(np.abs(samples_of(pcm)) > 0.9999) < 1e-3, speaker.name
        pitches[speaker.gender].append(median_pitch_hertz(pcm))
    assert min(pitches["female"]) > 1.3 * max(pitches["male"])


@pytest.mark.parametrize("tag", language_cases(sorted({language.tag for language in LANGUAGES} - {"cv-RU", "sjn"})))
def test_digits_are_spoken(engine: EspeakEngine, tag: str) -> None:
    language = find_language(tag)
    assert language is not None
    pcm = speak(engine, "1 2 3", voice=engine_voice(language, get_speakers(language)[0]))
    assert len(pcm) > 0.4 * 2 * RATE_HERTZ


@pytest.mark.parametrize("tag", ["cv-RU", "sjn"])
def test_a_language_that_skips_digits_says_so(engine: EspeakEngine, tag: str) -> None:
    entry = next(entry for entry in engine.voices() if entry.language == tag)
    assert entry.characteristics["note"] == "Skips digits; write numbers as words."
    assert len(speak(engine, "1 2 3", voice=entry.engine_voice)) < 0.1 * 2 * RATE_HERTZ


def test_mandarin_knows_words_and_reads_each_character_as_one_syllable(engine: EspeakEngine) -> None:
    def spoken(text: str, voice: str) -> bytes:
        return speak(engine, text, voice=f"{voice}+Annie")

    # 行 is xíng or háng, 长 is cháng or zhǎng: the word decides, and Pinyin makes the same sound.
    assert spoken("银行行长", "sit/cmn") != spoken("行银长行", "sit/cmn")
    for characters, pinyin in (("银行", "yin2hang2"), ("音乐", "yin1yue4"), ("重庆", "chong2qing4")):
        assert spoken(characters, "sit/cmn") == spoken(pinyin, "sit/cmn-Latn-pinyin")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("fr", "fr-FR"), ("fr-be", "fr-BE"), ("fr-CA", "fr-FR"), ("es", "es-ES"), ("pt", "pt-PT"), ("en", "en-US"),
        ("no", "nb-NO"), ("cmn-CN", "zh-CN"), ("zh-TW", "zh-CN"), ("ja", None), ("", None), ("xx-YY", None),
    ],
)  # fmt: skip
def test_a_tag_finds_its_language(wanted: str, found: str | None) -> None:
    language = find_language(wanted)
    assert (language.tag if language else None) == found


def test_a_change_of_voice_keeps_the_person_where_it_can() -> None:
    linda = find_spoken("gmw/en-US+linda")
    assert linda.changed(gender="female") == linda
    assert linda.changed(gender="male").engine_voice == "gmw/en-US+michel"
    assert linda.changed(language="fr").engine_voice == "roa/fr+Annie"  # Linda speaks English only
    assert find_spoken("gmw/en+Lee").changed(language="de", gender="male").engine_voice == "gmw/de+Lee"
    assert linda.changed(language="ja", gender="neutral") == linda
    assert isinstance(linda, Spoken)

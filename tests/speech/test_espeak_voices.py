"""The eSpeak voices are what the catalogue says they are."""

import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import espeakng_loader
import numpy as np
import pytest

from speech.catalogue import VoiceEntry
from speech.engines.espeak import EspeakEngine
from speech.engines.espeak.languages import LANGUAGES, Language
from speech.engines.espeak.voices import SOUND_REVISION, SPEAKERS, WITH_ALL_SPEAKERS, Speaker, engine_voice
from tests.support.engines import SENTENCES, level_db, median_pitch_hertz, samples_of, speak

VARIANTS = Path(espeakng_loader.get_data_path(), "voices", "!v")
ENGLISH = [language for language in LANGUAGES if language.tag in WITH_ALL_SPEAKERS]
IN_BOTH_LANGUAGES = [(language, speaker) for language in ENGLISH for speaker in SPEAKERS]


@pytest.fixture(scope="module")
def engine() -> Iterator[EspeakEngine]:
    engine = EspeakEngine()
    yield engine
    engine.close()


def test_each_english_has_three_women_and_three_men(engine: EspeakEngine) -> None:
    english = [entry for entry in engine.voices() if entry.language in ("en-US", "en-GB")]
    assert {entry.voice_id: entry.gender for entry in english} == {
        "espeak:en-US-eSpeak-Annie": "female",
        "espeak:en-US-eSpeak-Linda": "female",
        "espeak:en-US-eSpeak-Auntie": "female",
        "espeak:en-US-eSpeak-Michel": "male",
        "espeak:en-US-eSpeak-Andy": "male",
        "espeak:en-US-eSpeak-Lee": "male",
        "espeak:en-GB-eSpeak-Annie": "female",
        "espeak:en-GB-eSpeak-Linda": "female",
        "espeak:en-GB-eSpeak-Auntie": "female",
        "espeak:en-GB-eSpeak-Michel": "male",
        "espeak:en-GB-eSpeak-Andy": "male",
        "espeak:en-GB-eSpeak-Lee": "male",
    }


def test_an_entry_carries_everything_the_catalogue_wants(engine: EspeakEngine) -> None:
    michel = next(entry for entry in engine.voices() if entry.voice_id == "espeak:en-GB-eSpeak-Michel")
    assert michel == VoiceEntry(
        voice_id="espeak:en-GB-eSpeak-Michel",
        name="Michel",
        provider="espeak",
        family="eSpeak",
        language="en-GB",
        language_name="English (United Kingdom)",
        gender="male",
        model_type="premium",
        quality="basic",
        rank=903,
        characteristics={"styles": ["general"], "pitch": 105, "age": 25},
        supports_ssml=True,
        supports_markup=False,
        supports_speed=True,
        supports_prompt=False,
        supports_multispeaker=False,
        supports_streaming=True,
        output_formats=("wav", "mp3", "ogg_opus"),
        sample_rates=(8_000, 12_000, 16_000, 22_050, 24_000, 44_100, 48_000),
        native_rate_hertz=22_050,
        max_text_bytes=500_000,
        max_stream_bytes=100_000,
        engine_voice="gmw/en+michel",
        sound_version=f"{SOUND_REVISION} {version('espeakng-loader')}",
    )


@pytest.mark.parametrize("speaker", SPEAKERS, ids=lambda speaker: speaker.name)
def test_name_gender_and_age_are_those_of_the_variant_file(speaker: Speaker) -> None:
    text = (VARIANTS / speaker.variant).read_text()
    name = re.search(r"^name +(\S+)", text, re.MULTILINE)
    gender = re.search(r"^gender +(\w+)(?: +(\d+))?", text, re.MULTILINE)
    assert name is not None
    assert gender is not None
    assert name[1] == speaker.name
    assert gender[1].lower() == speaker.gender
    assert (int(gender[2]) if gender[2] else None) == speaker.age


@pytest.mark.parametrize("speaker", SPEAKERS, ids=lambda speaker: speaker.name)
def test_no_variant_breathes_because_its_noise_is_random(speaker: Speaker) -> None:
    assert not re.search(r"^breath\s", (VARIANTS / speaker.variant).read_text(), re.MULTILINE)


@pytest.mark.parametrize(("language", "speaker"), IN_BOTH_LANGUAGES, ids=lambda value: value.name)
def test_pitch_and_level_are_as_declared(engine: EspeakEngine, language: Language, speaker: Speaker) -> None:
    pcm = speak(engine, SENTENCES, voice=engine_voice(language, speaker))
    assert median_pitch_hertz(pcm) == pytest.approx(speaker.pitch_hertz, rel=0.05)
    assert -24 < level_db(pcm) < -15
    assert np.mean(np.abs(samples_of(pcm)) > 0.9999) == 0  # not one sample at the rail
    assert abs(samples_of(pcm).mean()) < 0.01  # no direct current


def test_every_woman_speaks_well_above_every_man() -> None:
    lowest_woman = min(speaker.pitch_hertz for speaker in SPEAKERS if speaker.gender == "female")
    highest_man = max(speaker.pitch_hertz for speaker in SPEAKERS if speaker.gender == "male")
    assert lowest_woman > 1.5 * highest_man


def test_no_two_voices_sound_the_same(engine: EspeakEngine) -> None:
    english = [entry for entry in engine.voices() if entry.language in ("en-US", "en-GB")]
    spoken = {speak(engine, "Laugh and dance.", voice=entry.engine_voice) for entry in english}
    assert len(spoken) == len(english) == 12

"""Polly's voices in the catalogue: one for each person, engine and language.

Amazon lists people, each with the engines that support them, and some with additional languages.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from speech.audio.formats import OUTPUT_FORMATS, SAMPLE_RATES_HERTZ
from speech.catalogue import Gender, ModelType, VoiceEntry

PROVIDER: Final = "polly"
RATE_HERTZ: Final = 16_000  # the highest that Polly offers for PCM
MAX_REQUEST_BYTES: Final = 3_000  # it bills at most 3,000 characters a request, and accepts 6,000 including SSML
MAX_TEXT_BYTES: Final = 100_000
MAX_STREAM_BYTES: Final = 3_000
GENDERS: Final[dict[str, Gender]] = {"Female": "female", "Male": "male"}


@dataclass(frozen=True, slots=True)
class Family:
    """One of Polly's engines."""

    engine: str  # Amazon's name for it
    name: str
    model_type: ModelType
    rank: int
    takes_all_markup: bool = False  # the others reject emphasis and pitch


FAMILIES: Final = {
    family.engine: family
    for family in (
        Family("generative", "Generative", "premium", rank=20),
        Family("neural", "Neural", "premium", rank=50),
        Family("standard", "Standard", "premium", rank=200, takes_all_markup=True),
        Family("long-form", "Long-Form", "ultra", rank=30),
    )
}


@dataclass(frozen=True, slots=True)
class PollyVoice:
    """The voice that a request names."""

    family: Family
    person: str  # Amazon's VoiceId
    language: str  # Amazon's LanguageCode

    @property
    def engine_voice(self) -> str:
        return f"{self.family.engine}/{self.person}/{self.language}"


def parse(engine_voice: str) -> PollyVoice:
    """Parses an engine voice. Raises KeyError or ValueError if it is not one of Polly's."""
    engine, person, language = engine_voice.split("/")
    return PollyVoice(FAMILIES[engine], person, language)


def entries(people: Iterable[dict[str, Any]]) -> list[VoiceEntry]:
    """Builds entries from the `Voices` of DescribeVoices. Unknown values, such as a new engine, are skipped."""
    people = list(people)
    names = {person["LanguageCode"]: person["LanguageName"] for person in people}
    return [
        _entry(person, PollyVoice(FAMILIES[engine], person["Id"], language), names.get(language, language))
        for person in people
        for engine in person["SupportedEngines"]
        if engine in FAMILIES
        for language in (person["LanguageCode"], *person.get("AdditionalLanguageCodes", []))
    ]


def _entry(person: dict[str, Any], voice: PollyVoice, language_name: str) -> VoiceEntry:
    return VoiceEntry(
        voice_id=f"{PROVIDER}:{voice.language}-{voice.family.name}-{voice.person}",
        name=person["Name"],
        provider=PROVIDER,
        family=voice.family.name,
        language=voice.language,
        language_name=language_name,
        gender=GENDERS.get(person["Gender"], "unknown"),
        model_type=voice.family.model_type,
        quality="natural",
        rank=voice.family.rank,
        characteristics={"styles": ["general"]},
        supports_ssml=True,
        supports_markup=False,
        supports_speed=False,
        supports_prompt=False,
        supports_multispeaker=False,
        supports_streaming=True,
        output_formats=OUTPUT_FORMATS,
        sample_rates=SAMPLE_RATES_HERTZ,
        native_rate_hertz=RATE_HERTZ,
        max_text_bytes=MAX_TEXT_BYTES,
        max_stream_bytes=MAX_STREAM_BYTES,
        engine_voice=voice.engine_voice,
    )

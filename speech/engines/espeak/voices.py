"""The voices of eSpeak NG: the speakers, and the languages (a separate table) that each of them speaks.

Builds the catalogue's entries, and chooses another voice within a text. A speaker is a voice variant that the library
ships. Every language has a woman's and a man's voice; the two in which most texts are written have all six speakers.

How the speakers were chosen, by measuring all variants with both English languages: the variant file declares the
gender; no breath noise (it is random, and the same request must give the same bytes), no echo, no roughness, no
whisper; no clipped sample; level between -24 and -16 dB below full scale; energy up to the higher formants.
"""

from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from speech.audio.formats import OUTPUT_FORMATS, SAMPLE_RATES_HERTZ
from speech.catalogue import Gender, VoiceEntry
from speech.engines.espeak.languages import LANGUAGES, Language

PROVIDER = "espeak"
FAMILY = "eSpeak"
RATE_HERTZ = 22_050  # of the library's formant synthesiser; the child also reports it

MAX_TEXT_BYTES = 500_000
MAX_STREAM_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class Speaker:
    """A variant that speaks every language with the same voice."""

    name: str
    variant: str  # its file in the library's voices/!v
    gender: Gender  # as the file declares it
    age: int | None  # years, if the file declares it
    pitch_hertz: int  # median fundamental frequency, measured in English; tone languages are lower
    lowest: float  # measured factors on it of eSpeak's lowest and highest pitch
    highest: float


SPEAKERS = (
    Speaker("Annie", "Annie", "female", None, 242, 0.78, 1.44),
    Speaker("Linda", "linda", "female", None, 227, 0.58, 1.83),
    Speaker("Auntie", "aunty", "female", None, 173, 0.44, 2.08),
    Speaker("Michel", "michel", "male", 25, 105, 0.67, 1.69),
    Speaker("Andy", "Andy", "male", None, 96, 0.66, 1.78),
    Speaker("Lee", "Lee", "male", None, 95, 0.66, 1.79),
)


EVERYWHERE = ("Annie", "Lee")  # the speakers who speak every language
WITH_ALL_SPEAKERS = ("en-US", "en-GB")
SOUND_REVISION = 1  # increment this when our own code makes these voices sound different
RANK = 900  # and above: after every voice of other engines


@dataclass(frozen=True, slots=True)
class Spoken:
    """A language spoken by one speaker."""

    language: Language
    speaker: Speaker

    @property
    def engine_voice(self) -> str:
        return engine_voice(self.language, self.speaker)

    def changed(self, *, language: str = "", gender: str = "", name: str = "") -> "Spoken":
        """Returns the nearest voice for a language (BCP 47), a gender and a speaker's name, which counts most.

        A value that does not exist has no effect.
        """
        spoken = Spoken(find_language(language) or self.language, self.speaker)
        speakers = get_speakers(spoken.language)
        named = next((speaker for speaker in speakers if speaker.name.lower() == name.lower()), None)
        if named is not None:
            return Spoken(spoken.language, named)
        wanted = gender if gender in ("female", "male") else self.speaker.gender
        if self.speaker not in speakers or self.speaker.gender != wanted:
            spoken = Spoken(spoken.language, next(speaker for speaker in speakers if speaker.gender == wanted))
        return spoken


def get_speakers(language: Language) -> list[Speaker]:
    return [speaker for speaker in SPEAKERS if language.tag in WITH_ALL_SPEAKERS or speaker.name in EVERYWHERE]


def find_language(tag: str) -> Language | None:
    """Finds a language by its tag, else the first related one in the table: "fr-CA" and "fr" both find French."""
    tag = tag.lower()
    exact = next((language for language in LANGUAGES if language.tag.lower() == tag), None)
    if exact is not None or not tag:
        return exact
    primary = tag.partition("-")[0]
    primary = {"no": "nb", "cmn": "zh"}.get(primary, primary)
    related = [language for language in LANGUAGES if language.tag.lower().partition("-")[0] == primary]
    # The country of origin before other regions: fr-FR, es-ES, pt-PT.
    return min(related, key=lambda language: language.tag.lower() != f"{primary}-{primary}", default=None)


def find_spoken(wanted: str) -> Spoken:
    """Finds a voice by its engine voice. Raises KeyError."""
    return _SPOKEN[wanted]


def engine_voice(language: Language, speaker: Speaker) -> str:
    """Returns the library's name for this voice."""
    return f"{language.identifier}+{speaker.variant}"


_SPOKEN = {
    engine_voice(language, speaker): Spoken(language, speaker)
    for language in LANGUAGES
    for speaker in get_speakers(language)
}


def voice_entries() -> list[VoiceEntry]:
    """Returns every language with its speakers, for the catalogue."""
    return [_entry(spoken.language, spoken.speaker) for spoken in _SPOKEN.values()]


def _rank(language: Language, speaker: Speaker) -> int:
    """Puts the most common languages first, with the speakers in the order of the table."""
    return RANK + (SPEAKERS.index(speaker) if language.tag in WITH_ALL_SPEAKERS else len(SPEAKERS))


def _entry(language: Language, speaker: Speaker) -> VoiceEntry:
    characteristics: dict[str, object] = {"styles": ["general"], "pitch": speaker.pitch_hertz}
    if speaker.age is not None:
        characteristics["age"] = speaker.age
    if language.note:
        characteristics["note"] = language.note
    return VoiceEntry(
        voice_id=f"{PROVIDER}:{language.tag}-{FAMILY}-{speaker.name}",
        name=speaker.name,
        provider=PROVIDER,
        family=FAMILY,
        language=language.tag,
        language_name=language.name,
        gender=speaker.gender,
        model_type="premium",
        quality="basic",
        rank=_rank(language, speaker),
        characteristics=characteristics,
        supports_ssml=True,
        supports_markup=False,
        supports_speed=True,
        supports_prompt=False,
        supports_multispeaker=False,
        supports_streaming=True,
        output_formats=OUTPUT_FORMATS,
        sample_rates=SAMPLE_RATES_HERTZ,
        native_rate_hertz=RATE_HERTZ,
        max_text_bytes=MAX_TEXT_BYTES,
        max_stream_bytes=MAX_STREAM_BYTES,
        engine_voice=engine_voice(language, speaker),
        sound_version=_sound_version(),
    )


@cache
def _sound_version() -> str:
    """Returns the version of the library's package, or "" if it is not installed and no voice works."""
    try:
        return f"{SOUND_REVISION} {version('espeakng-loader')}"
    except PackageNotFoundError:
        return ""

"""The voices of eSpeak NG, as two tables: languages and the speakers each of them has.

Owns what the catalogue learns about them. A further language is one more row; a speaker is a voice
variant that the library ships, and every language has every speaker.

How the speakers were chosen, by measurement of all variants with both English languages: the variant file
declares the gender; no breath noise (it is random, and the same request shall give the same bytes), no
echo, no roughness, no whisper; no clipped sample; level between -24 and -16 dB below full scale; energy
up to the higher formants.
"""

from dataclasses import dataclass

from voices.catalogue import Gender, VoiceEntry

PROVIDER = "espeak"
FAMILY = "eSpeak"
RATE_HERTZ = 22_050  # of the library's formant synthesiser; the child reports it too

MAX_TEXT_BYTES = 500_000
MAX_STREAM_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class Language:
    """A language of the library."""

    tag: str  # BCP 47
    name: str
    identifier: str  # how the library selects it; some of its listed codes select another one


@dataclass(frozen=True, slots=True)
class Speaker:
    """A variant that gives every language a person's voice."""

    name: str
    variant: str  # its file in the library's voices/!v
    gender: Gender  # as the file declares it
    age: int | None  # years, where the file declares it
    pitch_hertz: int  # median fundamental frequency, measured in English


LANGUAGES = (
    Language("en-US", "English (United States)", "gmw/en-US"),
    Language("en-GB", "English (United Kingdom)", "gmw/en"),
)

SPEAKERS = (
    Speaker("Annie", "Annie", "female", None, 242),
    Speaker("Linda", "linda", "female", None, 227),
    Speaker("Auntie", "aunty", "female", None, 173),
    Speaker("Michel", "michel", "male", 25, 105),
    Speaker("Andy", "Andy", "male", None, 96),
    Speaker("Lee", "Lee", "male", None, 95),
)


def engine_voice(language: Language, speaker: Speaker) -> str:
    """What selects this voice in the library."""
    return f"{language.identifier}+{speaker.variant}"


def voice_entries() -> list[VoiceEntry]:
    """Every language with every speaker, for the catalogue."""
    return [_entry(language, speaker) for language in LANGUAGES for speaker in SPEAKERS]


def _entry(language: Language, speaker: Speaker) -> VoiceEntry:
    characteristics: dict[str, object] = {"styles": ["general"], "pitch": speaker.pitch_hertz}
    if speaker.age is not None:
        characteristics["age"] = speaker.age
    return VoiceEntry(
        voice_id=f"{PROVIDER}:{language.tag}-{FAMILY}-{speaker.name}",
        name=speaker.name,
        provider=PROVIDER,
        family=FAMILY,
        language=language.tag,
        language_name=language.name,
        gender=speaker.gender,
        model_type="premium",
        characteristics=characteristics,
        supports_ssml=False,
        supports_markup=False,
        supports_speed=True,
        supports_prompt=False,
        supports_multispeaker=False,
        supports_streaming=False,
        output_formats=("wav", "mp3", "ogg_opus"),
        sample_rates=(8_000, 12_000, 16_000, 22_050, 24_000, 44_100, 48_000),
        native_rate_hertz=RATE_HERTZ,
        max_text_bytes=MAX_TEXT_BYTES,
        max_stream_bytes=MAX_STREAM_BYTES,
        engine_voice=engine_voice(language, speaker),
    )

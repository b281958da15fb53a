"""The 54 voices of Kokoro v1.0, as its model card lists them. A name begins with the language and the gender."""

from dataclasses import dataclass
from typing import Final

from speech.audio.formats import OUTPUT_FORMATS, SAMPLE_RATES_HERTZ
from speech.catalogue import Gender, VoiceEntry

PROVIDER: Final = "kokoro"
FAMILY: Final = "Kokoro"
RATE_HERTZ: Final = 24_000
MAX_TEXT_BYTES: Final = 500_000
MAX_STREAM_BYTES: Final = 100_000


@dataclass(frozen=True, slots=True)
class Language:
    """A language of the model. `espeak`: what eSpeak calls it, where eSpeak gives its phonemes."""

    tag: str  # BCP 47
    name: str
    espeak: str
    female: str
    male: str


LANGUAGES: Final = {
    "a": Language(
        "en-US",
        "English (United States)",
        "gmw/en-US",
        "alloy aoede bella heart jessica kore nicole nova river sarah sky",
        "adam echo eric fenrir liam michael onyx puck santa",
    ),
    "b": Language(
        "en-GB", "English (United Kingdom)", "gmw/en", "alice emma isabella lily", "daniel fable george lewis"
    ),
    "e": Language("es-ES", "Spanish (Spain)", "roa/es", "dora", "alex santa"),
    "f": Language("fr-FR", "French (France)", "roa/fr", "siwis", ""),
    "h": Language("hi-IN", "Hindi (India)", "inc/hi", "alpha beta", "omega psi"),
    "i": Language("it-IT", "Italian (Italy)", "roa/it", "sara", "nicola"),
    "j": Language("ja-JP", "Japanese (Japan)", "", "alpha gongitsune nezumi tebukuro", "kumo"),
    "p": Language("pt-BR", "Portuguese (Brazil)", "roa/pt-BR", "dora", "alex santa"),
    "z": Language("zh-CN", "Chinese (Mandarin)", "", "xiaobei xiaoni xiaoxiao xiaoyi", "yunjian yunxi yunxia yunyang"),
}
LANGUAGE_OF_TAG: Final = {language.tag: letter for letter, language in LANGUAGES.items()}


def engine_voices() -> list[str]:
    """Every voice by the model's own name, such as `af_bella`: also the name of its pack."""
    return [
        f"{letter}{gender}_{name}"
        for letter, language in LANGUAGES.items()
        for gender, names in (("f", language.female), ("m", language.male))
        for name in names.split()
    ]


def voice_entries(unavailable: dict[str, str]) -> list[VoiceEntry]:
    """For the catalogue. `unavailable`: by tag, why a language cannot be spoken here."""
    return [_entry(voice, unavailable) for voice in engine_voices()]


def _entry(engine_voice: str, unavailable: dict[str, str]) -> VoiceEntry:
    language = LANGUAGES[engine_voice[0]]
    gender: Gender = "female" if engine_voice[1] == "f" else "male"
    name = engine_voice[3:].capitalize()
    return VoiceEntry(
        voice_id=f"{PROVIDER}:{language.tag}-{FAMILY}-{name}",
        name=name,
        provider=PROVIDER,
        family=FAMILY,
        language=language.tag,
        language_name=language.name,
        gender=gender,
        model_type="premium",
        characteristics={"styles": ["natural"]},
        supports_ssml=False,
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
        engine_voice=engine_voice,
        unavailable_reason=unavailable.get(language.tag, ""),
    )

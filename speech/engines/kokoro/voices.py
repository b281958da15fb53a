"""The 54 voices of Kokoro v1.0, as its model card lists them. A name starts with the language and the gender."""

from dataclasses import dataclass
from typing import Final

from speech.audio.formats import OUTPUT_FORMATS, SAMPLE_RATES_HERTZ
from speech.catalogue import Gender, VoiceEntry

PROVIDER: Final = "kokoro"
FAMILY: Final = "Kokoro"
RATE_HERTZ: Final = 24_000
SOUND_REVISION: Final = 2  # increment this when our own code makes these voices sound different
MAX_TEXT_BYTES: Final = 500_000
MAX_STREAM_BYTES: Final = 100_000


@dataclass(frozen=True, slots=True)
class Language:
    """A language of the model. `espeak` is eSpeak's identifier, if eSpeak provides its phonemes."""

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

# "Overall Grade" in the author's table, which estimates quality and quantity of each voice's training data:
# https://huggingface.co/hexgrad/Kokoro-82M/blob/main/VOICES.md (as of April 2025, version 1.0 of the model). The
# Spanish and the Portuguese voices have none.
GRADES: Final = {
    voice: grade
    for grade, voices in {
        "A": "af_heart",
        "A-": "af_bella",
        "B-": "af_nicole bf_emma ff_siwis",
        "C+": "af_aoede af_kore af_sarah am_fenrir am_michael am_puck jf_alpha",
        "C": "af_alloy af_nova bf_isabella bm_fable bm_george hf_alpha hf_beta hm_omega hm_psi if_sara im_nicola "
        "jf_gongitsune jf_tebukuro",
        "C-": "af_sky jf_nezumi jm_kumo",
        "D+": "bm_lewis",
        "D": "af_jessica af_river am_echo am_eric am_liam am_onyx bf_alice bf_lily bm_daniel zf_xiaobei zf_xiaoni "
        "zf_xiaoxiao zf_xiaoyi zm_yunjian zm_yunxi zm_yunxia zm_yunyang",
        "D-": "am_santa",
        "F+": "am_adam",
    }.items()
    for voice in voices.split()
}
RANK_OF_GRADE: Final = {
    "A": 10, "A-": 20, "B-": 50, "C+": 60, "C": 70, "C-": 80, "": 85, "D+": 90, "D": 100, "D-": 110, "F+": 120,
}  # fmt: skip
# Shown before all others, in this order: the two with the best grades, then the best American man, British woman and
# British man (one of several with the same grade), so that the first five sound different from each other.
SHOWN_FIRST: Final = ("af_heart", "af_bella", "am_michael", "bf_emma", "bm_george")


def engine_voices() -> list[str]:
    """Returns every voice by the model's own name, such as `af_bella`, which is also the name of its pack."""
    return [
        f"{letter}{gender}_{name}"
        for letter, language in LANGUAGES.items()
        for gender, names in (("f", language.female), ("m", language.male))
        for name in names.split()
    ]


def voice_entries(
    unavailable: dict[str, str], *, model_version: str = "", supports_ssml: bool = True
) -> list[VoiceEntry]:
    """Returns the catalogue entries.

    `unavailable` has, by tag, why a language cannot be spoken here. `model_version` is that of the network; "" if there
    is none.
    """
    sound_version = f"{SOUND_REVISION} {model_version}" if model_version else ""
    return [_entry(voice, unavailable, sound_version, supports_ssml) for voice in engine_voices()]


def get_rank(engine_voice: str) -> int:
    """Returns the place in lists: the best voice first."""
    if engine_voice in SHOWN_FIRST:
        return SHOWN_FIRST.index(engine_voice) + 1
    return RANK_OF_GRADE[GRADES.get(engine_voice, "")]


def _entry(engine_voice: str, unavailable: dict[str, str], sound_version: str, supports_ssml: bool) -> VoiceEntry:
    language = LANGUAGES[engine_voice[0]]
    gender: Gender = "female" if engine_voice[1] == "f" else "male"
    name = engine_voice[3:].capitalize()
    grade = GRADES.get(engine_voice, "")
    return VoiceEntry(
        voice_id=f"{PROVIDER}:{language.tag}-{FAMILY}-{name}",
        name=name,
        provider=PROVIDER,
        family=FAMILY,
        language=language.tag,
        language_name=language.name,
        gender=gender,
        model_type="premium",
        quality="natural",
        rank=get_rank(engine_voice),
        characteristics={"styles": ["natural"]} | ({"grade": grade} if grade else {}),
        supports_ssml=supports_ssml,
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
        sound_version=sound_version,
        unavailable_reason=unavailable.get(language.tag, ""),
    )

"""Google's voices: the families and what they support, and the catalogue's entries from the names that Google lists.

`ListVoices` gives a name, languages and a gender; everything else is in the tables here, from
https://cloud.google.com/text-to-speech/docs (pages "Supported voices and languages", "Chirp 3: HD voices",
"Gemini-TTS", "SSML"), as of version 2.38 of the package.

- Most names are complete: `en-US-Chirp3-HD-Kore` is language, family and voice.
- Gemini's are not: `Kore` alone is a voice that speaks any language requested. The catalogue has one voice for every
  language that Google lists with it, and for those that its documentation promises.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from babel import Locale

from speech.audio.formats import SAMPLE_RATES_HERTZ
from speech.catalogue import Gender, ModelType, VoiceEntry

PROVIDER = "google"
RATE_HERTZ = 24_000  # requested of every family; the newer ones support no other
MAX_TEXT_BYTES = 500_000
MAX_STREAM_BYTES = 5_000
MAX_GEMINI_BYTES = 4_000  # of text; the prompt has the same limit of its own
# Of text in one request. Google accepts 5,000, but the response is held in memory: this is two minutes, six megabytes.
MAX_REQUEST_BYTES = 2_000
MIN_GOOGLE_RATE, MAX_GOOGLE_RATE = 0.25, 2.0  # of AudioConfig.speaking_rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A generation of voices, and what it supports."""

    name: str  # in our voice ids
    google_name: str = ""  # in Google's, if it differs
    model_type: ModelType = "premium"
    rank: int
    takes_ssml: bool = False
    takes_markup: bool = False
    takes_speed: bool = False
    is_streamed: bool = False  # by StreamingSynthesize; the others return the audio as a whole


CHIRP3_HD = Family(
    name="Chirp3HD", google_name="Chirp3-HD", rank=20, takes_markup=True, takes_speed=True, is_streamed=True
)  # fmt: skip
# After Chirp 3: a family that costs four times as much should be chosen, not preselected.
GEMINI = Family(name="Gemini", model_type="ultra", rank=30, takes_ssml=True, is_streamed=True)

FAMILIES = (
    CHIRP3_HD,
    Family(name="Chirp-HD", rank=35),
    *(
        Family(name=name, rank=rank, takes_ssml=True, takes_speed=True)
        for name, rank in (
            ("Studio", 40),
            ("Neural2", 50),
            ("Polyglot", 55),
            ("Casual", 55),
            ("News", 55),
            ("Wavenet", 65),
            ("Standard", 200),
        )
    ),
)


@dataclass(frozen=True, slots=True)
class GeminiModel:
    """A model that speaks with Gemini's voices."""

    id: str
    has_dialogues: bool  # two speakers in one text


GEMINI_MODELS = (
    GeminiModel("gemini-2.5-flash-tts", True),  # the default
    GeminiModel("gemini-2.5-pro-tts", True),
    GeminiModel("gemini-2.5-flash-lite-preview-tts", False),
    GeminiModel("gemini-3.1-flash-tts-preview", True),
)

# Generally available for Gemini, whether or not ListVoices lists them with the voice.
GEMINI_LANGUAGES = (
    "ar-EG", "bn-BD", "de-DE", "en-IN", "en-US", "es-ES", "fr-FR", "hi-IN", "id-ID", "it-IT", "ja-JP", "ko-KR", "mr-IN",
    "nl-NL", "pl-PL", "pt-BR", "ro-RO", "ru-RU", "ta-IN", "te-IN", "th-TH", "tr-TR", "uk-UA", "vi-VN",
)  # fmt: skip

# Google's descriptions of the voices that Gemini and Chirp 3 share.
STYLES = {
    "Achernar": "soft", "Achird": "friendly", "Algenib": "gravelly", "Algieba": "smooth", "Alnilam": "firm",
    "Aoede": "breezy", "Autonoe": "bright", "Callirrhoe": "easy-going", "Charon": "informative", "Despina": "smooth",
    "Enceladus": "breathy", "Erinome": "clear", "Fenrir": "excitable", "Gacrux": "mature", "Iapetus": "clear",
    "Kore": "firm", "Laomedeia": "upbeat", "Leda": "youthful", "Orus": "firm", "Puck": "upbeat",
    "Pulcherrima": "forward", "Rasalgethi": "informative", "Sadachbia": "lively", "Sadaltager": "knowledgeable",
    "Schedar": "even", "Sulafat": "warm", "Umbriel": "easy-going", "Vindemiatrix": "gentle", "Zephyr": "bright",
    "Zubenelgenubi": "casual",
}  # fmt: skip

_BY_GOOGLE_NAME = {family.google_name or family.name: family for family in FAMILIES}
_WHOLE_NAME = re.compile(
    rf"(?P<language>[a-z]{{2,3}}(?:-[A-Za-z0-9]{{2,8}})+)-(?P<family>{'|'.join(_BY_GOOGLE_NAME)})-(?P<name>[A-Za-z0-9]+)"
)
_GEMINI_NAME = re.compile(r"[A-Z][a-z]{2,30}")
# Missing from the CLDR, or different there: its "XA" is a pseudo-locale, Google's is Modern Standard Arabic.
_LANGUAGE_NAMES = {"ar-XA": "Arabic", "cmn": "Mandarin Chinese"}


class ListedVoice(Protocol):
    """A voice in Google's response to ListVoices."""

    name: str
    language_codes: Iterable[str]
    ssml_gender: int


def find_family(engine_voice: str) -> Family | None:
    """Returns the family for Google's name of a voice; None if we do not support it."""
    found = _WHOLE_NAME.fullmatch(engine_voice)
    if found is not None:
        return _BY_GOOGLE_NAME[found["family"]]
    return GEMINI if _GEMINI_NAME.fullmatch(engine_voice) else None


def split_speed(speed: float) -> tuple[float, float]:
    """Returns Google's speaking rate and the tempo of the stretch after it, whose effects multiply to `speed`."""
    rate = min(max(speed, MIN_GOOGLE_RATE), MAX_GOOGLE_RATE)
    return rate, speed / rate


def voice_entries(listed: Iterable[ListedVoice]) -> list[VoiceEntry]:
    """Returns the catalogue entries for Google's list, without the families that we do not support."""
    entries: dict[str, VoiceEntry] = {}
    for voice in listed:
        gender = _gender(voice.ssml_gender)
        whole = _WHOLE_NAME.fullmatch(voice.name)
        if whole is not None:
            entry = _entry(_BY_GOOGLE_NAME[whole["family"]], whole["name"], whole["language"], gender, voice.name)
            entries[entry.voice_id] = entry
        elif _GEMINI_NAME.fullmatch(voice.name):
            for language in {*map(_tag, voice.language_codes), *GEMINI_LANGUAGES}:
                entry = _entry(GEMINI, voice.name, language, gender, voice.name)
                entries[entry.voice_id] = entry
    return sorted(entries.values(), key=lambda entry: entry.voice_id)


def _entry(family: Family, name: str, language: str, gender: Gender, engine_voice: str) -> VoiceEntry:
    is_gemini = family is GEMINI
    characteristics: dict[str, Any] = {"styles": [STYLES[name]]} if name in STYLES else {}
    if is_gemini:
        characteristics["models"] = [model.id for model in GEMINI_MODELS]
        characteristics["multispeaker_models"] = [model.id for model in GEMINI_MODELS if model.has_dialogues]
    return VoiceEntry(
        voice_id=f"{PROVIDER}:{language}-{family.name}-{name}",
        name=name,
        provider=PROVIDER,
        family=family.name,
        language=language,
        language_name=_language_name(language),
        gender=gender,
        model_type=family.model_type,
        quality="natural",
        rank=family.rank,
        characteristics=characteristics,
        supports_ssml=family.takes_ssml,
        supports_markup=family.takes_markup,
        supports_speed=family.takes_speed,
        supports_prompt=is_gemini,
        supports_multispeaker=is_gemini,
        supports_streaming=True,
        output_formats=("wav", "mp3", "ogg_opus"),
        sample_rates=SAMPLE_RATES_HERTZ,
        native_rate_hertz=RATE_HERTZ,
        max_text_bytes=MAX_GEMINI_BYTES if is_gemini else MAX_TEXT_BYTES,
        max_stream_bytes=MAX_GEMINI_BYTES if is_gemini else MAX_STREAM_BYTES,
        engine_voice=engine_voice,
    )


def _gender(ssml_gender: int) -> Gender:
    """Converts a number of Google's SsmlVoiceGender."""
    genders: dict[int, Gender] = {1: "male", 2: "female", 3: "neutral"}
    return genders.get(int(ssml_gender), "unknown")


def _tag(language: str) -> str:
    """Normalises a tag: Google writes both "cmn-tw" and "cmn-TW"."""
    first, _, region = language.partition("-")
    return f"{first.lower()}-{region.upper()}" if region else first.lower()


@cache
def _language_name(tag: str) -> str:
    """Returns the CLDR's name of a language, such as "German (Germany)"."""
    english = Locale("en")
    language, _, region = tag.partition("-")
    name = _LANGUAGE_NAMES.get(tag) or _LANGUAGE_NAMES.get(language) or english.languages.get(language)
    if name is None or tag in _LANGUAGE_NAMES or region not in english.territories:
        return name or tag
    return f"{name} ({english.territories[region]})"

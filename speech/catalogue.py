"""Defines how an engine describes a voice, with the field names of the public API.

The engines fill it in; `voices.services` stores it.
"""

from dataclasses import dataclass
from typing import Any, Literal

Gender = Literal["male", "female", "neutral", "unknown"]
ModelType = Literal["premium", "ultra"]
Quality = Literal["natural", "basic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceEntry:
    """One voice as its engine describes it. Every field is true of this server at this moment."""

    voice_id: str  # provider:language-Family-Name
    name: str
    provider: str
    family: str
    language: str  # BCP 47, "en-US"
    language_name: str  # "English (United States)"
    gender: Gender
    model_type: ModelType
    quality: Quality  # "basic": clearly synthetic
    # The position in lists, lower first, on one scale for all engines: 1 to 9 come first of all, 10 is the best
    # quality, 200 the least natural of the natural voices, and 900 and above are basic.
    rank: int
    characteristics: dict[str, Any]  # styles[], pitch, age, grade, …, where known
    supports_ssml: bool
    supports_markup: bool
    supports_speed: bool
    supports_prompt: bool
    supports_multispeaker: bool
    supports_streaming: bool
    output_formats: tuple[str, ...]
    sample_rates: tuple[int, ...]  # hertz
    native_rate_hertz: int
    max_text_bytes: int  # UTF-8
    max_stream_bytes: int  # UTF-8
    engine_voice: str  # the engine's own name for it
    sound_version: str = ""  # changes when the same text sounds different: the samples are then generated again
    unavailable_reason: str = ""  # why this voice is unavailable here although its engine works

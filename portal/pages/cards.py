"""Builds the card of a voice for the public pages: price, abilities, and waveforms of its samples. Contains no view."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.urls import reverse

from billing.money import format_need
from portal.waveform import Wave, draw_wave
from voices.models import Sample, Voice
from voices.prices import pick_voice_price

CARD_BARS = 48  # bars in a waveform: a page has two dozen cards with three waveforms each
CAPABILITIES = {
    "streaming": ("supports_streaming", "Streaming"),
    "ssml": ("supports_ssml", "SSML"),
    "markup": ("supports_markup", "Markup"),
    "speed": ("supports_speed", "Speed"),
    "prompt": ("supports_prompt", "Prompt"),
    "dialogue": ("supports_multispeaker", "Dialogue"),
}
TIERS = {"premium": "Premium", "ultra": "Ultra"}
SAMPLE_LABELS = {"story": "Story", "dialogue": "Dialogue", "news": "News", "sentence": "Sample"}
QUALITIES = {"natural": "Natural", "basic": "Basic"}
GENDERS = {"female": "Female", "male": "Male", "neutral": "Neutral"}


@dataclass(frozen=True, slots=True)
class Provider:
    name: str
    text_goes_to: str


PROVIDERS = {
    "espeak": Provider("eSpeak NG", "This server"),
    "kokoro": Provider("Kokoro", "This server"),
    "polly": Provider("Amazon Polly", "Amazon"),
    "google": Provider("Google Cloud", "Google"),
}


@dataclass(frozen=True, slots=True)
class CardSample:
    kind: str
    label: str
    text: str
    url: str
    wave: Wave | None  # None if there are no peaks


@dataclass(frozen=True, slots=True)
class Card:
    voice: Voice
    price: str  # credits for 1,000 characters
    tier: str
    quality: str
    abilities: list[str]
    samples: list[CardSample]  # only samples with audio
    starred: bool | None = None  # whether the user starred it; None if not signed in


def build_sample(voice: Voice, sample: Sample, *, bars: int) -> CardSample:
    return CardSample(
        kind=sample.kind,
        label=SAMPLE_LABELS[sample.kind],
        text=sample.text,
        url=reverse("voice_sample_of_kind", args=[voice.voice_id, sample.kind]),
        wave=draw_wave(bytes(sample.peaks), most=bars),
    )


def build_card(voice: Voice, prices: Mapping[str, int], *, bars: int = CARD_BARS) -> Card:
    """`voice` is from `voices.selectors.with_samples`, `prices` from `billing.selectors.get_prices`."""
    return Card(
        voice=voice,
        price=format_need(pick_voice_price(voice, prices) * 1000),
        tier=TIERS[voice.model_type],
        quality=QUALITIES[voice.quality],
        abilities=[words for field, words in CAPABILITIES.values() if getattr(voice, field)],
        samples=[build_sample(voice, sample, bars=bars) for sample in voice.samples.all()],
        starred=getattr(voice, "is_favourite", None),
    )


def get_provider(name: str) -> Provider:
    """Returns a known provider's names; for an engine that the operator added, its own name."""
    return PROVIDERS.get(name, Provider(name, "The provider"))

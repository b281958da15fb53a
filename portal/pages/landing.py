"""The start page: what the service does, how it sounds, what it costs, and a first request."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Count, Exists, Max, OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from billing.money import format_money, format_need, format_whole
from billing.selectors import get_prices, list_packs, list_sold_plans, pick_price
from portal.code_samples import code_samples
from portal.pages.cards import Provider, build_card, get_provider
from portal.prices import list_price_rows
from portal.waveform import BARS
from voices.models import Voice
from voices.prices import pick_voice_price
from voices.selectors import BEST_FIRST, attach_samples, list_voices, made_samples
from voices.sentences import get_sentence

# The first of these with a voice plays at the top; the others follow further down.
SHOWN_LANGUAGES = ("en-US", "en-GB", "fr-FR", "es-ES")
HAS_NO_SAMPLE = ~Exists(made_samples().filter(voice=OuterRef("pk")))
FIRST_TEXT = "Your parcel arrives at ten."


@dataclass(frozen=True, slots=True)
class EngineRow:
    provider: Provider
    voices: int
    longest: str  # text, in bytes
    price: str  # of its cheapest voice, credits for 1,000 characters

    @property
    def voices_shown(self) -> str:
        return f"{self.voices:,}"


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    prices = get_prices()
    shown = _shown_voices()
    engines = _engines(prices)
    context = {
        "cards": [build_card(voice, prices) for voice in shown[1:]],
        "engines": engines,
        "voice_count": sum(row.voices for row in engines),
        "prices": list_price_rows(prices),
        "offers": _offers(),
        "signup_credits": settings.SIGNUP_CREDITS,
        "retention_days": settings.AUDIO_RETENTION_DAYS,
    }
    if shown:
        context |= _featured(shown[0], prices) | {"samples": _first_request(request, shown[0])}
    return render(request, "tts/home.html", context)


def _shown_voices() -> list[Voice]:
    """Returns the best voice of each language, or the best of all if none of these languages has one.

    Prefers voices with a sample. Leaves out basic voices if there are natural ones.
    """
    ranked = list_voices().order_by("-quality", HAS_NO_SAMPLE, *BEST_FIRST)
    found = [ranked.filter(language=language).first() for language in SHOWN_LANGUAGES]
    shown = [voice for voice in found if voice is not None] or list(ranked[: len(SHOWN_LANGUAGES)])
    if any(voice.quality == "natural" for voice in shown):
        shown = [voice for voice in shown if voice.quality == "natural"]
    attach_samples(shown)
    return shown


def _featured(voice: Voice, prices: dict[str, int]) -> dict[str, Any]:
    """Returns the examples that play: the texts of the voice's samples, with their price."""
    card = build_card(voice, prices, bars=BARS)
    price = pick_voice_price(voice, prices)
    return {
        "featured": card,
        "examples": [(sample, len(sample.text), format_need(len(sample.text) * price)) for sample in card.samples],
    }


def _first_request(request: HttpRequest, voice: Voice) -> dict[str, str]:
    text = FIRST_TEXT if voice.language.startswith("en") else get_sentence(voice.language)
    body = {"text": text, "voice_id": voice.voice_id, "output_format": "mp3"}
    return code_samples(body, base_url=request.build_absolute_uri("/").rstrip("/"), is_streamed=False)


def _engines(prices: dict[str, int]) -> list[EngineRow]:
    """Returns the engines with available voices, those with the most voices first."""
    rows = list_voices().order_by().values_list("provider", "family", "model_type")
    counted: dict[str, list[tuple[int, int, int]]] = {}
    for provider, family, model_type, count, longest in rows.annotate(Count("pk"), Max("max_text_bytes")):
        price = pick_price(prices, provider=provider, family=family, model_type=model_type)
        counted.setdefault(provider, []).append((count, longest, price))
    found = [(sum(count for count, _, _ in families), name, families) for name, families in counted.items()]
    return [
        EngineRow(
            provider=get_provider(name),
            voices=count,
            longest=f"{max(longest for _, longest, _ in families):,}",
            price=format_need(min(price for _, _, price in families) * 1000),
        )
        for count, name, families in sorted(found, reverse=True)
    ]


def _offers() -> list[tuple[str, str]]:
    """Returns what is sold and its price: the smallest pack, and the monthly plans, if there are any."""
    packs = [
        (f"{format_whole(pack.credits_microcredits)} credits, one-time", format_money(pack.price, pack.currency))
        for pack in list_packs()[:1]
    ]
    plans = [
        (
            f"{plan.name}, {format_whole(plan.monthly_microcredits)} credits per month",
            format_money(plan.price, plan.currency),
        )
        for plan in list_sold_plans()
    ]
    return packs + plans

"""The start page: what this is."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Case, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from billing.money import format_need
from billing.selectors import get_prices
from voices.models import Voice
from voices.selectors import list_voices

VOICES_ON_HOME = 24  # the API lists the rest
EXAMPLE_LANGUAGE = "en-US"  # what the example's sentence is written in
FIRST_LANGUAGES = (EXAMPLE_LANGUAGE, "en-GB")  # on the start page, for those who read it


@dataclass(frozen=True, slots=True)
class VoiceRow:
    voice: Voice
    credits_per_1000_chars: str


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What this is, the first request, and the voices that speak here now."""
    is_later = Case(When(language__in=FIRST_LANGUAGES, then=0), default=1)
    voices = list_voices().order_by(is_later, "language", "provider", "name", "voice_id")
    voice_count = voices.count()
    prices = get_prices()
    rows = [_voice_row(voice, prices) for voice in voices[:VOICES_ON_HOME]]
    context = {"voice_count": voice_count, "more_count": voice_count - len(rows), "rows": rows}
    return render(request, "tts/home.html", context | _example(request))


def _voice_row(voice: Voice, prices: dict[str, int]) -> VoiceRow:
    return VoiceRow(voice, credits_per_1000_chars=format_need(prices[voice.model_type] * 1000))


def _example(request: HttpRequest) -> dict[str, Any]:
    """What the code samples need: where this server is, and a voice that speaks here; None when none does."""
    voice = list_voices(language=EXAMPLE_LANGUAGE).first() or list_voices().first()
    return {"base_url": request.build_absolute_uri("/").rstrip("/"), "example_voice": voice}

"""`GET /api/v1/voices` and `GET /api/v1/voices/<voice_id>`: no key needed."""

from dataclasses import asdict
from typing import Any, get_args

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from accounts.api.key_auth import ApiView
from accounts.errors import MaintenanceMode, RateLimitExceeded
from billing.money import format_credits
from billing.selectors import get_prices
from config.api import success
from config.errors import NotFound, ValidationFailed
from config.schema import described
from speech.catalogue import Gender, ModelType, Quality
from voices.installation import get_running_installation
from voices.models import Sample, Voice
from voices.prices import pick_voice_price
from voices.schema import PublicVoice, VoicePage
from voices.selectors import get_public_voice, list_voices, with_samples

PAGE_SIZE = 50
FILTERS = ("language", "provider", "model_type", "gender", "quality", "q", "sort")
# Forms send an empty value for a filter that is not set.
CHOICES = {
    "model_type": ("", *get_args(ModelType)),
    "gender": ("", *get_args(Gender)),
    "quality": ("", *get_args(Quality)),
    "sort": ("", "name"),
}
PUBLIC_FIELDS = (
    "voice_id", "name", "provider", "family", "language", "language_name", "gender", "model_type", "quality", "rank",
    "characteristics", "supports_ssml", "supports_markup", "supports_speed", "supports_prompt", "supports_multispeaker",
    "supports_streaming", "output_formats", "sample_rates", "max_text_bytes", "max_stream_bytes",
)  # fmt: skip


class VoiceList(ApiView):
    @described(
        name="listVoices",
        summary="List voices",
        tag="Voices",
        success={200: VoicePage},
        errors=[ValidationFailed, RateLimitExceeded, MaintenanceMode],
        parameters=[
            OpenApiParameter("language", str, description="A locale (en-US), or a language for all its locales (en)."),
            OpenApiParameter("provider", str),
            OpenApiParameter("model_type", str, enum=CHOICES["model_type"]),
            OpenApiParameter("gender", str, enum=CHOICES["gender"]),
            OpenApiParameter("quality", str, enum=CHOICES["quality"]),
            OpenApiParameter("q", str, description="Words in the name, id, family or language."),
            OpenApiParameter("sort", str, enum=CHOICES["sort"], description="The default is the best voice first."),
            OpenApiParameter("page", {"type": "integer", "minimum": 1, "maximum": 1_000_000, "default": 1}),
        ],
    )
    def get(self, request: Request) -> HttpResponse:
        """Lists the available voices, the best first. No key is needed."""
        query = request.query_params
        unknown = sorted(set(query) - {*FILTERS, "page"})
        if unknown:
            raise ValidationFailed.of_field(unknown[0][:100], "Unknown filter.")
        for name, values in CHOICES.items():
            if query.get(name, "") not in values:
                raise ValidationFailed.of_field(name, f"Must be one of {', '.join(values[1:])}.")
        number = query.get("page", "1")
        if not (number.isascii() and number.isdecimal() and 1 <= int(number[:9]) <= 1_000_000):
            raise ValidationFailed.of_field("page", "Must be a page number of at least 1.")
        voices = with_samples(list_voices(**{name: _clean(query.get(name, "")) for name in FILTERS}))
        pages = Paginator(voices, PAGE_SIZE)
        page = int(number[:9])
        rows = pages.page(page).object_list if page <= pages.num_pages else []
        prices = get_prices()
        installation = get_running_installation()
        return success(
            {
                "voices": [voice_data(voice, prices, request) for voice in rows],
                "total": pages.count,
                "page": page,
                "pages": pages.num_pages,
                "installing": asdict(installation) if installation else None,
            }
        )


class VoiceDetail(ApiView):
    @described(
        name="getVoice",
        summary="Get a voice",
        tag="Voices",
        success={200: PublicVoice},
        errors=[NotFound, RateLimitExceeded, MaintenanceMode],
    )
    def get(self, request: Request, voice_id: str) -> HttpResponse:
        """Returns what a voice can do and what it costs. No key is needed."""
        return success(voice_data(get_public_voice(_clean(voice_id)), get_prices(), request))


def voice_data(voice: Voice, prices: dict[str, int], request: Request) -> dict[str, Any]:
    """Returns a voice as JSON data. `voice` is from `with_samples`, `prices` from `billing.selectors.get_prices`."""
    data = {name: getattr(voice, name) for name in PUBLIC_FIELDS}
    data["credits_per_1000_chars"] = format_credits(pick_voice_price(voice, prices) * 1000)
    data["samples"] = [_sample_data(voice, sample, request) for sample in voice.samples.all()]
    path = reverse("voice_sample", args=[voice.voice_id]) if data["samples"] else ""
    data["sample_url"] = request.build_absolute_uri(path) if path else None
    return data


def _sample_data(voice: Voice, sample: Sample, request: Request) -> dict[str, Any]:
    return {
        "kind": sample.kind,
        "text": sample.text,
        "url": request.build_absolute_uri(reverse("voice_sample_of_kind", args=[voice.voice_id, sample.kind])),
        "duration_seconds": sample.duration_ms / 1000,
    }


def _clean(value: str) -> str:
    """Removes NUL, which PostgreSQL cannot take. No voice has one."""
    return value.replace("\0", "�")[:200]

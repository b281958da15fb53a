"""The public pages about voices: the gallery with its filters, and a page for each voice."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.paginator import Paginator
from django.db.models import Case, When
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from billing.selectors import get_prices
from config.errors import NotFound
from tts.code_samples import code_samples
from tts.pages.cards import CAPABILITIES, GENDERS, TIERS, card_of
from voices.selectors import get_public_voice, list_languages, list_voices, usable_providers
from voices.sentences import sentence_of

VOICES_ON_A_PAGE = 24
ALIKE = 3
ABILITIES = [(key, words) for key, (_field, words) in CAPABILITIES.items()]
# What most who come read first.
COMES_LATER = Case(When(language__in=["en-US", "en-GB"], then=0), default=1)


class GalleryFilters(forms.Form):
    """What does not make sense is no filter: an address that somebody shared still leads somewhere."""

    q = forms.CharField(label="Search", required=False, max_length=100)
    language = forms.ChoiceField(label="Language", required=False)
    provider = forms.ChoiceField(label="Provider", required=False)
    gender = forms.ChoiceField(label="Gender", required=False, choices=[("", "Any"), *GENDERS.items()])
    model_type = forms.ChoiceField(label="Tier", required=False, choices=[("", "Any"), *TIERS.items()])
    can = forms.ChoiceField(label="Can do", required=False, choices=[("", "Anything"), *ABILITIES])

    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__(data)
        self.label_suffix = ""
        languages = [(code, name) for code, name in list_languages()]
        self.fields["language"].choices = [("", "All languages"), *languages]  # type: ignore[attr-defined]
        providers = [(name, name) for name in sorted(usable_providers())]
        self.fields["provider"].choices = [("", "Any"), *providers]  # type: ignore[attr-defined]
        self.fields["q"].widget.attrs |= {"type": "search", "placeholder": "Name or language", "autocomplete": "off"}

    @property
    def chosen(self) -> dict[str, str]:
        """Of those that make sense, the ones that say something."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}


@require_safe
def gallery(request: HttpRequest) -> HttpResponse:
    """Every voice that speaks here. Its address holds the filters; no account is needed."""
    form = GalleryFilters(request.GET)
    chosen = form.chosen
    wanted = {name: value.replace("\0", "") for name, value in chosen.items() if name != "can"}
    voices = list_voices(**wanted)
    if "can" in chosen:
        voices = voices.filter(**{CAPABILITIES[chosen["can"]][0]: True})
    if "language" not in chosen:
        voices = voices.order_by(COMES_LATER, "language", "provider", "name", "voice_id")
    page = Paginator(voices, VOICES_ON_A_PAGE).get_page(request.GET.get("page"))
    prices = get_prices()
    context = {
        "form": form,
        "page": page,
        "cards": [card_of(voice, prices) for voice in page.object_list],
        "query": f"{urlencode(chosen)}&" if chosen else "",
        "is_filtered": bool(chosen),
        "sought": ", ".join(f"“{_shown(form, name, value)}”" for name, value in chosen.items()),
    }
    return render(request, "tts/gallery.html", context)


@require_safe
def voice_page(request: HttpRequest, voice_id: str) -> HttpResponse:
    """One voice: its sample, what it can do, what it costs, and a first request. 404 when it does not speak here."""
    try:
        voice = get_public_voice(voice_id.replace("\0", ""))
    except NotFound:
        raise Http404("There is no such voice here.") from None
    prices = get_prices()
    alike = list_voices(language=voice.language).exclude(pk=voice.pk).order_by("provider", "name")[:ALIKE]
    sentence = sentence_of(voice.language)
    base_url = request.build_absolute_uri("/").rstrip("/")
    body = {"text": sentence, "voice_id": voice.voice_id, "output_format": "mp3"}
    context = {
        "card": card_of(voice, prices),
        "voice": voice,
        "sentence": sentence,
        "abilities": [(words, getattr(voice, field)) for field, words in CAPABILITIES.values()],
        "formats": ", ".join(voice.output_formats),
        "rates": ", ".join(f"{rate:,}" for rate in voice.sample_rates),
        "max_text": f"{voice.max_text_bytes:,}",
        "max_stream": f"{voice.max_stream_bytes:,}",
        "samples": code_samples(body, base_url=base_url, is_streamed=False),
        "alike": [card_of(each, prices) for each in alike],
        "canonical": f"{base_url}{request.path}",
    }
    return render(request, "tts/voice.html", context)


def _shown(form: GalleryFilters, name: str, value: str) -> str:
    """As the form words it."""
    return str(dict(getattr(form.fields[name], "choices", ())).get(value, value))

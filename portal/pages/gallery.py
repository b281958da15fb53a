"""The public pages for voices: the gallery with its filters, and a page for each voice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.choices import flatten_choices
from django.views.decorators.http import require_safe

from billing.selectors import get_prices
from config.errors import NotFound
from portal.code_samples import code_samples
from portal.pages.cards import CAPABILITIES, GENDERS, QUALITIES, TIERS, build_card, get_provider
from portal.waveform import BARS
from voices.selectors import (
    get_public_voice,
    is_favourite,
    list_languages_and_providers,
    list_voices,
    with_favourites,
    with_samples,
)
from voices.sentences import get_sentence

VOICES_ON_A_PAGE = 24
ALIKE = 3
MAX_ASKED = 50  # selected voices in a URL; the comparison reports which exceed its own limit
ABILITIES = [(key, words) for key, (_field, words) in CAPABILITIES.items()]
FAVOURITES = "favourites"

Choice = tuple[str, str] | tuple[str, list[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Chip:
    """An active filter, and the query without it."""

    words: str
    query: str


class GalleryFilters(forms.Form):
    """The gallery's filters. Invalid values are ignored, so that a shared URL still works."""

    q = forms.CharField(label="Search", required=False, max_length=100)
    language = forms.ChoiceField(label="Language", required=False)
    provider = forms.ChoiceField(label="Provider", required=False)
    gender = forms.ChoiceField(label="Gender", required=False, choices=[("", "Any"), *GENDERS.items()])
    quality = forms.ChoiceField(label="Quality", required=False, choices=[("", "Any"), *QUALITIES.items()])
    model_type = forms.ChoiceField(label="Tier", required=False, choices=[("", "Any"), *TIERS.items()])
    can = forms.ChoiceField(label="Feature", required=False, choices=[("", "Any"), *ABILITIES])
    favourites = forms.ChoiceField(required=False, choices=[("on", "Favourites")])

    def __init__(self, data: Mapping[str, Any], *, has_favourites: bool) -> None:
        super().__init__(data)
        self.label_suffix = ""
        languages, providers = list_languages_and_providers()
        named = [(name, get_provider(name).name) for name in providers]
        self.fields["language"].choices = [("", "All languages"), *language_choices(languages)]  # type: ignore[attr-defined]
        self.fields["provider"].choices = [("", "Any"), *named]  # type: ignore[attr-defined]
        self.fields["q"].widget.attrs |= {
            "type": "search",
            "placeholder": "Search by name or language",
            "autocomplete": "off",
        }
        if not has_favourites:
            del self.fields[FAVOURITES]

    @property
    def chosen(self) -> dict[str, str]:
        """Returns the valid filters that are set."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}

    def words(self, name: str, value: str) -> str:
        """Returns a filter's value in the words of the form."""
        choices: Any = flatten_choices(getattr(self.fields[name], "choices", ()))
        return str(dict(choices).get(value, value))


def language_choices(languages: Sequence[tuple[str, str]]) -> list[Choice]:
    """Groups the locales of a language below an entry for all of them. A single locale stays without a group."""
    by_language = sorted(languages, key=lambda locale: locale[0].partition("-")[0])
    choices: list[Choice] = []
    for language, of_language in groupby(by_language, key=lambda locale: locale[0].partition("-")[0]):
        locales = sorted(of_language, key=lambda locale: locale[1])
        if len(locales) == 1:
            choices += locales
            continue
        name = locales[0][1].partition(" (")[0]
        choices.append((name, [(language, f"{name}, all"), *(locale for locale in locales if locale[0] != language)]))
    return sorted(choices, key=lambda choice: choice[1] if isinstance(choice[1], str) else choice[0])


@require_safe
def gallery(request: HttpRequest) -> HttpResponse:
    """Lists every available voice. The URL contains the filters; no account is needed."""
    user = request.user
    form = GalleryFilters(request.GET, has_favourites=user.is_authenticated)
    chosen = form.chosen
    wanted = {name: value.replace("\0", "") for name, value in chosen.items() if name not in {"can", FAVOURITES}}
    voices = list_voices(**wanted)
    if user.is_authenticated:
        voices = with_favourites(voices, user)
        voices = voices.filter(favourites__user=user) if FAVOURITES in chosen else voices
    if "can" in chosen:
        voices = voices.filter(**{CAPABILITIES[chosen["can"]][0]: True})
    page = Paginator(with_samples(voices), VOICES_ON_A_PAGE).get_page(request.GET.get("page"))
    prices = get_prices()
    selected = get_selected_voices(request.GET)
    here = {voice.voice_id for voice in page.object_list}

    def build_query(filters: Mapping[str, str]) -> str:
        return urlencode([*filters.items(), *(("voice", voice_id) for voice_id in selected)])

    query = build_query(chosen)
    context = {
        "selected_voices": selected,
        "selected_elsewhere": [voice_id for voice_id in selected if voice_id not in here],
        "form": form,
        "page": page,
        "cards": [build_card(voice, prices) for voice in page.object_list],
        "query": f"{query}&" if query else "",
        "every_voice": f"{reverse('gallery')}?{build_query({})}" if selected else reverse("gallery"),
        "chips": [Chip(form.words(name, chosen[name]), build_query(_without(chosen, name))) for name in chosen],
        "favourites": {
            "is_on": FAVOURITES in chosen,
            "query": build_query(
                _without(chosen, FAVOURITES) if FAVOURITES in chosen else {**chosen, FAVOURITES: "on"}
            ),
        },
    }
    return render(request, "tts/gallery.html", context)


@require_safe
def voice_page(request: HttpRequest, voice_id: str) -> HttpResponse:
    """Shows a voice: samples, abilities, price, a first request. 404 if it is not available."""
    try:
        voice = get_public_voice(voice_id.replace("\0", ""))
    except NotFound:
        raise Http404("No voice has this ID.") from None
    prices = get_prices()
    alike = with_samples(list_voices(language=voice.language)).exclude(pk=voice.pk)[:ALIKE]
    base_url = request.build_absolute_uri("/").rstrip("/")
    body = {"text": get_sentence(voice.language), "voice_id": voice.voice_id, "output_format": "mp3"}
    context = {
        "card": build_card(voice, prices, bars=BARS),
        "voice": voice,
        "provider": get_provider(voice.provider),
        "starred": request.user.is_authenticated and is_favourite(user=request.user, voice=voice),
        "abilities": [(words, getattr(voice, field)) for field, words in CAPABILITIES.values()],
        "formats": ", ".join(voice.output_formats),
        "rates": ", ".join(f"{rate:,}" for rate in voice.sample_rates),
        "max_text": f"{voice.max_text_bytes:,}",
        "max_stream": f"{voice.max_stream_bytes:,}",
        "samples": code_samples(body, base_url=base_url, is_streamed=False),
        "alike": [build_card(other, prices) for other in alike],
        "canonical": f"{base_url}{request.path}",
    }
    return render(request, "tts/voice.html", context)


def get_selected_voices(query: QueryDict) -> list[str]:
    """Returns the distinct ids of the voices in the query, whether or not they exist."""
    asked = [voice_id.replace("\0", "") for voice_id in query.getlist("voice")]
    return list(dict.fromkeys(voice_id for voice_id in asked if voice_id))[:MAX_ASKED]


def _without(chosen: Mapping[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in chosen.items() if key != name}

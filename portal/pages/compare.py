"""Compares up to five voices, with samples or with the visitor's own short text. No account needed, no charge."""

import unicodedata
from collections import Counter
from dataclasses import dataclass
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.admission import check_maintenance
from accounts.rate_limits import count_comparison
from billing.money import format_need
from billing.selectors import get_prices
from config.errors import DomainError, ValidationFailed
from portal.pages.cards import CAPABILITIES, QUALITIES, TIERS, get_provider
from portal.pages.gallery import get_selected_voices
from portal.waveform import Wave, draw_wave
from tts.models import VoicePreview, VoicePreviewState
from tts.services.voice_previews import (
    MAX_TEXT_CHARS,
    audition_key,
    may_be_auditioned,
    missing_voices,
    request_auditions,
)
from tts.storage import store
from voices.models import Voice
from voices.prices import pick_voice_price
from voices.selectors import list_voices, usable_voices, with_samples
from voices.sentences import get_sentence

MAX_SELECTED_VOICES = 5
SUGGESTED = 3  # to visitors who have not selected any
EAST_ASIAN = {"CJK", "HIRAGANA", "KATAKANA"}
JOINERS = "\u200c\u200d"  # used in Persian and Indic scripts


class TextForm(forms.Form):
    text = forms.CharField(
        label="Your text",
        max_length=MAX_TEXT_CHARS,
        help_text=f"At most {MAX_TEXT_CHARS} characters. Free of charge. The text is deleted after an hour.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={
            "required": "Enter a text.",
            "max_length": f"The text is longer than {MAX_TEXT_CHARS} characters. Shorten it.",
        },
    )

    def clean_text(self) -> str:
        text = _plain(str(self.cleaned_data["text"]))
        if not text:
            raise ValidationError(self.fields["text"].error_messages["required"], code="required")
        return text


@dataclass(frozen=True, slots=True)
class PreviewCard:
    """What the page plays for a voice.

    `state`: sample (no text yet, or not generated yet), waiting, ready, failed, elsewhere (not free of charge), gone
    (no longer available).
    """

    voice: Voice
    state: str
    url: str
    wave: Wave | None
    seconds: str  # how long the audio took to generate, if ready
    query: str
    has_text: bool
    is_foreign: bool  # the text is in a script that the language does not use


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def compare(request: HttpRequest) -> HttpResponse:
    """Shows the comparison; the URL contains voices and text. POST requests the audio and redirects to that URL."""
    if request.method == "POST":
        return _speak(request)
    asked = get_selected_voices(request.GET)
    text = _plain(request.GET.get("text", ""))[:MAX_TEXT_CHARS]
    if set(request.GET) - {"voice", "text"}:
        return redirect(_address(asked, text))  # from the gallery, with its filters
    voices = _voices(asked)
    example = get_sentence(voices[0].language)[:MAX_TEXT_CHARS] if voices else ""
    form = TextForm(initial={"text": text or example}, label_suffix="")
    return render(request, "tts/compare.html", _context(form, voices, asked, text=text))


@require_safe
@never_cache
def sound(request: HttpRequest) -> HttpResponse:
    """Renders the part of one voice, which polls while its audio is generated: until then, the response is 204."""
    text = _plain(request.GET.get("text", ""))[:MAX_TEXT_CHARS]
    voice = with_samples(Voice.objects.filter(voice_id__in=get_selected_voices(request.GET)[:1])).first()
    if voice is None:
        raise Http404("No voice has this ID.")
    [preview] = _list_previews([voice], text)
    if preview.state == VoicePreviewState.WAITING:
        return HttpResponse(status=204)
    return render(request, "tts/_voice_preview.html", {"preview": preview})


def _speak(request: HttpRequest) -> HttpResponse:
    """Requests the missing audio and redirects to the page; on an error, shows the form with the message."""
    form, asked = TextForm(request.POST, label_suffix=""), get_selected_voices(request.POST)
    voices = _voices(asked)
    status, headers = 400, dict[str, str]()
    if form.is_valid():
        try:
            _request_sounds(request, voices, form.cleaned_data["text"])
        except DomainError as error:
            form.add_error(None, error.message)
            status, headers = error.status, error.headers
        else:
            return redirect(_address([voice.voice_id for voice in voices], form.cleaned_data["text"]))
    context = _context(form, voices, asked, text="")
    response = render(request, "tts/compare.html", context, status=status)
    for name, value in headers.items():
        response.headers[name] = value
    return response


def _request_sounds(request: HttpRequest, voices: list[Voice], text: str) -> None:
    """Counts only new audio. Raises ValidationFailed, MaintenanceMode, CapacityReached, RateLimitExceeded."""
    if not voices:
        raise ValidationFailed("Select a voice first.")
    check_maintenance()
    missing = missing_voices(voices=voices, text=text)
    if missing:
        count_comparison(request, sounds=len(missing))
        request_auditions(voices=missing, text=text)


def _voices(asked: list[str]) -> list[Voice]:
    """Returns the first few available voices, in the order of the URL."""
    found = {voice.voice_id: voice for voice in with_samples(usable_voices()).filter(voice_id__in=asked)}
    return [found[voice_id] for voice_id in asked if voice_id in found][:MAX_SELECTED_VOICES]


def _context(form: TextForm, voices: list[Voice], asked: list[str], *, text: str) -> dict[str, object]:
    previews = _list_previews(voices, text)
    titles = _titles(voices)
    ids = [voice.voice_id for voice in voices]
    without = [_address([other_id for other_id in ids if other_id != voice_id], text) for voice_id in ids]
    return {
        "form": form,
        "voices": list(zip(voices, titles, without, strict=True)),
        "previews": previews,
        "is_waiting": any(item.state == "waiting" for item in previews),
        "rows": _rows(voices, titles),
        "languages_differ": len({voice.language.partition("-")[0] for voice in voices}) > 1,
        "left_out": len(asked) - len(voices),
        "gallery_query": urlencode([("voice", voice_id) for voice_id in ids]),
        "max_selected_voices": MAX_SELECTED_VOICES,
        "suggested": [] if voices else list(list_voices(language="en")[:SUGGESTED]),
    }


def _list_previews(voices: list[Voice], text: str) -> list[PreviewCard]:
    keys = [audition_key(voice, text) for voice in voices] if text else []
    rows = {row.key: row for row in VoicePreview.objects.filter(key__in=keys)} if keys else {}
    return [_build_preview(voice, text, rows.get(audition_key(voice, text)) if text else None) for voice in voices]


def _build_preview(voice: Voice, text: str, row: VoicePreview | None) -> PreviewCard:
    state, url, peaks, seconds = "sample", "", b"", ""
    if not voice.is_usable:
        state = "gone"
    elif row is not None:
        state, peaks, seconds = str(row.state), bytes(row.peaks), _seconds(row.took_ms)
        url = store.signed_url(row.audio_key, base_url="").url if row.state == VoicePreviewState.READY else ""
    else:
        state = "elsewhere" if text and not may_be_auditioned(voice) else "sample"
        if (sample := next(iter(voice.samples.all()), None)) is not None:
            url = reverse("voice_sample_of_kind", args=[voice.voice_id, sample.kind])
            peaks = bytes(sample.peaks)
    own = _letters(get_sentence(voice.language))
    used = _letters(text)
    return PreviewCard(
        voice=voice,
        state=state,
        url=url,
        wave=draw_wave(peaks) if url else None,
        seconds=seconds,
        query=urlencode({"voice": voice.voice_id, "text": text}),
        has_text=bool(text),
        is_foreign=bool(own and used and own != used),
    )


def _titles(voices: list[Voice]) -> list[str]:
    """Returns the names, with the language if a name is not unique: eSpeak's are the same in every language."""
    names = [voice.name for voice in voices]
    return [f"{voice.name}, {voice.language_name}" if names.count(voice.name) > 1 else voice.name for voice in voices]


def _rows(voices: list[Voice], titles: list[str]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Returns the rows of the comparison: a label, and each voice's title with its value."""
    prices = get_prices()

    def row(words: str, values: list[str]) -> tuple[str, list[tuple[str, str]]]:
        return words, list(zip(titles, values, strict=True))

    return [
        row("Language", [voice.language_name for voice in voices]),
        row("Gender", [voice.gender.capitalize() for voice in voices]),
        row("Engine", [f"{get_provider(voice.provider).name}, {voice.family}" for voice in voices]),
        row("Your text goes to", [get_provider(voice.provider).text_goes_to for voice in voices]),
        row("Quality", [QUALITIES[voice.quality] for voice in voices]),
        row("Tier", [TIERS[voice.model_type] for voice in voices]),
        row("Credits per 1,000 characters", [format_need(pick_voice_price(v, prices) * 1000) for v in voices]),
        row("Longest text", [f"{voice.max_text_bytes:,} bytes" for voice in voices]),
        row("Longest stream", [f"{v.max_stream_bytes:,} bytes" if v.supports_streaming else "None" for v in voices]),
        *(
            row(words, ["Yes" if getattr(voice, field) else "No" for voice in voices])
            for field, words in CAPABILITIES.values()
        ),
    ]


def _seconds(took_ms: int) -> str:
    return f"{took_ms / 1000:.1f}" if took_ms >= 100 else "less than 0.1"


def _address(voice_ids: list[str], text: str) -> str:
    query = [("voice", voice_id) for voice_id in voice_ids] + ([("text", text)] if text else [])
    return f"{reverse('compare')}?{urlencode(query)}" if query else reverse("compare")


def _plain(text: str) -> str:
    """Returns the text on one line, without characters that the database or engines reject."""
    words = "".join(char if char.isprintable() or char in JOINERS else " " for char in text).split()
    return " ".join(words).strip(f"{JOINERS} ")


def _letters(text: str) -> str:
    """Returns the Unicode name of the script of most letters, or "" if there are none."""
    scripts = Counter(unicodedata.name(char, "").partition(" ")[0] for char in text if char.isalpha())
    script = scripts.most_common(1)[0][0] if scripts else ""
    return "EAST ASIAN" if script in EAST_ASIAN else script

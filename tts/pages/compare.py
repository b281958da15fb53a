"""Up to five voices side by side, and a visitor's own short text in each. No account, and nothing is charged."""

import unicodedata
from collections import Counter
from dataclasses import dataclass
from urllib.parse import urlencode

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.rate_limits import count_comparison
from accounts.selectors import is_in_maintenance
from billing.money import format_need
from billing.selectors import get_prices
from config.errors import DomainError
from tts import store
from tts.models import Audition, AuditionState
from tts.pages.cards import CAPABILITIES, TIERS, provider_of
from tts.pages.gallery import MAX_PICKS
from tts.services.auditions import (
    MAX_TEXT_CHARS,
    audition_key,
    may_be_auditioned,
    missing_voices,
    request_auditions,
)
from tts.waveform import Wave, draw_wave
from voices.models import Voice
from voices.selectors import usable_voices
from voices.sentences import sentence_of

EAST_ASIAN = {"CJK", "HIRAGANA", "KATAKANA"}


class TextForm(forms.Form):
    text = forms.CharField(
        label="Your text",
        max_length=MAX_TEXT_CHARS,
        help_text=f"At most {MAX_TEXT_CHARS} characters. Nothing is charged; it is forgotten after an hour.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={
            "required": "Type what the voices are to say.",
            "max_length": f"This is longer than {MAX_TEXT_CHARS} characters. Shorten it.",
        },
    )

    def clean_text(self) -> str:
        return _plain(str(self.cleaned_data["text"]))


@dataclass(frozen=True, slots=True)
class Heard:
    """What there is to hear of a voice. `state`: sample, waiting, ready, failed, elsewhere (not spoken for free)."""

    voice: Voice
    state: str
    url: str
    wave: Wave | None
    query: str
    is_foreign: bool  # the text is in letters that its language does not use


@require_http_methods(["GET", "HEAD", "POST"])
def compare(request: HttpRequest) -> HttpResponse:
    """The address holds the voices and the text; a POST has the text spoken and leads to it."""
    asked = request.POST.getlist("voice") if request.method == "POST" else request.GET.getlist("voice")
    voices = _voices(asked)
    if request.method == "POST":
        form = TextForm(request.POST)
        retry_after = _speak(request, form, voices)
        if form.is_valid():
            return redirect(_address(voices, form.cleaned_data["text"]))
        response = render(request, "tts/compare.html", _context(form, voices, asked, text=""), status=400)
        if retry_after:
            response.status_code = 429
            response.headers["Retry-After"] = str(retry_after)
        return response
    text = _plain(request.GET.get("text", ""))[:MAX_TEXT_CHARS]
    if set(request.GET) - {"voice", "text"}:
        return redirect(_address(voices, text))  # from the gallery, with its filters
    example = sentence_of(voices[0].language)[:MAX_TEXT_CHARS] if voices else ""
    form = TextForm(initial={"text": text or example})
    return render(request, "tts/compare.html", _context(form, voices, asked, text=text))


@require_safe
def sound(request: HttpRequest) -> HttpResponse:
    """One voice's part of the page, which asks for itself until there is something to hear."""
    voices = _voices(request.GET.getlist("voice")[:1])
    if not voices:
        raise Http404("There is no such voice here.")
    text = _plain(request.GET.get("text", ""))[:MAX_TEXT_CHARS]
    [heard] = _heard(voices, text)
    return render(request, "tts/_audition.html", {"heard": heard})


def _speak(request: HttpRequest, form: TextForm, voices: list[Voice]) -> int:
    """Has made what is not there yet. What stands in the way is said in the form; the seconds to wait are returned."""
    if not form.is_valid():
        return 0
    if not voices:
        form.add_error(None, "Choose a voice first.")
        return 0
    if is_in_maintenance():
        form.add_error(None, "The service is down for maintenance. Try again in a few minutes.")
        return 0
    text = form.cleaned_data["text"]
    missing = missing_voices(voices=voices, text=text)
    if wait := count_comparison(request, sounds=len(missing)):
        form.add_error(None, f"That was much to compare. The next text is welcome in {-(-wait // 60)} minutes.")
        return wait
    try:
        if missing:
            request_auditions(voices=missing, text=text)
    except DomainError as error:
        form.add_error(None, error.message)
    return 0


def _voices(asked: list[str]) -> list[Voice]:
    """In the order of the address, each once, and only those that speak here."""
    wanted = list(dict.fromkeys(voice_id for voice_id in asked[:50] if "\0" not in voice_id))[:MAX_PICKS]
    found = {voice.voice_id: voice for voice in usable_voices().filter(voice_id__in=wanted)}
    return [found[voice_id] for voice_id in wanted if voice_id in found]


def _context(form: TextForm, voices: list[Voice], asked: list[str], *, text: str) -> dict[str, object]:
    heard = _heard(voices, text)
    return {
        "form": form,
        "voices": [(voice, _address([each for each in voices if each != voice], text)) for voice in voices],
        "heard": heard,
        "is_waiting": any(each.state == "waiting" for each in heard),
        "rows": _rows(voices),
        "languages_differ": len({voice.language.partition("-")[0] for voice in voices}) > 1,
        "left_out": len(set(asked)) - len(voices),
        "gallery_query": urlencode([("voice", voice.voice_id) for voice in voices]),
        "max_picks": MAX_PICKS,
    }


def _heard(voices: list[Voice], text: str) -> list[Heard]:
    keys = [audition_key(voice, text) for voice in voices] if text else []
    rows = {row.key: row for row in Audition.objects.filter(key__in=keys)} if keys else {}
    return [_heard_of(voice, text, rows.get(audition_key(voice, text)) if text else None) for voice in voices]


def _heard_of(voice: Voice, text: str, row: Audition | None) -> Heard:
    state, url, peaks = "sample", "", bytes(voice.sample_peaks)
    if row is not None:
        state, peaks = str(row.state), bytes(row.peaks)
        url = store.signed_url(row.audio_key, base_url="").url if row.state == AuditionState.READY else ""
    else:
        state = "elsewhere" if text and not may_be_auditioned(voice) else "sample"
        url = reverse("voice_sample", args=[voice.voice_id]) if voice.sample_key else ""
    own = _letters(sentence_of(voice.language))
    used = _letters(text)
    return Heard(
        voice=voice,
        state=state,
        url=url,
        wave=draw_wave(peaks) if url else None,
        query=urlencode({"voice": voice.voice_id, "text": text}),
        is_foreign=bool(own and used and own != used),
    )


def _rows(voices: list[Voice]) -> list[tuple[str, list[tuple[str, str]]]]:
    """What is compared: words, and each voice's name with its value."""
    prices = get_prices()

    def row(words: str, values: list[str]) -> tuple[str, list[tuple[str, str]]]:
        return words, [(voice.name, value) for voice, value in zip(voices, values, strict=True)]

    return [
        row("Language", [voice.language_name for voice in voices]),
        row("Gender", [voice.gender.capitalize() for voice in voices]),
        row("Engine", [f"{provider_of(voice.provider).name}, {voice.family}" for voice in voices]),
        row("Your text goes to", [provider_of(voice.provider).text_goes_to for voice in voices]),
        row("Tier", [TIERS[voice.model_type] for voice in voices]),
        row("Credits per 1,000", [format_need(prices[voice.model_type] * 1000) for voice in voices]),
        row("Longest text", [f"{voice.max_text_bytes:,} bytes" for voice in voices]),
        row("Longest stream", [f"{v.max_stream_bytes:,} bytes" if v.supports_streaming else "None" for v in voices]),
        *(
            row(words, ["Yes" if getattr(voice, field) else "No" for voice in voices])
            for field, words in CAPABILITIES.values()
        ),
    ]


def _address(voices: list[Voice], text: str) -> str:
    query = [("voice", voice.voice_id) for voice in voices] + ([("text", text)] if text else [])
    return f"{reverse('compare')}?{urlencode(query)}" if query else reverse("compare")


def _plain(text: str) -> str:
    """On one line, without what no database or engine takes."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def _letters(text: str) -> str:
    """The script that most of it is written in, as Unicode names it; "" for none."""
    scripts = Counter(unicodedata.name(each, "").partition(" ")[0] for each in text if each.isalpha())
    script = scripts.most_common(1)[0][0] if scripts else ""
    return "EAST ASIAN" if script in EAST_ASIAN else script

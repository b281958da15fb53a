"""The playground: a text becomes speech on the page, for the price and by the rules of the API."""

import uuid
from dataclasses import dataclass
from itertools import groupby
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.admission import admit_member
from accounts.membership import MemberRequest, member_page
from accounts.models import Account, User
from accounts.services.audit import Actor
from accounts.services.idempotency import build_form_claim
from billing.errors import InsufficientCredits
from billing.money import format_have, format_need
from billing.selectors import get_balance, get_prices
from config.errors import DomainError, NotFound
from portal.code_samples import code_samples
from portal.forms import SpeechForm
from portal.pages.player import build_player
from portal.pages.tokens import form_token
from tts.requests import max_bytes
from tts.resubmit import build_request, request_body
from tts.selectors import get_job
from tts.services.submit import quote_job, submit_job
from voices.models import Voice
from voices.selectors import list_favourites, list_voices

FIRST_TEXT = "Good evening, and welcome aboard. The next stop is the harbour."
FIRST_LANGUAGE = "English (United"  # what the example is written in


@dataclass(frozen=True, slots=True)
class VoiceGroup:
    language: str
    options: list[tuple[str, str]]  # voice_id, and what the picker says


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@member_page("create_speech")
def playground(request: MemberRequest) -> HttpResponse:
    """The form; with POST, a job: its page without script, its progress and sound beside the form with it."""
    account = request.membership.account
    if request.method != "POST":
        groups = _voice_groups(request)
        form = SpeechForm(initial=_initial(request, account, groups))
        return render(request, "tts/playground.html", _context(request, form, groups))
    form = SpeechForm(request.POST)
    job_id = _speak(request, form)
    if not is_htmx(request):
        if job_id is not None:
            return redirect("job", job_id)
        return render(request, "tts/playground.html", _context(request, form, _voice_groups(request)))
    if job_id is None:
        # The whole form again, with what is wrong at its field.
        response = render(request, "tts/_playground.html", _context(request, form, _voice_groups(request)))
        response.headers["HX-Retarget"] = "#playground"
        response.headers["HX-Reswap"] = "outerHTML show:top"
        return response
    sound = build_player(get_job(account=account, job_id=job_id))
    context = {"sound": sound, "token": uuid.uuid4(), "available": format_have(_available(account)), "is_answer": True}
    return render(request, "tts/_result.html", context)


@require_POST
@never_cache
@member_page("create_speech")
def price(request: MemberRequest) -> HttpResponse:
    """What the form, as it stands, would cost; and the same request in code. Nothing is made."""
    form = SpeechForm(request.POST)
    return render(request, "tts/_price.html", {**_quote(request, form), "is_answer": True})


def is_htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


def _speak(request: MemberRequest, form: SpeechForm) -> uuid.UUID | None:
    """The job's id; None when it was refused, and the form says why.

    The form's token and what is in it make one job: a second click, or a reload, gets the first one's.
    """
    account = request.membership.account
    try:
        admission = admit_member(request, account=account, actor=Actor.of_member(request.membership))
        if not form.is_valid():
            return None
        speech = form.speech_request()
        body = request_body(speech) | {"mode": speech.delivery_mode}
        claim = build_form_claim(form="playground", token=form_token(request), body=body)
        submission = submit_job(admission=admission, request=speech, claim=claim)
    except InsufficientCredits as error:
        form.add_error(None, f"{error.message}. Add credits, or shorten the text.")
    except DomainError as error:
        form.refuse(error)
    else:
        return submission.job_id
    return None


def _initial(request: MemberRequest, account: Account, groups: list[VoiceGroup]) -> dict[str, Any]:
    """An example, in a voice that the address names; or what an earlier job of the account asked."""
    options = [(voice_id, f"{group.language} {label}") for group in groups for voice_id, label in group.options]
    first = next((voice_id for voice_id, label in options if FIRST_LANGUAGE in label), options[0][0] if options else "")
    here = {voice_id for voice_id, _ in options}

    def or_first(voice_id: str) -> str:
        return voice_id if voice_id in here else first

    initial: dict[str, Any] = {"text": FIRST_TEXT, "stream": True}
    initial["voice_id"] = or_first(request.GET.get("voice_id", ""))
    try:
        earlier = uuid.UUID(request.GET.get("like", ""))
        body = request_body(build_request(get_job(account=account, job_id=earlier)))
    except (ValueError, NotFound):
        return initial
    body["sample_rate_hertz"] = str(body["sample_rate_hertz"])
    return {"stream": False, **body, "voice_id": or_first(body["voice_id"])}


def _context(request: MemberRequest, form: SpeechForm, groups: list[VoiceGroup]) -> dict[str, Any]:
    chosen = form["voice_id"].value()
    return {"form": form, "groups": groups, "chosen": chosen, "token": uuid.uuid4(), **_quote(request, form)}


def _voice_groups(request: MemberRequest) -> list[VoiceGroup]:
    """The person's favourites, then all others by language. Rows of five columns: a catalogue may have thousands."""
    credits_per_1000 = {name: format_need(price * 1000) for name, price in get_prices().items()}
    starred = set(list_favourites(cast(User, request.user)).values_list("voice_id", flat=True))
    rows = list_voices().values_list("language_name", "name", "family", "model_type", "voice_id")
    ordered = sorted(rows.order_by(), key=lambda row: (row[0], row[1], row[2]))
    favourites = [
        (voice_id, f"{name}, {language}, {family}, {credits_per_1000[tier]}")
        for language, name, family, tier, voice_id in ordered
        if voice_id in starred
    ]
    others = [row for row in ordered if row[4] not in starred]
    by_language = [
        VoiceGroup(
            language,
            [
                (voice_id, f"{name}, {family}, {credits_per_1000[tier]}")
                for _, name, family, tier, voice_id in of_language
            ],
        )
        for language, of_language in groupby(others, key=lambda row: row[0])
    ]
    return [VoiceGroup("Favourites", favourites), *by_language] if favourites else by_language


def _quote(request: MemberRequest, form: SpeechForm) -> dict[str, Any]:
    """The price of the form as it stands, or what stands in its way; and the request in code."""
    account = request.membership.account
    values = {name: form[name].value() for name in form.fields} | {"stream": bool(form["stream"].value())}
    typed = SpeechForm(values)
    text = str(values["text"] or "").replace("\r\n", "\n")
    voice = Voice.objects.filter(voice_id=values["voice_id"] or "").first()
    shown: dict[str, Any] = {"voice": voice, "size_bytes": f"{len(text.encode('utf-8', 'replace')):,}", "problem": ""}
    if voice is not None:
        shown["max_bytes"] = f"{max_bytes(voice, 'stream' if values['stream'] else 'async'):,}"
        shown["per_1000"] = format_need(get_prices()[voice.model_type] * 1000)
    if not typed.is_valid():
        return shown
    try:
        speech = typed.speech_request()
        body = request_body(speech)
        base_url = request.build_absolute_uri("/").rstrip("/")
        shown["samples"] = code_samples(body, base_url=base_url, is_streamed=bool(values["stream"]))
        quote = quote_job(account=account, api_key=None, request=speech)
    except DomainError as error:
        shown["problem"] = next((problem for problems in error.details.values() for problem in problems), error.message)
        return shown
    left = quote.remaining_microcredits - quote.cost_microcredits
    return shown | {
        "cost": format_need(quote.cost_microcredits),
        "chars": f"{quote.chars:,}",
        "is_affordable": quote.is_affordable,
        "remaining": format_have(quote.remaining_microcredits),
        "left": format_have(left) if quote.is_affordable else "",
    }


def _available(account: Account) -> int:
    return get_balance(account).available_microcredits

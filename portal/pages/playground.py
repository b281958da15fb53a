"""The playground: generates speech on the page, with the prices and rules of the API."""

import uuid
from dataclasses import dataclass
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
from billing.selectors import get_balance, get_prices, pick_price
from config.errors import DomainError, NotFound
from portal.code_samples import code_samples
from portal.forms import SpeechForm
from portal.pages.cards import QUALITIES
from portal.pages.player import build_player
from portal.pages.tokens import form_token
from tts.requests import max_bytes
from tts.resubmit import build_request, request_body
from tts.selectors import get_job
from tts.services.submit import quote_job, submit_job
from voices.models import Voice
from voices.prices import get_voice_price
from voices.selectors import list_favourites, list_voices

FIRST_TEXT = "Good evening, and welcome aboard. The next stop is the harbour."


@dataclass(frozen=True, slots=True)
class VoiceGroup:
    language: str
    options: list[tuple[str, str]]  # voice_id and label


@dataclass(frozen=True, slots=True)
class VoiceChoice:
    """The options for the voice: the user's favourites, then the other voices by language, the best first.

    `first` is the preselected voice: a favourite if one speaks English, like the example text; "" if there are no
    voices.
    """

    groups: list[VoiceGroup]
    first: str


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@member_page("create_speech")
def playground(request: MemberRequest) -> HttpResponse:
    """Shows the form. POST submits a job: without JavaScript it redirects there, with htmx it renders the result."""
    account = request.membership.account
    if request.method != "POST":
        choice = _voice_choice(request)
        form = SpeechForm(initial=_initial(request, account, choice))
        return render(request, "tts/playground.html", _context(request, form, choice))
    form = SpeechForm(request.POST)
    job_id = _speak(request, form)
    if not is_htmx(request):
        if job_id is not None:
            return redirect("job", job_id)
        return render(request, "tts/playground.html", _context(request, form, _voice_choice(request)))
    if job_id is None:
        # The whole form again, with the error at its field.
        response = render(request, "tts/_playground.html", _context(request, form, _voice_choice(request)))
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
    """Renders the price of the form's content, and the same request as code. Submits nothing."""
    form = SpeechForm(request.POST)
    return render(request, "tts/_price.html", {**_quote(request, form), "is_answer": True})


def is_htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


def _speak(request: MemberRequest, form: SpeechForm) -> uuid.UUID | None:
    """Submits a job and returns its id, or None if it was rejected; the form then has the reason.

    Token and content of the form identify the job: a second click, or a reload, returns the first one.
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


def _initial(request: MemberRequest, account: Account, choice: VoiceChoice) -> dict[str, Any]:
    """Returns an example text in the voice from the URL, or the request of an earlier job of the account."""
    here = {voice_id for group in choice.groups for voice_id, _ in group.options}

    def or_first(voice_id: str) -> str:
        return voice_id if voice_id in here else choice.first

    initial: dict[str, Any] = {"text": FIRST_TEXT, "stream": True}
    initial["voice_id"] = or_first(request.GET.get("voice_id", ""))
    try:
        earlier = uuid.UUID(request.GET.get("like", ""))
        body = request_body(build_request(get_job(account=account, job_id=earlier)))
    except (ValueError, NotFound):
        return initial
    body["sample_rate_hertz"] = str(body["sample_rate_hertz"])
    return {"stream": False, **body, "voice_id": or_first(body["voice_id"])}


def _context(request: MemberRequest, form: SpeechForm, choice: VoiceChoice) -> dict[str, Any]:
    chosen = form["voice_id"].value()
    return {"form": form, "groups": choice.groups, "chosen": chosen, "token": uuid.uuid4(), **_quote(request, form)}


def _voice_choice(request: MemberRequest) -> VoiceChoice:
    """Reads a few columns only: the catalogue may have thousands of voices."""
    prices = get_prices()
    starred = set(list_favourites(cast(User, request.user)).values_list("voice_id", flat=True))
    columns = ("voice_id", "name", "language", "language_name", "quality", "provider", "family", "model_type")
    rows = list(list_voices().values_list(*columns, named=True))  # best first
    english = [row.voice_id for row in rows if row.language.startswith("en")]
    likely = [*(voice_id for voice_id in english if voice_id in starred), *english, *(row.voice_id for row in rows[:1])]
    favourites: list[tuple[str, str]] = []
    languages: dict[str, list[tuple[str, str]]] = {}
    for row in sorted(rows, key=lambda row: str(row.language_name)):
        price = pick_price(prices, provider=row.provider, family=row.family, model_type=row.model_type)
        facts = [row.family, *([QUALITIES["basic"]] if row.quality == "basic" else []), format_need(price * 1000)]
        if row.voice_id in starred:
            favourites.append((row.voice_id, ", ".join([row.name, row.language_name, *facts])))
        else:
            languages.setdefault(row.language_name, []).append((row.voice_id, ", ".join([row.name, *facts])))
    groups = [VoiceGroup(name, options) for name, options in languages.items()]
    if favourites:
        groups.insert(0, VoiceGroup("Favourites", favourites))
    return VoiceChoice(groups, first=likely[0] if likely else "")


def _quote(request: MemberRequest, form: SpeechForm) -> dict[str, Any]:
    """Returns the price of the form's content, or the problem with it; and the request as code."""
    account = request.membership.account
    values = {name: form[name].value() for name in form.fields} | {"stream": bool(form["stream"].value())}
    typed = SpeechForm(values)
    text = str(values["text"] or "").replace("\r\n", "\n")
    voice = Voice.objects.filter(voice_id=values["voice_id"] or "").first()
    shown: dict[str, Any] = {"voice": voice, "size_bytes": f"{len(text.encode('utf-8', 'replace')):,}", "problem": ""}
    if voice is not None:
        shown["max_bytes"] = f"{max_bytes(voice, 'stream' if values['stream'] else 'async'):,}"
        shown["per_1000"] = format_need(get_voice_price(voice) * 1000)
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

"""The pages: what this is, and an account at a glance."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Case, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.membership import MemberRequest, member_page
from accounts.permissions import may
from accounts.rate_limits import limit_for
from accounts.selectors import list_keys
from billing.money import format_have, format_need
from billing.selectors import get_prices
from tts import store
from tts.frame import frame_of
from tts.models import Job
from tts.selectors import list_jobs
from voices.models import Voice
from voices.selectors import list_voices

VOICES_ON_HOME = 24  # the API lists the rest
ROWS = 20  # of each table of the overview
EXAMPLE_LANGUAGE = "en-US"  # what the example's sentence is written in
FIRST_LANGUAGES = (EXAMPLE_LANGUAGE, "en-GB")  # on the start page, for those who read it


@dataclass(frozen=True, slots=True)
class VoiceRow:
    voice: Voice
    credits_per_1000_chars: str


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job as the overview shows it. `audio_url` is signed, "" when there is no audio."""

    job: Job
    characters: str
    cost: str
    refunded: str
    audio_url: str


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


@require_safe
@never_cache
@member_page()
def overview(request: MemberRequest) -> HttpResponse:
    """The chosen account of the person: its credits and limits and, where the role allows, keys and latest jobs."""
    frame = frame_of(request)
    account, balance = frame.account, frame.balance
    context: dict[str, Any] = {
        "frame": frame,
        "account": account,
        "available": frame.available,
        "debt": format_need(balance.debt_microcredits) if balance.debt_microcredits else "",
        "generate_limit": f"{limit_for(account, 'generate'):,}",
        "read_limit": f"{limit_for(account, 'read'):,}",
        "row_limit": ROWS,
    }
    if may(request.membership, "view_keys"):
        context["keys"] = list_keys(account=account)[:ROWS]
    if may(request.membership, "view_jobs"):
        rows = [_job_row(job) for job in list_jobs(account=account)[:ROWS]]
        context |= {"rows": rows, "is_any_unfinished": any(not row.job.is_finished for row in rows)}
        context |= {} if rows else _example(request)
    return render(request, "tts/overview.html", context)


def _voice_row(voice: Voice, prices: dict[str, int]) -> VoiceRow:
    return VoiceRow(voice, credits_per_1000_chars=format_need(prices[voice.model_type] * 1000))


def _job_row(job: Job) -> JobRow:
    return JobRow(
        job=job,
        characters=f"{job.chars_charged:,}",
        cost=format_need(job.cost_microcredits),
        refunded=format_have(job.refunded_microcredits) if job.refunded_microcredits else "",
        audio_url=store.signed_url(job.audio_key, base_url="").url if job.has_audio else "",
    )


def _example(request: HttpRequest) -> dict[str, Any]:
    """What the code samples need: where this server is, and a voice that speaks here; None when none does."""
    voice = list_voices(language=EXAMPLE_LANGUAGE).first() or list_voices().first()
    return {"base_url": request.build_absolute_uri("/").rstrip("/"), "example_voice": voice}
